"""What must hold when somebody interferes: another spelling of the project, a dropped table, an ended holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, files_of

from mtctl.app import open_app
from mtctl.services.dispatcher import PASSED_AT_ONCE
from mtctl.services.ending import MOST_SUPERSEDED
from mtctl.services.reports import RefreshArgs

if TYPE_CHECKING:
    from pathlib import Path

    from service_kit import World

    from mtctl.services.reports import TaskEvent

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
BROKEN = "CREATE MATERIALIZED TABLE broken AS SELECT 1 / (v - v) AS x, error('no')::INTEGER AS y FROM 'data/in.csv'\n"


@pytest.fixture
def daily(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    return world


def test_gc_through_another_spelling_of_the_project_removes_nothing(daily: World, tmp_path: Path) -> None:
    daily.fill("daily")
    before = files_of(daily.root)
    daily.close()
    link = tmp_path / "link"
    link.symlink_to(daily.root, target_is_directory=True)
    with open_app(link, daily.notices.append) as app:
        assert app.gc(grace_seconds=0, dry_run=False).removed == ()
    assert files_of(daily.root) == before


def test_a_key_that_is_repeated_names_another_interval(daily: World) -> None:
    pairs = (("d", "2013-01-02"), ("d", "2013-01-04"))
    report = daily.refresh("daily", partition=pairs, dry_run=True)
    assert sorted(step.interval for step in report.plan) == ["2013-01-02", "2013-01-04"]


def test_a_table_dropped_under_its_running_refresh_ends_the_task(daily: World) -> None:
    other = open_app(daily.root, daily.notices.append)

    def drop(event: TaskEvent) -> None:
        if event.kind == "claimed":
            other.drop_tables(("daily",))

    with other:
        report = daily.app.refresh(RefreshArgs(selectors=("daily",)), drop)
    [found] = report.tables
    assert (found.state, found.error_code) == ("cancelled", "superseded")
    assert list((daily.root / "lake" / "data").rglob("*.parquet")) == []


def test_a_table_that_is_changed_again_and_again_fails_in_the_end(daily: World) -> None:
    other = open_app(daily.root, daily.notices.append)
    changes = []

    def change(event: TaskEvent) -> None:
        if event.kind == "claimed":
            changes.append(event)
            daily.table("daily", DAILY.replace("sum(v)", f"sum(v + {len(changes)})"))
            other.apply(other.plan(prune=False, rebuild=()))

    with other:
        report = daily.app.refresh(RefreshArgs(selectors=("daily",)), change)
    [found] = report.tables
    assert (found.state, found.error_code) == ("failed", "superseded")
    assert "mtctl verify daily" in (found.error or "")
    assert len(changes) == MOST_SUPERSEDED + 1


def test_the_failure_of_detached_work_is_in_the_report_of_whoever_ran_it(daily: World) -> None:
    daily.table("broken", BROKEN)
    daily.apply()
    daily.refresh("broken", detach=True)
    daily.fill("daily")
    daily.table("broken", BROKEN.replace("AS SELECT", "WITH ('refresh.auto' = 'off') AS SELECT"))
    daily.apply()
    report = daily.up(apply=False)
    assert {found.table: found.state for found in report.tables}["broken"] == "failed"


def test_fresh_tasks_are_skipped_a_few_in_a_transaction(daily: World) -> None:
    daily.table("wide", WIDE)
    daily.apply()
    daily.refresh("wide", batch=1, detach=True)
    daily.fill("wide")
    skipped: list[TaskEvent] = []
    daily.app.up_once(lambda event: skipped.append(event) if event.kind == "skipped" else None, apply=False)
    assert len(skipped) == DAYS
    assert DAYS > PASSED_AT_ONCE  # several transactions were needed


DAYS = 300
WIDE = """CREATE MATERIALIZED TABLE wide PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-10-28')
AS SELECT d, count(*) AS n FROM 'data/in.csv' GROUP BY d
"""
