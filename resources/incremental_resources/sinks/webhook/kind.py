"""The kind `webhook`: its options, and signing. What is posted is in ``pages``."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from incremental_resources.sinks.addresses import is_address
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.http import post, reach
from incremental_resources.sinks.kinds import Place, SinkKind, SinkOptions
from incremental_resources.sinks.webhook.pages import pages_of, text_of

TIMESTAMP = "X-Incremental-Timestamp"
SIGNATURE = "X-Incremental-Signature"


class WebhookOptions(SinkOptions):
    """Options of a webhook."""

    url: SecretStr = Field(
        description="Where it is posted; best as ${NAME}, as it may be a secret itself.",
        json_schema_extra={"allowed": "https://host/path or http://host/path"},
    )
    secret: SecretStr | None = Field(
        default=None,
        description="Signs every post; best as ${NAME}.",
        json_schema_extra={"allowed": "a text, ${WEBHOOK_SECRET} for instance"},
    )
    format: Literal["json", "slack"] = Field(
        default="json", description="All changes in pages, or one text as Slack takes it."
    )
    headers: Mapping[str, SecretStr] = Field(
        default_factory=dict,
        description="More headers, for authorization say; values best as ${NAME}.",
        json_schema_extra={"allowed": "a mapping of names to texts"},
    )
    page_rows: int = Field(default=1000, ge=1, le=100_000, description="Changes in one post.")
    with_state: bool = Field(
        default=False, description="Send a state that begins anew too, object by object."
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Without an answer for so long it is unreachable."
    )

    @field_validator("url")
    @classmethod
    def _of_the_web(cls, url: SecretStr) -> SecretStr:
        if not is_address(url.get_secret_value()):
            allowed = "https://host/path or http://host/path"
            raise PydanticCustomError("refused", "is no address; allowed: " + allowed)
        return url


class WebhookSink:
    """Posts every version, page by page; a page that was answered with 2xx was taken."""

    def __init__(self, options: WebhookOptions, place: Place) -> None:
        self.name = place.name
        self._options = options

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Post the version; the same pages with the same keys where it comes again."""
        count = 0
        for body in delivery.paced(self._bodies(delivery)):
            count += 1
            self._post(json.dumps(body, ensure_ascii=False).encode(), self._key(delivery, count))
        return {"posts": count}

    def _key(self, delivery: Delivery, page: int) -> str:
        """One key for one content: the version, from where it leads, and how it is cut."""
        parts = ["whole" if delivery.begins_anew else delivery.previous, self._options.page_rows]
        made = hashlib.sha256(json.dumps([delivery.identity, *parts]).encode()).hexdigest()
        return f"{made[:32]}-{page}"

    def _bodies(self, delivery: Delivery) -> Iterator[dict[str, Any]]:
        options = self._options
        if options.format == "json":
            yield from pages_of(delivery, options.page_rows, with_state=options.with_state)
        else:
            yield {"text": text_of(delivery)}

    def _post(self, body: bytes, key: str) -> None:
        options = self._options
        url, headers = options.url.get_secret_value(), self._headers(body, key)
        post(url, body, headers, options.timeout_seconds)

    def _headers(self, body: bytes, key: str) -> dict[str, str]:
        own = {name: value.get_secret_value() for name, value in self._options.headers.items()}
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, **own}
        if self._options.secret is None:
            return headers
        return headers | signed(body, self._options.secret.get_secret_value(), int(time.time()))


def signed(body: bytes, secret: str, at: int) -> dict[str, str]:
    """The headers that prove who posted: HMAC-SHA256 of ``<timestamp>.<body>``, hexadecimal."""
    text = f"{at}.".encode() + body
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {TIMESTAMP: str(at), SIGNATURE: f"sha256={digest}"}


def _check(options: WebhookOptions) -> str:
    return reach(options.url.get_secret_value(), options.timeout_seconds)


KIND = SinkKind(
    name="webhook",
    title="changes posted as signed JSON, or as a text for a chat",
    options=WebhookOptions,
    make=WebhookSink,
    check=_check,
)
