"""``prune``: removing what retention does not keep. What that is, is decided in the state store."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.printing.show import bytes_text
from incremental_assets.cli.shell import console, ending_with_our_message, fail, print_json

if TYPE_CHECKING:
    from incremental_resources.state_store.retention import Removed
    from incremental_resources.state_store.store import StateStore


@click.command("prune")
@click.argument("connection")
@click.option(
    "--keep-versions",
    type=click.IntRange(min=1),
    metavar="N",
    help="Versions to keep, the current one included. Default: the option retain_versions.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def prune_command(
    settings: Mapping[str, Any],
    connection: str,
    keep_versions: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove old versions, versions that can never be committed, and finished working files.

    Every refresh does the same with the option retain_versions. The current version stays in any
    case, and so do what sinks have not had (see the option retain_unpublished) and whatever a
    refresh that is going on may still commit. What the change log lacks is written to it first.
    """
    from incremental_assets.steps.change_log import append_missing, why_not
    from incremental_assets.steps.committing import KEPT_EXTRACTIONS
    from incremental_assets.steps.due import kept_for_sinks
    from incremental_assets.wiring import current_config, open_state
    from incremental_resources.state_store.retention import remove

    config = current_config(settings["config"], connecting=False)
    store = open_state(config, connection)
    known = config.connection(connection)
    # A state that cannot be read is told as such.
    if store.head() and not dry_run and (logged := append_missing(known, store)).failed:
        fail(f"Nothing was removed: the change log was not written. {why_not(logged)}")
    keep_from, also = kept_for_sinks(known, store)
    keep = keep_versions or known.options.retain_versions
    found = store.dispensable(keep, KEPT_EXTRACTIONS, keep_from=keep_from, also=also)
    facts = _facts(store, found, dry_run=dry_run)
    if not dry_run:
        remove(store.objects, store.connection, found)
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def _facts(store: "StateStore", found: "Removed", *, dry_run: bool) -> dict[str, Any]:
    from incremental_resources.state_store.retention import size

    removed = [
        {"kind": kind, "name": name, "bytes": size(store.objects, f"{store.connection}/{path}")}
        for kind, name, path in _places(found)
    ]
    return {
        "connection": store.connection,
        "dry_run": dry_run,
        "removed": removed,
        "bytes": sum(one["bytes"] for one in removed),
    }


def _places(found: "Removed") -> Iterator[tuple[str, str, str]]:
    for folder in found.versions:
        yield "version", folder.rpartition("/")[2], folder
    for id in found.extractions:
        yield "extraction", id, f"extractions/{id}"


def _show(facts: Mapping[str, Any]) -> None:
    out = console()
    for one in facts["removed"]:
        out.print(f"{one['kind']:<11}{one['name']}  {bytes_text(one['bytes'])}", markup=False)
    done = "Would remove" if facts["dry_run"] else "Removed"
    what = f"files of {bytes_text(facts['bytes'])}" if facts["removed"] else "nothing"
    out.print(f"{facts['connection']}: {done.lower()} {what}", style="bold", markup=False)
