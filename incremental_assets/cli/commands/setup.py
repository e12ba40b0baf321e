"""``check``, ``dialects``, ``init``: before the first refresh. Nothing here writes to a source.

What ``check`` tries is in ``checking``.
"""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from incremental_assets.cli.printing.show import STYLES, table, wide_console
from incremental_assets.cli.shell import console, ending_with_our_message, fail, print_json
from incremental_assets.core.names import escaped
from incremental_assets.naming import ENTITY_NAMES

if TYPE_CHECKING:
    from incremental_assets.cli.checking import CheckResult
    from incremental_resources.source.dialect import Dialect

DEFAULT_FILE = "connections.yaml"
CAPABILITIES = {
    "probe": "probe",
    "durable_ids": "renames",
    "durable_ordinals": "column renames",
    "creation_times": "creation times",
}


@click.command("check")
@click.argument("connection", required=False)
@click.option("--full", is_flag=True, help="Try the listings of tables and procedures too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def check_command(
    settings: Mapping[str, Any], connection: str | None, full: bool, as_json: bool
) -> None:
    """Try everything that a refresh needs, and change nothing.

    The place of the state is written to and left as it was. For each connection: every file of the
    current version against its hash, login, version, clock, what the filters match (a pattern that
    matches nothing is a warning), and whether the login may run each statement that a refresh runs;
    and each sink: whether its place can be written, or its server answers.
    Exits with 1 if anything failed; after a failure the next connection has its turn.
    """
    from incremental_assets.cli.checking import check_all
    from incremental_assets.cli.reading import chosen
    from incremental_assets.wiring import current_config

    config = current_config(settings["config"])
    connections = chosen(config, connection)
    width = max(len(one.name) for one in connections)
    findings = []
    for finding in check_all(config, connections, full=full):
        findings.append(finding)
        if not as_json:
            _show(finding, width)
    ok = not any(finding.result == "failed" for finding in findings)
    if as_json:
        print_json({"ok": ok, "checks": [finding.to_json() for finding in findings]})
    sys.exit(0 if ok else 1)


def _show(finding: "CheckResult", width: int) -> None:
    message = escaped(" ".join(finding.message.split()))
    place = finding.connection or "-"
    line = Text.assemble(
        (f"{finding.result:<7}", STYLES[finding.result]),
        f"{place:<{width}}  {finding.check:<15} {finding.seconds:6.2f} s  {message}",
    )
    console().print(line)


@click.command("dialects")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def dialects_command(settings: Mapping[str, Any], as_json: bool) -> None:
    """The database products that can be read, what each can do, and how that was verified.

    Those that ship, those of installed packages, and those in folders that connections name.
    """
    from incremental_resources.source.dialect import dialects

    known = [*dialects().values()]
    facts = [_facts(dialect) for dialect in (*known, *_in_folders(settings["config"]))]
    if as_json:
        print_json({"dialects": facts})
        return
    headings = ["dialect", "from", "url", "entities", *CAPABILITIES.values()]
    table(wide_console(), headings, map(_dialect_line, facts))
    for fact in facts:
        click.echo(
            f"\n{fact['title']}: pip install '{fact['install']}'\n"
            f"  a table is read again when this changes: {fact['token_covers']}\n"
            f"  verified {fact['verified']}"
        )


def _in_folders(config: str | None) -> list["Dialect"]:
    """The dialects that the configuration in force names by their folders, if there is one."""
    from incremental_assets.config.errors import ConfigError
    from incremental_assets.wiring import current_config

    try:
        connections = current_config(config, connecting=False).connections
    except ConfigError:
        return []
    found = [one.dialect() for one in connections if one.dialect_name]
    return list({dialect.name: dialect for dialect in found if dialect.folder}.values())


def _facts(dialect: "Dialect") -> dict[str, Any]:
    return {
        "name": dialect.name,
        "title": dialect.title,
        "url_schemes": list(dialect.url_schemes),
        "install": f"incremental-assets[{dialect.extra}]",
        "minimum_version": ".".join(map(str, dialect.minimum_version)),
        "entities": list(dialect.entities),
        "probe": dialect.has("probe"),
        "token_covers": dialect.token_covers,
        "token_has_time": dialect.token_has_time,
        "durable_ids": dialect.durable_ids,
        "durable_ordinals": dialect.durable_ordinals,
        "creation_times": dialect.creation_times,
        "hides_what_is_not_granted": dialect.hides_what_is_not_granted,
        "verified": dialect.verified,
    }


def _dialect_line(fact: Mapping[str, Any]) -> tuple[str, ...]:
    lacking = [entity for entity in ENTITY_NAMES if entity not in fact["entities"]]
    return (
        fact["title"],
        fact["minimum_version"],
        ", ".join(f"{scheme}://" for scheme in fact["url_schemes"]),
        f"no {', '.join(lacking)}" if lacking else "all",
        *("yes" if fact[name] else "no" for name in CAPABILITIES),
    )


@click.command("init")
@click.argument("path", default=DEFAULT_FILE, type=click.Path(path_type=Path))
@ending_with_our_message
def init_command(path: Path) -> None:
    """Write a commented connections.yaml to begin with; an existing file is never changed."""
    from incremental_assets.config.loading import TEMPLATE
    from incremental_assets.config.schema import modeline

    file = path / DEFAULT_FILE if path.is_dir() else path
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(modeline(file) + TEMPLATE)
    except FileExistsError:
        fail(f"{file} exists already and was left as it is. Give another path, or move it away.")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.")
    _print_next_steps(file)


def _print_next_steps(file: Path) -> None:
    here = file.resolve() == (Path.cwd() / DEFAULT_FILE).resolve()
    command = "incremental-assets" + ("" if here else f" --config {shlex.quote(str(file))}")
    click.echo(
        f"Wrote {file}. What next:\n"
        "  1. put your server's address into SHOP_DATABASE_URL, or edit the file\n"
        f"  2. {command} check      tries it without changing anything\n"
        f"  3. {command} refresh    reads everything once, then only what changed\n"
        f"  4. {command} ui         shows it in Dagster"
    )
