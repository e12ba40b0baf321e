"""The words of which the benchmark's catalogue makes its names, types, defaults and texts."""

DOMAINS = (
    "sales", "billing", "logistics", "marketing", "finance",
    "support", "inventory", "payroll", "identity", "telemetry",
)  # fmt: skip
LAYERS = ("raw", "staging", "core", "mart", "archive")

SUBJECTS = (
    "customer", "subscription", "invoice", "shipment", "warehouse", "campaign", "ledger", "ticket",
    "employee", "supplier", "contract", "session", "device", "payment", "refund", "account",
    "product", "catalog", "promotion", "delivery", "complaint", "settlement", "forecast", "audit",
    "consent", "territory", "quotation", "return_order", "purchase_order", "loyalty_member",
)  # fmt: skip
ASPECTS = (
    "address", "assignment", "attachment", "balance", "contact", "event", "history", "line",
    "metric", "note", "preference", "reconciliation", "schedule", "segment", "snapshot", "status",
    "summary", "transition", "usage", "version", "allocation", "exception", "measurement",
    "notification", "adjustment", "classification", "relationship", "rule", "tax_detail", "window",
)  # fmt: skip
FORMS = (
    "", "_current", "_daily", "_monthly", "_by_region", "_by_channel", "_log", "_backup_2024",
    "_import", "_enriched", "_deduplicated", "_v2", "_pending", "_rejected", "_lookup",
)  # fmt: skip
QUALIFIERS = (
    "billing", "shipping", "net", "gross", "original", "effective", "requested", "confirmed",
    "external", "parent", "primary", "secondary", "previous", "estimated", "actual", "local",
    "reported", "approved", "maximum", "minimum", "source", "target", "legal", "planned",
)  # fmt: skip
FACTS = (
    "amount", "currency_code", "quantity", "reference", "identifier", "country_code", "postal_code",
    "description", "starts_at", "ends_at", "updated_by", "category", "priority", "percentage",
    "language", "checksum", "channel", "unit_price", "weight_grams", "time_zone", "reason_code",
    "batch_number", "url", "phone_number", "email", "sequence_number", "score", "region", "payload",
    "is_active", "is_verified", "tax_rate", "account_number", "department", "comment_text",
)  # fmt: skip

TYPES = (
    "bigint", "integer", "smallint", "numeric({precision},2)", "numeric({precision},6)", "text",
    "varchar({length})", "varchar({length})", "varchar(255)", "character(3)", "boolean", "date",
    "timestamp with time zone", "timestamp without time zone", "double precision", "uuid", "jsonb",
    "text[]", "bytea", "interval",
)  # fmt: skip
DEFAULTS = {
    "bigint": "{number}",
    "integer": "{number}",
    "numeric": "0.00",
    "text": "'unknown'",
    "varchar": "'not given'",
    "character": "'EUR'",
    "boolean": "false",
    "date": "current_date",
    "timestamp with time zone": "now()",
    "uuid": "gen_random_uuid()",
    "jsonb": "'{{}}'",
    "text[]": "array[]::text[]",
}

OPENINGS = (
    "As reported by", "Taken over nightly from", "Computed from", "Entered by hand in",
    "Kept for the auditors of", "Derived, see the handbook of", "Deprecated, still read by",
    "Agreed with",
)  # fmt: skip
CAVEATS = (
    "empty before the migration of 2019", "may arrive up to two days late", "in the local currency",
    "not unique across regions", "null while the process is open", "rounded to whole units",
    "personal data: handle as such", "overwritten by the monthly correction",
    "includes cancelled items", "in minutes, not seconds",
)  # fmt: skip
