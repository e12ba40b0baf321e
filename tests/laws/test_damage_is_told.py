"""Whatever is damaged in a state, every command tells it or answers as if nothing were: no guesses.

What the store says of each damage is in tests/contract; here it is a real state and the commands.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, attempt, refresh, refreshing, written_config
from tests.sources import Live, sqlite

# A version that HEAD does not name and that has no manifest is one that retention removed.
OLD_AND_GONE = "VersionMissing: shop has no version 1. There is: 2"
Damage = Callable[[bytes], bytes | None]
Answer = tuple[int, str, str]


def flipped(place: float) -> Damage:
    """One bit is another, so far into the file."""

    def damage(data: bytes) -> bytes:
        at = min(int(len(data) * place), len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return damage


DAMAGES: dict[str, Damage] = {
    "the first byte": flipped(0),
    "a byte in the middle": flipped(0.5),
    "the last byte": flipped(1),
    "emptied": lambda _data: b"",
    "the end is missing": lambda data: data[: len(data) * 2 // 3],
    "the last byte is missing": lambda data: data[:-1],
    "the middle is missing": lambda data: data[: len(data) // 3] + data[len(data) * 2 // 3 :],
    "the beginning is missing": lambda data: data[len(data) // 3 :],
    "the file is missing": lambda _data: None,
}


class Shop:
    """A connection to a SQLite file with two versions on the disk."""

    def __init__(self, folder: Path) -> None:
        self.live: Live = sqlite(folder / "shop.db")
        self.url = self.live.url.render_as_string()
        self.objects = LocalObjects(folder / "catalog")
        self.store = StateStore(self.objects, NAME)
        self.config = written_config(folder / "connections.yaml", self.url)
        self.live.ddl("create table item (id integer)", "create table sale (id integer)")
        for number in range(2):
            self.refresh()
            self.live.ddl(f"alter table item add column note_{number} text")

    def refresh(self) -> None:
        with refreshing(self.url, self.objects) as refresher:
            refresh(refresher)

    def ask(self, *arguments: str) -> Answer:
        """A command's exit code, what it told, and its error; the age is left out."""
        result = CliRunner().invoke(main, ["--config", str(self.config), *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        told = re.sub(r'"age_seconds": [\d.]+', "", result.stdout)
        return result.exit_code, told, result.stderr

    def files(self, number: int) -> list[str]:
        """All files of one version, the manifest included, as paths of the store."""
        version = self.store.find(number)
        names = ("manifest.json", *(entry.path for entry in version.manifest.files))
        return [f"{NAME}/{version.folder}/{name}" for name in names]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("damage")
        patch.setenv("DAGSTER_HOME", str(folder / "home"))
        yield Shop(folder)


def commands(shop: Shop, path: str) -> list[tuple[str, ...]]:
    """The commands that look at a state, and those that read this very file."""
    asked: list[tuple[str, ...]] = [
        ("status", NAME, "--json"),
        ("diff", NAME, "--format", "jsonl"),
        ("diff", NAME, "--version", "1", "--format", "jsonl"),
    ]
    found = re.search(r"/(diff/)?(databases|schemas|tables|columns)[./]", path)
    if found:
        out = str(shop.config.with_name("exported"))
        export = ("export", NAME, "--entity", found[2], "--format", "jsonl", "--output", out)
        asked.append(export + (("--diff",) if found[1] else ()))
    return asked


def named(path: str) -> str:
    """The file as messages name it: below the connection, at least."""
    return path.removeprefix(f"{NAME}/")


def is_told(answer: Answer, path: str) -> bool:
    """Whether it is an error that names the file and what is whole, or that nothing is."""
    code, told, error = answer
    good = (
        r"(version is|that is whole is|history then begins with version) \d"
        r"|no earlier version is whole|No version below it"
    )
    whole = f"{told}{error}"
    says = "StateCorrupt" in whole and named(path) in whole and re.search(good, whole)
    return code == 1 and bool(says or OLD_AND_GONE in error)


def test_every_command_tells_it_or_answers_as_before(shop: Shop) -> None:
    wrong, untold = [], []
    for path in [f"{NAME}/HEAD", *shop.files(2), *shop.files(1)]:
        at = shop.objects.root / path
        content = at.read_bytes()
        before = {asked: answered(shop, asked) for asked in commands(shop, path)}
        for what, damage in DAMAGES.items():
            damaged = damage(content)
            at.unlink() if damaged is None else at.write_bytes(damaged)
            seen = {asked: answered(shop, asked) for asked in before}
            at.write_bytes(content)
            told = [asked for asked, answer in seen.items() if is_told(answer, path)]
            wrong += [
                (path, what, asked, answer)
                for asked, answer in seen.items()
                if answer != before[asked] and asked not in told
            ]
            if not told:
                untold.append((path, what))
    assert wrong == []
    # The summary is read by none of them; that a damaged one is found is tested on the store.
    untold = [(path, what) for path, what in untold if not path.endswith("/diff/summary.json")]
    # HEAD's line end says nothing.
    assert untold == [(f"{NAME}/HEAD", "the last byte is missing")]


def answered(shop: Shop, asked: tuple[str, ...]) -> Answer:
    """The answer, with what was exported, if anything was."""
    exported = shop.config.with_name("exported")
    code, told, error = shop.ask(*asked)
    if exported.exists():
        told += exported.read_text()
        exported.unlink()
    return code, told, error


def test_a_refresh_tells_it_or_needs_it_not(shop: Shop) -> None:
    seen = {}
    for path in [f"{NAME}/HEAD", *shop.files(2)]:
        at = shop.objects.root / path
        content, head = at.read_bytes(), (shop.objects.root / NAME / "HEAD").read_bytes()
        at.write_bytes(flipped(0.5)(content))
        with refreshing(shop.url, shop.objects) as refresher:
            outcome = attempt(refresher)
        at.write_bytes(content)
        seen[path.rpartition("-1/")[2]] = outcome.ok
        if outcome.ok:
            assert outcome.mode == "incremental"
            version = shop.store.current()
            version.verify()
            assert version.number == 3
            (shop.objects.root / NAME / "HEAD").write_bytes(head)
        else:
            assert named(path) in (outcome.error or "")
            assert re.search(r"whole is|good version is 1", outcome.error or "")
            assert (shop.objects.root / NAME / "HEAD").read_bytes() == head
    needed = {"shop/HEAD", "manifest.json", "tables.parquet", "columns/part-00000.parquet"}
    assert {name for name, ok in seen.items() if not ok} >= needed
