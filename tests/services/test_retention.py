"""Expiry and removal with real files: what readers may still hold stays on disk, and nothing outside goes."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock
from service_kit import DAILY, World

from mtctl.clock import SystemClock
from mtctl.config import load_project
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.retention import DAY, Limits, Policy
from mtctl.lake.files import LakeFiles
from mtctl.services.collecting import Collector
from mtctl.services.looks import Looks
from mtctl.services.retention import Retention
from mtctl.services.tending import EVERY, Tender, Tending, is_due
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.store.sqlite import SqliteStore

HOUR = 3_600
POLICY = Policy(limits=Limits(versions=2, age=DAY))


class Later:
    """The project some time later: expiry and removal over its real files, by a clock moved by hand."""

    def __init__(self, world: World) -> None:
        world.close()
        self.root = world.root
        self.clock = FakeClock(now=SystemClock().now(), boottime=SystemClock().boottime())
        self.store: SqliteStore = open_store(world.root / ".mtctl" / "state.db", self.clock)
        self.lake = LakeFiles(world.root / "lake")
        self.retention = Retention(self.store, self.clock, POLICY)
        self.collector = Collector(self.store, self.lake, self.clock, world.root / ".mtctl" / "logs")

    def gc(self, grace: float | None = None, *, dry_run: bool = False):
        return self.collector.gc(grace_seconds=grace, dry_run=dry_run)

    def files(self) -> set[str]:
        return {str(path) for path in self.lake.data.rglob("*.parquet")}

    def live(self) -> set[str]:
        with self.store.read() as view:
            return {path for found in view.file_paths([1], view.snapshot()).values() for path in found}


@pytest.fixture
def later(world: World) -> Iterator[Later]:
    """Three versions of a table of four days, and ten days of rest."""
    for version in range(3):
        world.days({f"2013-01-0{number}": [number, version] for number in range(1, 5)})
        if not version:
            world.table("daily", DAILY)
            world.apply()
        world.fill("daily")
    found = Later(world)
    found.clock.advance(10 * 24 * HOUR)
    yield found
    found.store.close()


def test_expired_files_stay_an_hour_and_then_go_while_the_live_ones_stay(later):
    before = later.files()
    told = later.retention.expire(dry_run=True)
    report = later.retention.expire(dry_run=False)
    assert report.files == told.files == 2
    assert later.gc().removed == ()
    assert later.files() == before

    later.clock.advance(HOUR - 1)
    assert later.gc().removed == ()
    later.clock.advance(2)
    assert set(later.gc(dry_run=True).removed) == before - later.live()
    assert later.files() == before
    gone = later.gc()

    assert set(gone.removed) == before - later.live()
    assert gone.bytes > 0
    assert later.files() == later.live()
    with later.store.read() as view:
        assert view.retention().counts().scheduled_files == 0
    assert later.gc().removed == ()


def test_a_file_that_was_removed_by_somebody_else_is_only_forgotten(later):
    later.retention.expire(dry_run=False)
    for path in later.files() - later.live():
        Path(path).unlink()
    later.clock.advance(2 * HOUR)

    assert later.gc().removed == ()
    with later.store.read() as view:
        assert view.retention().counts().scheduled_files == 0


def test_what_a_foreign_client_scheduled_outside_of_the_lake_is_not_ours_to_remove(later, tmp_path):
    precious = tmp_path / "precious.parquet"
    precious.write_bytes(b"x")
    later.store._connection.execute(
        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (900, ?, 0, '2020-01-01 00:00:00+00'), "
        "(901, '../../../precious.parquet', 1, '2020-01-01 00:00:00+00')",
        (str(precious),),
    )

    assert later.gc(0.0).removed == ()
    assert precious.exists()
    with later.store.read() as view:
        assert view.retention().counts().scheduled_files == 2


def test_a_path_that_is_named_again_is_taken_from_the_schedule_and_stays(later):
    [live] = later.live()
    folder = Path(live).parent.name
    later.store._connection.execute(
        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (900, ?, 1, '2020-01-01 00:00:00+00')",
        (f"{folder}/{Path(live).name}",),
    )

    assert live not in later.gc(0.0).removed
    assert Path(live).exists()
    with later.store.read() as view:
        assert view.retention().counts().scheduled_files == 0


def test_strays_stay_a_day_unless_told_and_known_files_are_not_called_strays(later):
    stray = later.lake.data / "stray.parquet"
    stray.write_bytes(b"12345")

    report = later.gc()
    assert (report.removed, report.kept_young) == ((), 1)
    old = stray.stat().st_mtime - 25 * HOUR
    os.utime(stray, (old, old))

    assert later.gc().removed == (str(stray),)
    assert not stray.exists()


def test_logs_go_with_the_attempts_that_wrote_them(later):
    logs = later.root / ".mtctl" / "logs"
    logs.mkdir(exist_ok=True)
    [(known,)] = later.store._connection.execute("SELECT max(ulid) FROM attempt").fetchall()
    for name in (f"{known}.log", "01ARZ3NDEKTSV4RRFFQ69G5FAV.log", "notices.log"):
        (logs / name).write_text("x", encoding="utf-8")

    assert later.gc(dry_run=True).logs == 1
    assert later.gc().logs == 1

    assert {path.name for path in logs.iterdir()} == {f"{known}.log", "notices.log"}


def test_info_says_what_there_is_and_what_would_go(later):
    info = later.retention.info()

    assert info.counts.live_files == 1
    assert info.counts.old_files == 2
    assert info.counts.state_bytes == (later.root / ".mtctl" / "state.db").stat().st_size
    assert [(one.table, one.versions) for one in info.tables] == [("daily", 4)]
    assert info.next.dry_run
    assert info.next.files == 2
    assert info.pins == ()


def test_info_names_who_holds_a_snapshot(later):
    with later.store.write() as tx:
        holder = tx.add_holder(ulid="H", kind="reader", pid=1, pid_started=1, command="`mtctl query` (pid 7)")
        tx.pin(holder, 2, "query")

    [pin] = later.retention.info().pins

    assert (pin.snapshot_id, pin.holder, pin.purpose) == (2, "`mtctl query` (pid 7)", "query")


@pytest.mark.parametrize("where", ["table", "project", "defaults"])
def test_retention_is_said_by_the_table_the_project_or_its_defaults(world, where):
    text = "CREATE MATERIALIZED TABLE n {} AS SELECT range AS n FROM range(3)"
    settings = {"project": "[retention]\nversions = 2\n", "defaults": "[defaults]\nretention.versions = 2\n"}
    world.settings('name = "shop"\n' + settings.get(where, ""))
    world.table("n", text.format("WITH ('retention.versions' = '2')" if where == "table" else ""))
    world.apply()
    for _ in range(3):
        world.fill("n", force=True)
    later = Later(world)
    later.clock.advance(2 * HOUR)
    policy = load_project(world.root).retention
    Retention(later.store, later.clock, policy).expire(dry_run=False)

    info = later.retention.info()
    later.store.close()

    assert info.counts.old_files == 1 + (info.counts.snapshots > 3)  # the version before; one at a full hour


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("versions = 0", "config_value", "retention.versions"),
        ("versions = 'two'", "config_value", "retention.versions"),
        ("age = 'soon'", "duration", "retention.age"),
        ("bytes = 'much'", "config_value", "retention.bytes"),
        ("events = '0 days'", "duration", "retention.events"),
        ("instance = '3 days'", "key_unknown", "retention.instances"),
    ],
)
def test_a_retention_that_makes_no_sense_is_refused(world, text, code, word):
    world.settings(f'name = "shop"\n[retention]\n{text}\n')

    with pytest.raises(MtctlError) as caught:
        load_project(world.root)

    assert caught.value.code == code
    assert word in str(caught.value)


def test_the_retention_of_a_project_is_what_it_says(world):
    world.settings('name = "shop"\n[retention]\nversions = 3\nage = "1h"\nbytes = "2 GiB"\ninstances = "5 days"\n')

    found = load_project(world.root).retention

    assert found.limits == Limits(versions=3, age=3_600_000_000, bytes=2 << 30)
    assert (found.instances, found.events) == (5 * DAY, 30 * DAY)


# --- by itself ---------------------------------------------------------------------------------------------------


def tending(later: Later) -> Tending:
    searched = Looks(later.root / ".mtctl" / "searched", later.clock)
    return Tending(later.retention, lambda: later.collector, searched, later.clock)


def test_a_round_expires_removes_and_once_a_day_looks_for_strays(later):
    stray = later.lake.data / "stray.parquet"
    stray.write_bytes(b"x")
    old = stray.stat().st_mtime - 25 * HOUR
    os.utime(stray, (old, old))
    one = tending(later)

    one.round(60, lambda: False)
    assert not stray.exists()
    later.clock.advance(2 * HOUR)
    one.round(60, lambda: False)
    assert later.files() == later.live()

    stray.write_bytes(b"x")
    os.utime(stray, (old, old))
    one.round(60, lambda: False)
    assert stray.exists()
    later.clock.advance(23 * HOUR)
    one.round(60, lambda: False)
    assert not stray.exists()


def test_a_tick_tends_now_and_then_and_says_its_trouble(world):
    world.app.tick(None, lambda _: None)
    mark, searched = world.root / ".mtctl" / "tended", world.root / ".mtctl" / "searched"
    first = mark.stat().st_mtime_ns
    world.app.tick(None, lambda _: None)
    assert mark.stat().st_mtime_ns == first
    assert not searched.exists()

    os.utime(mark, ns=(first - EVERY * 1_000, first - EVERY * 1_000))
    world.app.tick(None, lambda _: None)

    assert mark.stat().st_mtime_ns > first
    assert searched.exists()
    assert world.notices == []


def test_a_clock_set_back_does_not_stop_the_rounds(tmp_path):
    clock = FakeClock()
    mark = Looks(tmp_path / "mark", clock)
    assert is_due(mark, clock, EVERY)
    mark.note()
    assert not is_due(mark, clock, EVERY)
    clock.set_wall(clock.now() - 10 * DAY)
    assert is_due(mark, clock, EVERY)


def test_the_thread_of_a_daemon_goes_on_after_trouble_and_says_it_once(tmp_path):
    rounds, enough, said = [], threading.Event(), []

    @contextmanager
    def broken():
        rounds.append(1)
        if len(rounds) == 3:
            enough.set()
        raise MtctlError("lake_io", "the disk is full", kind=Kind.ENGINE)
        yield

    clock = FakeClock()
    tender = Tender(broken, Looks(tmp_path / "mark", clock), clock, said.append)
    tender.start()
    assert enough.wait(10)
    tender.close()

    assert len(said) == 1
    assert "the disk is full" in said[0]
