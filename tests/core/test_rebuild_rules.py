"""What a new version must hold before it is shown, and what may be read of a table meanwhile."""

from __future__ import annotations

import pytest

from mtctl.core.interval import EMPTY, WHOLE, Grain, Interval, IntervalSet
from mtctl.core.ledger import Coverage, Stale
from mtctl.core.model import Mode, Origin, Partition, PartitionColumn, Read, Table, TableDefinition
from mtctl.core.plan import RefreshRequest, refresh_plan
from mtctl.core.rebuild import Rebuild, is_whole, later_of, needed_of, progress
from mtctl.core.table_calendar import calendar_of
from mtctl.core.table_view import TableView
from mtctl.core.values import replace

DAY = 86_400_000_000
START = 15_706 * DAY  # 2013-01-01
NOW = START + 100 * DAY


def days(first: int, last: int) -> IntervalSet:
    return IntervalSet.of([Interval(START + first * DAY, START + last * DAY)])


def table(name: str, grain: Grain | None = Grain.DAY, **more: object) -> TableDefinition:
    partition = None if grain is None else Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=grain)
    parts: dict[str, object] = {"start": START, "end": START + 59 * DAY} if grain else {}
    return TableDefinition(
        name=name, ddl="", query="", fingerprint="f", mode=Mode.INTERVAL if grain else Mode.FULL, columns=(),
        zone="UTC", partition=partition, **(parts | more),
    )  # fmt: skip


def covered(fresh: IntervalSet = EMPTY, stale: IntervalSet = EMPTY) -> Coverage:
    return Coverage(table_id=1, fresh=fresh, stale=tuple(Stale(interval=one, reason="r") for one in stale))


@pytest.mark.parametrize(
    ("old", "new", "coverage", "needed"),
    [
        (table("t"), table("t"), covered(days(2, 9)), days(2, 9)),
        (table("t"), table("t"), covered(days(2, 9), days(9, 20)), days(2, 9)),
        (table("t"), table("t"), covered(EMPTY, days(2, 9)), days(2, 9)),
        (table("t"), table("t"), covered(), EMPTY),
        (table("t"), table("t", start=START + 5 * DAY), covered(days(2, 9)), days(5, 9)),
        (table("t"), table("t", start=START + 10 * DAY), covered(days(2, 9)), EMPTY),
        (table("t"), table("t", Grain.MONTH), covered(days(40, 41)), days(31, 59)),
        (table("t", Grain.MONTH), table("t"), covered(days(31, 59)), days(31, 59)),
        (table("t"), table("t", None), covered(days(2, 9)), IntervalSet.of([WHOLE])),
        (table("t", None), table("t"), covered(IntervalSet.of([WHOLE])), days(0, 59)),
    ],
    ids=[
        "fresh", "not the stale", "stale where nothing is fresh", "nothing", "as far as wanted", "nothing wanted",
        "whole months", "days of a month", "the whole", "all days",
    ],
)  # fmt: skip
def test_needed_is_what_was_fresh_as_far_as_it_is_wanted(old, new, coverage, needed):
    assert needed_of(old, new, coverage, NOW) == needed


@pytest.mark.parametrize(
    ("new", "needed", "later"),
    [
        ({}, days(0, 59), days(31, 59)),
        ({"open": True}, days(0, 59), EMPTY),
        ({"end": START + 31 * DAY}, days(0, 31), EMPTY),
        ({"delay": 40 * DAY}, days(0, 59), days(0, 59)),
    ],
    ids=["the begun month", "wanted while it is open", "never wanted", "both wait"],
)
def test_what_is_not_over_yet_is_needed_all_the_same(new, needed, later):
    old, months = table("t", end=None), table("t", Grain.MONTH, **({"end": None} | new))
    now = START + 45 * DAY
    assert needed_of(old, months, covered(days(0, 40)), now) == needed
    assert later_of(old, months, days(0, 40), now) == later


def test_it_is_whole_when_all_that_is_needed_was_published_and_the_progress_counts_intervals():
    assert not is_whole(days(0, 4), covered(days(0, 3)))
    assert is_whole(days(0, 4), covered(days(0, 3), days(3, 5)))
    found = progress(table("t"), days(0, 4), covered(days(1, 2), days(3, 9)))
    assert (found.done, found.total) == (2, 4)
    found = progress(table("t", None), IntervalSet.of([WHOLE]), covered())
    assert (found.done, found.total) == (0, 1)


def view(
    definition: TableDefinition, coverage: Coverage, rebuild: Rebuild | None = None, version: int = 1
) -> TableView:
    row = Table(
        table_id=version, uuid="", lake_table_id=1, folder="", epoch=1, version_id=version, origin=Origin.COMMAND,
        file=None, file_sha256=None, created_at=0, definition=definition,
    )  # fmt: skip
    calendar = calendar_of(definition)
    return TableView(table=row, calendar=calendar, coverage=coverage, wanted=days(0, 6), rebuild=rebuild)


REBUILD = Rebuild(
    table_id=1, shown=table("up"), fresh=days(0, 4), needed=days(0, 4), since_version=5, begun_at=0
)
DOWN = replace(table("down"), reads=(Read(table="up"),))


def plan(up: Coverage, down_version: int = 1, selected: tuple[str, ...] = ("down",)) -> tuple[dict, list]:
    views = {"up": view(table("up"), up, REBUILD, 6), "down": view(DOWN, covered(), version=down_version)}
    found = refresh_plan(views, RefreshRequest(selected=selected, batch=1), NOW)
    tasks: dict[str, IntervalSet] = {}
    for task in found.tasks:
        tasks[task.table] = tasks.get(task.table, EMPTY) | task.intervals
    return tasks, list(found.tasks)


def test_readers_read_what_was_fresh_in_the_old_version_whatever_the_new_one_holds():
    assert plan(covered(days(3, 6)))[0] == {"down": days(0, 4)}
    assert plan(covered())[0] == {"down": days(0, 4)}


def test_a_reader_made_for_the_new_version_waits_for_it():
    assert plan(covered(days(1, 6)), down_version=6)[0] == {}


def test_one_plan_that_makes_it_whole_lets_its_readers_follow_the_last_of_it():
    tasks, all_tasks = plan(covered(days(0, 2)), down_version=6, selected=("up", "down"))
    assert tasks == {"up": days(2, 6), "down": days(0, 6)}
    keys = [task.key for task in all_tasks if task.table == "up"]
    assert all(task.after == tuple(keys) for task in all_tasks if task.table == "down")
