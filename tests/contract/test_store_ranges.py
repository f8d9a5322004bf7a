from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from store_kit import Kit, day, days, definition, full, kit_at, task

from mtctl.core.interval import WHOLE, Grain, Interval
from mtctl.core.listing import Filter, parse_filter
from mtctl.core.model import Partition, PartitionColumn
from mtctl.core.states import Outcome, TaskState
from mtctl.ports.board import ORDERS, InstanceWindow
from mtctl.services.ranges import seconds_left

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.ports.ranges import RangeReads, RangeRow

NOW = 1_700_000_000_000_000
MONTH = Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=Grain.MONTH)
NAMES = ("daily", "monthly", "whole")


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """A store with a table of days (1), one of months (2) and a whole one (3)."""
    kit = kit_at(tmp_path, NOW)
    made = kit.put(definition("daily"), definition("monthly", partition=MONTH), full("whole"))
    assert [made[name] for name in NAMES] == [1, 2, 3]
    return kit


def _read(kit: Kit, ask: Callable[[RangeReads], Any]) -> Any:
    with kit.store.read() as view:
        return ask(view.board().ranges())


def _rows(kit: Kit, text: str = "", **more: Any) -> list[RangeRow]:
    found: list[RangeRow] = _read(kit, lambda reads: reads.window(InstanceWindow(wanted=parse_filter(text), **more)))
    return found


def _ids(kit: Kit, text: str = "", **more: Any) -> list[int]:
    return [row.instance_id for row in _rows(kit, text, **more)]


def test_a_range_is_what_refreshes_more_than_one_interval_of_a_table(kit: Kit) -> None:
    one = kit.instance(task(1, [day(0)]))
    batch = kit.instance(task(1, days(0, 2)))
    singles = kit.instance(task(1, [day(0)]), task(1, [day(1)], key=1))
    two_tables = kit.instance(task(1, [day(0)]), task(2, [Interval(day(0).start, day(31).start)], key=1))
    wholes = kit.instance(task(3, [WHOLE]), task(3, [WHOLE], key=1))
    assert _ids(kit) == [singles, batch]
    assert not {one, two_tables, wholes} & set(_ids(kit))
    assert _read(kit, lambda reads: reads.total(Filter())) == 2


def test_a_row_tells_how_far_it_is(kit: Kit) -> None:
    made = kit.instance(
        task(1, days(0, 4)), task(1, days(4, 6), key=1), task(1, days(6, 7), key=2), task(3, [WHOLE], key=3), tries=1
    )
    kit.end(kit.claim(made), Outcome.FAILED)
    running = kit.claim(made)
    assert running is not None
    [row] = _rows(kit)
    assert (row.counts.failed, row.counts.running, row.counts.total) == (4, running.task.interval_count, 8)
    assert row.counts.waiting == 4 - running.task.interval_count
    assert (row.tables, row.batches, row.running_batches, row.waiting_batches) == (2, 4, 1, 2)
    assert row.span == Interval(day(0).start, day(6).end), "whole tables have no part in it"
    assert row.finest is not None
    assert row.finest.name == "daily"
    assert (row.tried, row.seconds) == (0, 0.0)


def test_the_finest_table_names_the_intervals(kit: Kit) -> None:
    month = Interval(day(0).start, day(31).start)
    next_month = Interval(day(31).start, day(59).start)
    kit.instance(task(2, [month, next_month]), task(1, [day(0)], key=1))
    kit.instance(task(2, [month, next_month]))
    assert [row.finest and row.finest.name for row in _rows(kit)] == ["monthly", "daily"]


@pytest.mark.parametrize("order", ORDERS)
def test_windows_in_each_order_join_to_the_whole_list(kit: Kit, order: str) -> None:
    made = [kit.instance(task(1, days(0, 2 + number))) for number in range(5)]
    kit.instance(task(1, [day(0)]))
    for descending in (False, True):
        parts = [_ids(kit, order=order, descending=descending, offset=at, limit=2) for at in (0, 2, 4)]
        joined = [one for part in parts for one in part]
        assert sorted(joined) == made
        if order == "id":
            assert joined == sorted(made, reverse=descending)


def _worked_on(kit: Kit) -> None:
    """Five ranges of the first table in all ways: some batches published, of the last one another running."""
    for number, (first, last, ended) in enumerate([(3, 9, 1), (0, 4, 2), (5, 25, 0), (1, 3, 1), (2, 11, 1)]):
        half = (first + last) // 2
        tasks = (task(1, days(first, half)), task(1, days(half, last), key=1), task(3, [WHOLE], key=2))
        made = kit.instance(*tasks[: 2 + number % 2])
        for _ in range(ended):
            claimed = kit.claim(made)
            assert claimed is not None
            assert claimed.task.intervals is not None
            kit.rows_each = 10 * number  # none at all, too
            content = {one: f"x{number}" for one in days(first, last) if one in claimed.task.intervals}
            kit.publish(kit.publication(claimed, content))
    kit.claim(made)


@pytest.mark.parametrize(
    ("order", "value"),
    [
        ("range", lambda row: row.span.start),
        ("done", lambda row: (row.counts.done + row.counts.skipped) / row.counts.total),
        ("intervals", lambda row: row.counts.total),
        ("batches", lambda row: row.running_batches + row.waiting_batches or row.batches),
        ("tasks", lambda row: row.batches),
        ("left", seconds_left),
        ("rows", lambda row: row.rows or None),
    ],
)
def test_ranges_are_sorted_by_what_their_tasks_say(kit: Kit, order: str, value: Callable[[RangeRow], Any]) -> None:
    _worked_on(kit)
    found = {row.instance_id: value(row) for row in _rows(kit)}
    assert len(set(found.values())) > 1
    for descending in (False, True):
        known = sorted((one for one in found.values() if one is not None), reverse=descending)
        shown = [found[one] for one in _ids(kit, order=order, descending=descending, limit=10)]
        assert shown[: len(known)] == pytest.approx(known)
        assert shown[len(known) :] == [None] * (len(found) - len(known))


def test_a_filter_narrows_ranges_too(kit: Kit) -> None:
    kit.instance(task(1, days(0, 3)))
    failed = kit.instance(task(1, days(0, 3)), tries=1)
    kit.end(kit.claim(failed), Outcome.FAILED)
    assert _ids(kit, "state:failed") == [failed]
    assert _ids(kit, "table:month*") == []
    assert _read(kit, lambda reads: reads.total(parse_filter("state:failed"))) == 1


def test_tables_come_in_the_order_of_their_tasks_and_in_windows(kit: Kit) -> None:
    made = kit.instance(task(3, [WHOLE]), task(1, days(0, 3), key=1), task(1, days(3, 5), key=2))
    tables = _read(kit, lambda reads: reads.tables(made, 0, 10))
    assert [(one.outline.name, one.batches, one.counts.total) for one in tables] == [("whole", 1, 1), ("daily", 2, 5)]
    assert [one.outline.name for one in _read(kit, lambda reads: reads.tables(made, 1, 1))] == ["daily"]


def test_tasks_are_those_that_touch_a_time(kit: Kit) -> None:
    made = kit.instance(
        task(1, days(0, 3)), task(1, days(3, 5), key=1), task(3, [WHOLE], key=2), task(2, [day(0)], key=3), tries=1
    )
    kit.end(kit.claim(made), Outcome.FAILED)
    within = Interval(day(2).start, day(3).start)
    found = _read(kit, lambda reads: reads.tasks(made, [1, 3], within))
    assert [(one.table_id, one.batch) for one in found] == [(1, Interval(day(0).start, day(2).end)), (3, WHOLE)]
    assert (found[0].state, found[0].error, found[0].tries) == (TaskState.FAILED, "boom", 1)
    assert found[0].intervals is not None
    assert len(_read(kit, lambda reads: reads.tasks(made, [1, 2, 3], None))) == 4


def test_failures_are_told_wherever_they_are(kit: Kit) -> None:
    made = kit.instance(*(task(1, [day(number)], key=number) for number in range(4)), tries=1)
    for _ in range(3):
        kit.end(kit.claim(made), Outcome.FAILED)
    failed = _read(kit, lambda reads: reads.failed(made, 2))
    assert [(one.state, one.error) for one in failed] == [(TaskState.FAILED, "boom")] * 2


def test_open_tasks_of_the_same_time_are_named_running_ones_first(kit: Kit) -> None:
    kit.instance(task(1, days(10, 12)))
    kit.instance(task(1, days(0, 3)))
    assert kit.claim(kit.instance(task(1, days(2, 4)))) is not None
    kit.instance(task(1, days(0, 3)), tries=1)
    found = _read(kit, lambda reads: reads.open_tasks(["daily", "whole"], Interval(day(2).start, day(3).start), 9))
    assert found[0].state is TaskState.RUNNING
    assert len(found) == 3
    assert len(_read(kit, lambda reads: reads.open_tasks(["daily"], None, 9))) == 4
    assert _read(kit, lambda reads: reads.open_tasks(["whole"], None, 9)) == []


def test_speeds_are_of_what_was_published(kit: Kit) -> None:
    assert _read(kit, lambda reads: reads.speeds(["daily"], 5)) == {}
    kit.refresh(1, {day(0): "a", day(1): "b"})
    assert _read(kit, lambda reads: reads.speeds(["DAILY"], 5)) == {"daily": (0.5,)}
    [row] = _rows(kit)
    assert (row.tried, row.seconds, row.rows) == (2, 1.0, 20)


def test_an_instance_that_is_no_range_has_a_row_too_and_one_that_is_gone_has_none(kit: Kit) -> None:
    made = kit.instance(task(3, [WHOLE]))
    [(ulid,)] = kit.sql("SELECT ulid FROM workflow_instance WHERE instance_id = ?", made)
    row = _read(kit, lambda reads: reads.row(str(ulid)))
    assert row.span is None
    assert row.finest is None
    assert row.counts.waiting == 1
    assert _read(kit, lambda reads: reads.row("NOPE")) is None
