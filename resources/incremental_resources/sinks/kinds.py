"""Which kinds of sinks there are: those that come with this package, and others by entry point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict

from incremental_resources.sinks.delivery import Delivery, Sink
from incremental_resources.sinks.errors import SinkRefused

GROUP = "incremental_assets.sinks"
# What comes with this package: a module with a constant KIND each, imported when it is asked for.
OURS = {
    name: f"incremental_resources.sinks.{name}.kind"
    for name in ("atlan", "datahub", "openlineage", "parquet", "webhook")
}


class SinkOptions(BaseModel):
    """The keys of a kind beside ``kind`` and ``name``; a subclass has fields with descriptions.

    A field that is no number, truth or choice says in ``json_schema_extra={"allowed": ...}`` what
    it may be. Secrets are ``SecretStr``. ``"anchored": True`` there: it is a path that starts at
    the configuration file. ``"place": True``: it says where the sink is, or how it names things
    there; with another value it is a new sink, which gets the current version whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True)
class Place:
    """Whose sink it is, and its name."""

    name: str
    connection: str
    dialect: str


@dataclass(frozen=True)
class SinkKind:
    """One kind of sink.

    Attributes:
        name: what ``kind:`` says.
        title: what it is, in a few words.
        options: the model of its other keys.
        make: a sink of these options; nothing connects here.
        needs: modules that have to be there, and for which option; None: for any.
        extra: the extra of this package that brings them.
        check: tries what publishing needs, publishes nothing, and says what was found; raises as
            ``publish`` does. None where that cannot be tried.
        write_snapshot: what a new sink of these options gets, as one stream, for ``export``; None
            where that is no stream.
    """

    name: str
    title: str
    options: type[SinkOptions]
    make: Callable[[Any, Place], Sink]
    needs: Mapping[str, str | None] = field(default_factory=dict)
    extra: str | None = None
    check: Callable[[Any], str] | None = None
    write_snapshot: Callable[[Delivery, Any, Place, BinaryIO], None] | None = None

    def missing(self, options: SinkOptions) -> str | None:
        """What has to be installed first, in words; None if all is there."""
        absent = [
            (module, option)
            for module, option in self.needs.items()
            if (option is None or getattr(options, option) is not None) and not _is_there(module)
        ]
        if not absent:
            return None
        modules = ", ".join(module for module, _ in absent)
        option = absent[0][1]
        what = f"{option} of the kind {self.name}" if option else f"the kind {self.name}"
        how = f"pip install 'incremental-assets[{self.extra}]'" if self.extra else "install it"
        return f"{what} needs {modules}, which is not installed: {how}"


def kinds() -> tuple[str, ...]:
    """The names of all kinds, ours first."""
    return (*OURS, *(name for name in sorted(_others()) if name not in OURS))


@cache
def kind_named(name: str) -> SinkKind | None:
    """The kind; None if there is none of that name.

    Raises:
        SinkRefused: an entry point of that name cannot be used.
    """
    if name in OURS:
        kind: SinkKind = import_module(OURS[name]).KIND
        return kind
    entry = _others().get(name)
    if entry is None:
        return None
    try:
        found = entry.load()
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise SinkRefused(f"The kind of sinks {name} ({entry.value}) fails: {told}") from error
    if not isinstance(found, SinkKind):
        raise SinkRefused(f"The entry point {name} ({entry.value}) is no SinkKind.")
    return found


def _others() -> dict[str, Any]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


__all__ = ["GROUP", "Path", "Place", "SinkKind", "SinkOptions", "kind_named", "kinds"]
