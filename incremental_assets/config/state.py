"""Where the state is kept, as ``state`` and ``s3`` of a configuration say it: a directory, or S3.

Opening the place is ``wiring``'s and ``state_store``'s. Nothing connects here.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from incremental_assets.config.errors import refusal
from incremental_assets.config.options import Model

S3 = "s3://"
PLACES = "a directory, or s3://bucket/prefix"
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
PART = r"[A-Za-z0-9_][A-Za-z0-9_.=-]*"
S3_PLACE = re.compile(rf"s3://({BUCKET})((?:/{PART})*)/?")


class S3Settings(Model):
    """How the S3 store of ``state`` is reached; what is left out is taken from the AWS chain."""

    endpoint_url: str | None = Field(
        default=None,
        description="Where a store that is not Amazon's answers.",
        json_schema_extra={"allowed": "https://host:port, without credentials or a path"},
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="The bucket's region.",
        json_schema_extra={"allowed": "a region, eu-central-1 for instance"},
    )
    profile: str | None = Field(
        default=None,
        min_length=1,
        description="A profile of the AWS configuration files.",
        json_schema_extra={"allowed": "the name of a profile"},
    )
    access_key_id: SecretStr | None = Field(
        default=None,
        description="Best as ${NAME}, or not at all.",
        json_schema_extra={"allowed": "a text, ${AWS_ACCESS_KEY_ID} for instance"},
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        description="Best as ${NAME}, or not at all.",
        json_schema_extra={"allowed": "a text, ${AWS_SECRET_ACCESS_KEY} for instance"},
    )
    session_token: SecretStr | None = Field(
        default=None,
        description="Best as ${NAME}, or not at all.",
        json_schema_extra={"allowed": "a text, ${AWS_SESSION_TOKEN} for instance"},
    )

    @field_validator("endpoint_url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname
        if not whole or "@" in parts.netloc or parts.path.strip("/") or parts.query:
            raise ValueError("no plain address")
        return url

    @model_validator(mode="after")
    def _both_or_neither(self) -> "S3Settings":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise refusal(
                "access_key_id and secret_access_key go together; give both, or neither and let "
                "the AWS chain (environment, profile, role) find them"
            )
        return self

    def plain(self) -> dict[str, str]:
        """What was given, secrets in the clear: for the client alone."""
        given = {name: value for name, value in self if value is not None}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in given.items()
        }


def placed(state: str, base: Path | None) -> str:
    """``state`` if it is a place; a directory counted from ``base``."""
    if state.startswith("s3:"):
        return _bucket_and_prefix(state)
    if "://" in state or not state.strip():
        raise ValueError("not a directory")
    try:
        return state if base is None else str((base / Path(state).expanduser()).resolve())
    except RuntimeError:
        raise ValueError("nobody has this home directory") from None


def only_for_s3(settings: S3Settings, info: ValidationInfo) -> S3Settings:
    """``settings``, unless ``state`` is known and is no S3."""
    if not info.data.get("state", S3).startswith(S3):
        raise refusal("is only for a state at s3://; remove it, or set state: s3://bucket/prefix")
    return settings


def _bucket_and_prefix(state: str) -> str:
    if S3_PLACE.fullmatch(state) is None:
        raise refusal(
            "is no place on S3; allowed: s3://bucket/prefix, the bucket of small letters, digits, "
            "dots and hyphens, the prefix of names of [A-Za-z0-9_.=-] joined by /"
        )
    return state.rstrip("/")
