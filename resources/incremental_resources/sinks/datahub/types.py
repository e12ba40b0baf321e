"""Which of DataHub's abstract types a product's type is; the native type is told as it is."""

import re

BEGINNINGS = (
    (r"bool|bit\b", "BooleanType"),
    (r"(var)?binary|blob|bytea|tinyblob|mediumblob|longblob|raw", "BytesType"),
    (r"date\b|date32", "DateType"),
    (r"time|datetime|interval|year", "TimeType"),
    (
        r"u?int|(small|big|tiny|medium|huge|uhuge|utiny|usmall|ubig)int|serial|bigserial",
        "NumberType",
    ),
    (r"numeric|decimal|dec\b|number|float|double|real|money", "NumberType"),
    (r"enum|set\b|lowcardinality\(enum", "EnumType"),
    (r"map", "MapType"),
    (r"array|.*\[\d*\]$", "ArrayType"),
    (r"struct|tuple|json|record|row", "RecordType"),
    (r"union|variant", "UnionType"),
)
WRAPPED = re.compile(r"(?:nullable|lowcardinality)\((.*)\)$")
RULES = [(re.compile(rf"(?:{pattern})"), name) for pattern, name in BEGINNINGS]


def abstract_type(native: str | None) -> str:
    """The name of the class in ``com.linkedin.schema``; text where nothing else fits."""
    if native is None:
        return "NullType"
    text = native.strip().lower()
    while found := WRAPPED.match(text):
        text = found[1]
    if text.endswith("]"):
        return "ArrayType"
    return next((name for rule, name in RULES if rule.match(text)), "StringType")
