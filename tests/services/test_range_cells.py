from __future__ import annotations

from typing import Any

from mtctl.core.axis import axis_of
from mtctl.core.calendar import Calendar
from mtctl.core.interval import WHOLE, Grain, IntervalSet
from mtctl.core.states import TaskState
from mtctl.core.times import parse_range
from mtctl.ports.ranges import RangeTask
from mtctl.services.range_cells import cells, whole_cell

DAYS = Calendar(Grain.DAY, "UTC")
MONTHS = Calendar(Grain.MONTH, "UTC")
AXIS = axis_of(DAYS, parse_range("2013-01-30", "2013-02-05", DAYS))


def _task(task_id: int, state: TaskState, first: str | None, last: str = "", **changes: Any) -> RangeTask:
    batch = parse_range(first, last, DAYS) if first is not None else None
    parts: dict[str, Any] = {
        "task_id": task_id,
        "table_id": 1,
        "name": "daily",
        "state": state,
        "batch": batch,
        "intervals": IntervalSet.of([batch]) if batch is not None else None,
        "tries": 0,
        "max_tries": 1,
        "why": "",
        "error": "",
    }
    return RangeTask(**(parts | changes))


def _states(*tasks: RangeTask, calendar: Calendar | None = DAYS, first: int = 0, last: int = 6) -> str:
    letters = {"success": "s", "failed": "f", "pending": "p", "running": "r"}
    found = cells(tasks, calendar, AXIS, first, last)
    return "".join("." if cell is None else letters[cell.task.state] for cell in found)


def test_each_column_shows_the_task_of_its_interval() -> None:
    done = _task(1, TaskState.SUCCESS, "2013-01-30", "2013-02-01")
    runs = _task(2, TaskState.RUNNING, "2013-02-01", "2013-02-02")
    waits = _task(3, TaskState.PENDING, "2013-02-03", "2013-02-05")
    assert _states(done, runs, waits) == "ssr.pp"
    assert _states(done, runs, waits, first=1, last=3) == "sr"
    found = cells([done], DAYS, AXIS, 0, 6)
    assert found[1] is not None
    assert found[1].interval == AXIS.interval(1), "its own interval, not the batch"
    assert found[1].begins


def test_only_the_intervals_of_a_batch_that_are_to_be_done_are_seen() -> None:
    some = IntervalSet.of([AXIS.interval(0), AXIS.interval(3)])
    assert _states(_task(1, TaskState.RUNNING, "2013-01-30", "2013-02-03", intervals=some)) == "r..r.."


def test_a_month_begins_in_one_column_and_goes_on_in_the_next() -> None:
    found = cells([_task(1, TaskState.SUCCESS, "2013-01-01", "2013-03-01")], MONTHS, AXIS, 0, 6)
    assert [cell is not None and cell.begins for cell in found] == [True, False, True, False, False, False]


def test_where_two_share_a_column_trouble_is_seen() -> None:
    bad = _task(1, TaskState.FAILED, "2013-02-01", "2013-02-02")
    good = _task(2, TaskState.SUCCESS, "2013-01-30", "2013-02-03")
    assert _states(bad, good) == "ssfs.."
    assert _states(good, bad) == "ssfs.."


def test_whole_tables_and_intervals_that_are_not_fixed_yet_cover_every_column() -> None:
    whole = _task(1, TaskState.SUCCESS, None, batch=WHOLE, intervals=IntervalSet.of([WHOLE]))
    assert _states(whole, calendar=None) == "ssssss"
    assert _states(_task(2, TaskState.PENDING, None)) == "pppppp"
    one = whole_cell([whole, _task(2, TaskState.FAILED, None)])
    assert one is not None
    assert one.task.state is TaskState.FAILED
    assert whole_cell([]) is None
