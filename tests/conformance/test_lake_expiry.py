"""What the real extension reads after an expiry: all that is kept, exactly; of the rest a clear error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock
from lake_kit import Duck, Project, lake_python

from mtctl.clock import SystemClock
from mtctl.core.retention import DAY, Limits, Policy
from mtctl.lake.files import LakeFiles
from mtctl.services.collecting import Collector
from mtctl.services.retention import Retention
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3_600


@contextmanager
def days_later(project: Project, days: int) -> Iterator[tuple[FakeClock, Retention, Collector]]:
    """Open expiry and removal over a project, by a clock that is ahead."""
    clock = FakeClock(now=SystemClock().now() + days * DAY, boottime=SystemClock().boottime())
    store = open_store(project.state, clock)
    retention = Retention(store, clock, Policy(limits=Limits(versions=2, age=DAY)))
    yield clock, retention, Collector(store, LakeFiles(project.root / "lake"), clock, project.root / ".mtctl" / "logs")
    store.close()


def same(project: Project, lake: Duck, own: Duck) -> int:
    """Compare every table at every kept snapshot; return how many were compared."""
    compared = 0
    for snapshot in project.versions():
        for name, relation in project.tables_at(snapshot).items():
            theirs = f"{name} AT (VERSION => {snapshot})"
            assert lake.content(theirs) == own.content(relation), (name, snapshot)
            assert lake.types(theirs) == own.types(relation), (name, snapshot)
            compared += 1
    return compared


def test_what_is_kept_reads_as_before_and_what_expired_is_an_error(small: Project) -> None:
    lake_python()
    for _ in range(3):
        small.mtctl("refresh", "flights_daily", "--interval", "2013-01-05", "--force")
    small.mtctl("refresh", "weather_daily", "--force")
    (small.root / "tables" / "delay_by_weather.sql").unlink()
    small.mtctl("apply", "--prune", "--yes")
    before = small.versions()
    newest = list(small.tables_at(before[-1]))

    with small.attached() as lake, Duck() as own:
        shown = {name: lake.content(name) for name in newest}
        files = set((small.root / "lake" / "data").rglob("*.parquet"))
        with days_later(small, 2) as (clock, retention, collector):
            report = retention.expire(dry_run=False)
            kept = small.versions()
            assert report.files > 0
            assert len(kept) < len(before)
            assert kept[-1] == before[-1]

            assert same(small, lake, own) >= len(newest)
            clock.advance(2 * HOUR)
            assert len(collector.gc(grace_seconds=None, dry_run=False).removed) >= report.files

            # The session that was attached all the time, and one that comes anew.
            assert {name: lake.content(name) for name in newest} == shown
            assert same(small, lake, own) >= len(newest)
        assert len(set((small.root / "lake" / "data").rglob("*.parquet"))) < len(files)

        gone = next(one for one in reversed(before) if one not in kept)
        assert str(gone) in lake.error(f"FROM flights_daily AT (VERSION => {gone})")
        [(name,)] = lake.rows("SELECT current_database()")
        assert [one for (one,) in lake.rows(f"SELECT snapshot_id FROM ducklake_snapshots('{name}') ORDER BY 1")] == kept
        table = "flights_daily"
        assert lake.rows(f"FROM ducklake_table_changes('{name}', 'main', '{table}', {kept[-1]}, {kept[-1]})") == []


@pytest.mark.campaign
def test_everything_but_the_newest_may_go_and_a_new_session_reads_it(small: Project) -> None:
    lake_python()
    small.mtctl("refresh", "flights_daily", "--interval", "2013-01-05", "--force")
    with days_later(small, 20) as (clock, retention, collector):
        retention.expire(dry_run=False)
        clock.advance(2 * HOUR)
        collector.gc(grace_seconds=None, dry_run=False)
    assert len(small.versions()) == 1

    with small.attached() as lake, Duck() as own:
        assert same(small, lake, own) == 3
        [(dropped,)] = small.sql("SELECT count(*) FROM ducklake_files_scheduled_for_deletion")
    assert dropped == 0
