"""Addresses that are looked up when they are needed: in a file, or in an environment variable.

They stand where a ``SecretStr`` would, with the same ``get_secret_value``, and show where they come
from instead of what they are. Which dialect reads them is in ``config_dialect``.
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from pydantic import (
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from incremental_assets.config.errors import ConfigError, refusal
from incremental_assets.config.yaml import VARIABLE, Substitution


class LateSecret(SecretStr):
    """A secret whose value is not known before somebody asks; it shows its ``origin``.

    Paths in it start at ``base``; None: at the directory of the process.
    """

    def __init__(self, origin: str, base: Path | None = None) -> None:
        super().__init__(origin)
        self.origin = origin
        self.base = base

    def get_secret_value(self) -> str:
        """The value as it is now.

        Raises:
            ConfigError: it cannot be had; the message has the origin.
        """
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.origin == other.origin

    def __hash__(self) -> int:
        return hash(self.origin)

    def _display(self) -> str:
        return self.origin


class FileSecret(LateSecret):
    """The content of a file without the line break at its end."""

    def __init__(self, path: Path, base: Path | None = None) -> None:
        super().__init__(f"url_file {path}", base)
        self.path = path

    def get_secret_value(self) -> str:
        try:
            text = self.path.read_text("utf-8-sig").rstrip("\r\n")
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            reason = "is not UTF-8"
        else:
            if text.strip():
                return text
            reason = "is empty"
        raise ConfigError(f"{self.origin} {reason}. It must hold the url and nothing else.")

    def open_to_everybody(self) -> bool:
        """Whether every user of this machine may read it."""
        return bool(self.path.stat().st_mode & stat.S_IROTH)


class EnvironmentSecret(LateSecret):
    """The value of an environment variable."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name}")
        self.name = name

    def get_secret_value(self) -> str:
        if value := os.environ.get(self.name):
            return value
        raise ConfigError(
            f"{self.origin} is not set in the process that refreshes. Set it there to the url."
        )


class TextSecret(LateSecret):
    """A text with ``${NAME}`` in it, from the environment of the process that needs it."""

    def __init__(self, text: str, base: Path | None = None) -> None:
        names = sorted({found[1] for found in VARIABLE.finditer(text) if found[1]})
        what = "variables" if len(names) > 1 else "variable"
        super().__init__(f"the url with the environment {what} {', '.join(names)}", base)
        self.text = text

    def get_secret_value(self) -> str:
        substitution = Substitution(os.environ)
        filled: str = substitution.fill(self.text)
        for problem in substitution.problems.values():
            raise ConfigError(f"{self.origin}: {problem}")
        return filled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSecret) and self.text == other.text

    __hash__ = LateSecret.__hash__


def _late(value: Any, handler: ValidatorFunctionWrapHandler) -> SecretStr:
    if isinstance(value, dg.EnvVar):
        return EnvironmentSecret(value.env_var_name)
    return value if isinstance(value, LateSecret) else handler(value)


Address = Annotated[
    SecretStr, WrapValidator(_late), PlainSerializer(str, return_type=str, when_used="json")
]


def base_of(info: ValidationInfo) -> Path | None:
    """The directory that relative paths start at, where a file is being read."""
    return (info.context or {}).get("base")


def is_left_alone(url: SecretStr | None, info: ValidationInfo) -> bool:
    """Whether an address is not looked up, as nobody connects."""
    return isinstance(url, LateSecret) and not (info.context or {}).get("connecting", True)


def leave_variables(document: Any, substitution: Substitution, base: Path) -> None:
    """Make the urls of a document whose variables are not set ones that are looked up late."""
    for place in list(substitution.problems):
        match place:
            case ("connections", int(index), "url"):
                del substitution.problems[place]
                connection = document["connections"][index]
                written = substitution.written.get(place, connection["url"])
                connection["url"] = TextSecret(written, base)


def leave_sinks(substitution: Substitution, document: Any, kind: str | None = None) -> None:
    """Forget the variables of sinks that are not set; those of ``kind`` stay."""
    for place in list(substitution.problems):
        match place:
            case ("connections", int(one), "sinks", int(sink), *_):
                if kind is None or document["connections"][one]["sinks"][sink].get("kind") != kind:
                    del substitution.problems[place]
            case ("connections", int(), "sinks", *_):
                del substitution.problems[place]


def with_file_as_url(data: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """A connection's keys, the ``url`` being where ``url_file`` points."""
    file = data.get("url_file")
    if not isinstance(file, str | Path) or not str(file).strip():
        return data
    base = base_of(info)
    try:
        path = (base or Path.cwd()) / Path(file).expanduser()
    except RuntimeError:
        raise refusal("url_file: nobody has this home directory") from None
    # A copy of a connection has both.
    if data.get("url") not in (None, FileSecret(path)):
        raise refusal("url and url_file are both given; keep one of them")
    return {**data, "url_file": path, "url": FileSecret(path, base)}
