"""Law 10 where a delivery ends before its end: nothing stays that went, nothing is lost."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from incremental_assets.cli.running import Refresher
from incremental_assets.steps import holding
from incremental_assets.steps.publishing import Published, publish_all, standing
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.errors import SinkUnavailable
from incremental_resources.sinks.kinds import Place, kind_named
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store import cursors
from incremental_resources.state_store.cursors import Cursors
from incremental_resources.state_store.errors import StoreUnavailable, SwapRefused
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.store import StateStore
from tests.folding import Fold, objects_of
from tests.laws.test_law10_publishing import configured, ddl, url
from tests.live import (
    NAME,
    attempt,
    current,
    refresh,
    refresh_as_a_person,
    refreshing,
    written_config,
)
from tests.sinks import folds
from tests.sinks.servers import Receiver, serving
from tests.states import overwrite

LITTLE_KEPT = {"retain_versions": 2, "retain_unpublished": 2, "retry_seconds": 0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "create table item (id integer primary key, label text)")
    return path


def lost(_delivery: Delivery) -> None:
    raise SinkUnavailable("The answer was lost.")


def well(_delivery: Delivery) -> None:
    pass


def publish(refresher: Refresher, sink: ConfiguredSink, again: Any = None) -> Published:
    store, dialect = refresher.store(NAME), refresher.config.connection(NAME).dialect()
    (done,) = publish_all(store, dialect, [sink], again)
    return done


def of_kind(kind: str, folder: Path) -> ConfiguredSink:
    found = kind_named(kind)
    assert found
    options, place = (
        found.options.model_validate({"path": str(folder)}),
        Place(kind, NAME, "sqlite"),
    )
    return ConfiguredSink(kind, kind, lambda: found.make(options, place))


def test_what_a_lost_version_brought_goes_with_a_rollback_out_of_damage(file: Path) -> None:
    received, objects = Fold("fold"), MemoryObjects()
    with refreshing(url(file), objects, sinks=[received], retry_seconds=0) as refresher:
        refresh(refresher)
        received.after = lost
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        received.after = well
        version = current(refresher)
        (entry,) = version.files("tables")
        overwrite(objects, f"{NAME}/{version.folder}/{entry.path}", b"damaged")
        dialect = refresher.config.connection(NAME).dialect()
        assert roll_back(refresher.store(NAME), dialect, 1).recovered
        done = publish(refresher, configured(received))
        assert (done.failed, done.behind) == (None, False)
        assert received.objects == objects_of(current(refresher))


class Flaky:
    """A real kind that can be down, and killed when the files are there."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.name = kind
        self.down = self.killed = False
        self._real = of_kind(kind, folder).make()

    def publish(self, delivery: Delivery) -> None:
        if self.down:
            raise SinkUnavailable("It is down.")
        self._real.publish(delivery)
        if self.killed:
            raise SinkUnavailable("It was killed.")


@pytest.mark.parametrize("kind", ["datahub", "openlineage", "parquet"])
def test_what_a_lost_version_brought_goes_however_far_behind_the_sink_falls(
    file: Path, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    sink = Flaky(kind, out)
    with refreshing(url(file), sinks=[sink], **LITTLE_KEPT) as refresher:
        refresh(refresher)
        sink.killed = True
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        sink.killed, sink.down = False, True
        ddl(file, "drop table other")
        refresh_as_a_person(refresher)
        for n in range(3):
            ddl(file, f"alter table item add c{n} integer")
            refresh(refresher)
        sink.down = False
        refresh(refresher)
    files = sorted(out.rglob("0*.*"))
    if kind == "parquet":
        kept = str(folds.parquet(f"{out}/{NAME}/changes/*.parquet"))
    else:
        kept = str(folds.datahub(files) if kind == "datahub" else folds.openlineage(files))
    assert "item" in kept
    assert "other" not in kept


@pytest.mark.parametrize("kind", ["datahub", "openlineage", "atlan"])
def test_a_repetition_that_fails_takes_nothing_away_and_is_done_later(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    out = tmp_path / "out"

    def files() -> set[Path]:
        return {path for path in out.rglob("*.*") if path.is_file() and "/." not in str(path)}

    def away(_objects: LocalObjects, _path: str, _local: Path) -> None:
        raise StoreUnavailable("The place is away.", transient=True)

    with refreshing(url(file)) as refresher:
        sink = of_kind(kind, out)
        for n in range(3):
            ddl(file, f"create table other{n} (id integer)")
            refresh(refresher)
            publish(refresher, sink)
        before = files()
        with monkeypatch.context() as context:
            context.setattr(LocalObjects, "replace_file", away)
            failed = publish(refresher, sink, 2)
        assert failed.failed
        assert failed.behind
        done = publish(refresher, sink)
        assert (done.failed, done.behind, done.versions) == (None, False, [3])
        assert before <= files()


@pytest.mark.parametrize(
    "end",
    [lambda _: sys.exit(3), lambda _: (_ for _ in ()).throw(pl.exceptions.PanicException("x"))],
    ids=["exit", "panic"],
)
def test_whatever_a_sink_raises_is_its_own_matter(
    file: Path, end: Callable[[Delivery], None]
) -> None:
    sound = Fold("sound")
    sinks = [Fold("ill", before=end), sound]
    with refreshing(url(file), sinks=sinks, retry_seconds=0) as refresher:
        assert attempt(refresher).ok
        now = standing(refresher.store(NAME), "ill", "Fold")
        assert now.failed
        assert not now.busy
        assert sound.versions == [1]


def test_a_write_that_a_sinks_own_place_refuses_is_its_failure_and_frees_the_lease(
    file: Path,
) -> None:
    def refused(_delivery: Delivery) -> None:
        raise SwapRefused("marker.txt was changed by someone else")

    with refreshing(url(file)) as refresher:
        refresh(refresher)
        done = publish(refresher, configured(Fold("catalog", before=refused)))
        assert done.failed
        cursor = Cursors(refresher.store(NAME).objects, NAME).read("catalog")
        assert cursor
        assert cursor.lease is None


def test_sinks_that_hang_hold_back_only_themselves(file: Path) -> None:
    go_on, sound = threading.Event(), Fold("sound")
    hanging = [Fold(f"h{n}", before=lambda _: go_on.wait(60)) for n in range(6)]
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        store, dialect = refresher.store(NAME), refresher.config.connection(NAME).dialect()
        sinks = [configured(sink) for sink in (*hanging, sound)]
        thread = threading.Thread(target=publish_all, args=(store, dialect, sinks))
        thread.start()
        try:
            end = time.monotonic() + 60
            while not sound.versions and time.monotonic() < end:
                time.sleep(0.05)
            assert sound.versions == [1]
        finally:
            go_on.set()
            thread.join()


def test_figures_of_several_versions_are_added_up_and_others_are_none(file: Path) -> None:
    class Counting(Fold):
        def publish(self, delivery: Delivery) -> Any:
            super().publish(delivery)
            return {"posts": 2, "last": delivery.version} if self.name == "counting" else 12

    with refreshing(url(file)) as refresher:
        refresh(refresher)
        counting, odd = Counting("counting"), Counting("odd")
        publish(refresher, configured(counting))
        for n in range(2):
            ddl(file, f"alter table item add c{n} integer")
            refresh(refresher)
        assert publish(refresher, configured(counting)).figures == {"posts": 4, "last": 3 + 2}
        for _ in range(2):
            assert publish(refresher, configured(odd)).figures == {}
        assert odd.versions == [3]


def test_a_publisher_that_cannot_renew_its_lease_stops_before_another_begins(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "LEASE", timedelta(seconds=3))
    monkeypatch.setattr(holding, "MARGIN", timedelta(seconds=1))
    monkeypatch.setattr(holding, "RENEW_SECONDS", 0.3)
    pages: list[str] = []
    objects = MemoryObjects()

    class CutOff:
        """The store as the first publisher sees it."""

        down = False

        def __getattr__(self, name: str) -> Any:
            return getattr(objects, name)

        def swap(self, *given: Any) -> str:
            if self.down:
                raise StoreUnavailable("There is no answer.")
            return objects.swap(*given)

    class Paged:
        name = "paged"

        def __init__(self, who: str, count: int) -> None:
            self._who, self._count = who, count

        def publish(self, delivery: Delivery) -> None:
            for _ in delivery.paced(range(self._count)):
                pages.append(self._who)
                time.sleep(0.2)

    cut = CutOff()
    with refreshing(url(file), objects) as refresher:
        refresh(refresher)
        dialect = refresher.config.connection(NAME).dialect()
        first = [ConfiguredSink("paged", "x", lambda: Paged("first", 100))]
        store: Any = StateStore(cut, NAME)  # type: ignore[arg-type]
        thread = threading.Thread(target=publish_all, args=(store, dialect, first))
        thread.start()
        end = time.monotonic() + 30
        while not pages and time.monotonic() < end:
            time.sleep(0.05)
        cut.down = True
        second = ConfiguredSink("paged", "x", lambda: Paged("second", 1))
        while "second" not in pages and time.monotonic() < end:
            # The first one's process is alive: only the time takes its lease away.
            publish(refresher, second)
            time.sleep(0.1)
        thread.join()
    assert pages[-1] == "second"
    assert pages.count("second") == 1


def test_an_interrupted_command_ends_after_what_is_on_its_way(file: Path, tmp_path: Path) -> None:
    class Slow(Receiver):
        def taken(self, _path: str, _body: bytes) -> tuple[int, bytes]:
            time.sleep(2)
            return 200, b""

    server = Slow()
    sink = {"kind": "webhook", "url": f"{server.origin}/"}
    config = written_config(tmp_path / "connections.yaml", url(file), sinks=[sink])
    with refreshing(url(file), LocalObjects(tmp_path / "catalog")) as refresher:
        for n in range(6):
            ddl(file, f"alter table item add c{n} integer")
            refresh(refresher)
    with serving(server):
        program = [sys.executable, "-m", "incremental_assets", "--config", str(config)]
        command = [*program, "publish", NAME, "--again", "1"]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever started the tests may have made them deaf to it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        end = time.monotonic() + 60
        while not server.posts and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.strip() == "Interrupted."
    assert len(server.posts) < 4
