"""Finding ``connections.yaml`` and reading it: variables filled in, all mistakes in one message.

The model is in ``model``, one connection in ``connection``, options and their bounds in
``options``, YAML in ``yaml``, the wording of mistakes in ``errors``. Nothing connects here.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import resources as package_files
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError, doubled_names, explain, place
from incremental_assets.config.model import Config
from incremental_assets.config.url import leave_sinks, leave_variables
from incremental_assets.config.yaml import Substitution, Unreadable, parse

FILE_NAME = "connections.yaml"
ENVIRONMENT_VARIABLE = "INCREMENTAL_ASSETS_CONFIG"
EMBEDDED_URL = "postgresql://embedded-server/shop"
TEMPLATE_FILE = package_files.files("incremental_assets.config") / "connections.template.yaml"
TEMPLATE = TEMPLATE_FILE.read_text(encoding="utf-8")


def find_config(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """``--config``, else the environment's file, else ``./connections.yaml`` if there is one.

    What was asked for is returned even if it does not exist, so that reading it says so.
    """
    if asked := explicit or environ.get(ENVIRONMENT_VARIABLE):
        return cwd / Path(asked).expanduser()
    here = cwd / FILE_NAME
    return here if here.exists() else None


def demo_config(home: Path) -> Config:
    """One connection, ``demo``, to the embedded server; its state is below ``home``."""
    demo = Connection(name="demo", url=SecretStr(EMBEDDED_URL), embedded=True)
    base = home.absolute()
    return Config(state=str(base / "catalog"), connections=(demo,), base=base)


def load_config(
    path: Path,
    environ: Mapping[str, str] | None = None,
    *,
    connecting: bool = True,
    publishing: bool | str | None = None,
) -> Config:
    """The configuration in the file ``path``, its variables taken from ``environ``.

    ``connecting`` and ``publishing`` as in ``config_of``.

    Raises:
        ConfigError: it cannot be read, or it has mistakes; the message has all of them.
    """
    document, problems = _read(path)
    substitution = Substitution(os.environ if environ is None else environ)
    document = substitution.fill({} if document is None else document)
    base = path.absolute().parent
    return config_of(
        document,
        substitution,
        base,
        str(path),
        problems,
        connecting=connecting,
        publishing=publishing,
    )


def config_of(
    document: Any,
    substitution: Substitution,
    base: Path,
    where: str,
    problems: Sequence[str] = (),
    *,
    connecting: bool = True,
    publishing: bool | str | None = None,
) -> Config:
    """The configuration that a document holds, its variables filled in by ``substitution``.

    Relative paths start at ``base``; ``where`` and ``problems`` begin the message. Not
    ``connecting``: addresses that cannot be had here are no mistake, as nobody asks for them. Not
    ``publishing`` (by default as ``connecting``): neither is what the options of sinks lack, or,
    where it is the name of a kind, those of other kinds.

    Raises:
        ConfigError: it has mistakes; the message has all of them.
    """
    publishing = connecting if publishing is None else publishing
    if not connecting:
        leave_variables(document, substitution, base)
    if publishing is not True:
        leave_sinks(substitution, document, publishing or None)
    known = substitution.problems | doubled_names(document)
    context = {"base": base, "connecting": connecting, "publishing": publishing}
    config, errors = _validated(document, context)
    told = [*problems]
    told += [f"{place(loc, substitution.written)}: {what}" for loc, what in known.items()]
    told += [
        explain(Config, error, substitution.written)
        for error in errors
        if not any(error["loc"][: len(loc)] == loc for loc in known)
    ]
    if config is None or told:
        raise ConfigError("\n  ".join([f"{where} cannot be used; nothing was started.", *told]))
    return config


def _read(path: Path) -> tuple[Any, list[str]]:
    try:
        return parse(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        reason = f"{error.strerror}. `incremental-assets init` writes a file to start from."
    except OSError as error:
        reason = f"{error.strerror}."
    except UnicodeDecodeError as error:
        reason = f"byte {error.start + 1} is not UTF-8."
    except Unreadable as error:
        reason = str(error)
    raise ConfigError(f"{path} cannot be read: {reason}")


def _validated(
    document: Any, context: Mapping[str, Any]
) -> tuple[Config | None, list[ErrorDetails]]:
    try:
        return Config.model_validate(document, context=dict(context)), []
    except ValidationError as error:
        return None, error.errors(include_url=False)
