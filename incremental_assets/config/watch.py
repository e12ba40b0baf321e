"""Watch rules: which changes of which tables a person wants to hear of until they are settled."""

import hashlib
import json
import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from incremental_assets.config.errors import refusal, shown
from incremental_assets.config.options import Model, Regex
from incremental_assets.core.breaks import BREAKING, Break

SLUG = 30


def _kinds(value: object) -> object:
    return [kind.value for kind in Break] if value in ("*", ["*"]) else value


class WatchRule(Model):
    """One rule, an asset check of ``marker`` that fails while what it forbids stands."""

    tables: Regex = Field(
        description="Whole schema.table, as `diff` prints it.",
        json_schema_extra={"allowed": "a regular expression"},
    )
    databases: Regex | None = Field(
        default=None,
        description="Whole names of databases; without it tables of all of them.",
        json_schema_extra={"allowed": "a regular expression"},
    )
    on: Annotated[tuple[str, ...], BeforeValidator(_kinds)] = Field(
        default=tuple(kind.value for kind in BREAKING),
        description="What fails it; without it what takes something away from readers or writers.",
        json_schema_extra={"allowed": f'"*" or a list of {", ".join(Break)}'},
    )
    severity: Literal["warn", "error"] = Field(
        default="error", description="How the check shows it; neither keeps a refresh from ending."
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=60,
        description="The check's name; without it one is made of the pattern.",
        json_schema_extra={
            "allowed": "up to 60 small letters, digits and underscores, a letter first"
        },
    )

    @model_validator(mode="before")
    @classmethod
    def _a_key_of_yaml(cls, data: Any) -> Any:
        # YAML 1.1 reads the word as a truth value, as a key too.
        if isinstance(data, dict) and True in data:
            return {"on" if key is True else key: value for key, value in data.items()}
        return data

    @field_validator("on")
    @classmethod
    def _known(cls, on: tuple[str, ...]) -> tuple[str, ...]:
        if not on:
            raise refusal(f"is empty; allowed: {', '.join(Break)}")
        for kind in on:
            if kind not in set(Break):
                close = get_close_matches(kind, [*Break], n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                told = f"{shown(kind)} is no kind of break{hint}"
                raise refusal(f"{told}; allowed: {', '.join(Break)}")
        return on

    @property
    def pattern(self) -> str:
        """Which tables it is about, as one text; another one needs another baseline."""
        return json.dumps([self.databases, self.tables])

    @property
    def check_name(self) -> str:
        """The name of the check, and of the rule's record."""
        if self.name:
            return f"watch_{self.name}"
        slug = re.sub(r"[^a-z0-9]+", "_", self.tables.lower()).strip("_")[:SLUG]
        mark = hashlib.sha256(self.pattern.encode()).hexdigest()[:6]
        return "_".join(filter(None, ("watch", slug, mark)))
