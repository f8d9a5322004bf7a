from __future__ import annotations

import pytest

from mtctl.core.interval import Grain, Interval, IntervalSet
from mtctl.core.lateness import Lag, Turned, blame, lag_text, lags, late_since
from mtctl.core.ledger import Coverage, Stale, wanted
from mtctl.core.model import Mode, Origin, Partition, PartitionColumn
from mtctl.core.states import TaskState, WorkflowState
from mtctl.core.table_calendar import calendar_of
from mtctl.core.table_view import Look, Outline
from mtctl.core.why import why_table
from mtctl.core.why_facts import Facts, QueueFacts, ScheduleFacts, TableFacts, TaskFacts

HOUR = 3_600_000_000
DAY = 24 * HOUR
NOW = 20_000 * DAY + 9 * HOUR
TODAY = NOW - 9 * HOUR


def _look(fresh: list[tuple[int, int]], stale: list[tuple[int, int, str]] = [], **more: object) -> Look:  # noqa: B006
    parts: dict[str, object] = {
        "table_id": 1,
        "name": "daily",
        "origin": Origin.FILE,
        "file": "daily.sql",
        "mode": Mode.INTERVAL,
        "zone": "UTC",
        "partition": Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=Grain.DAY),
        "start": TODAY - 10 * DAY,
        "end": None,
        "delay": 0,
        "open": False,
        "schedule": None,
        "freshness": None,
        "comment": None,
        "tags": (),
    }
    outline = Outline(**parts | more)  # type: ignore[arg-type]
    calendar = calendar_of(outline)
    coverage = Coverage(
        table_id=1,
        fresh=IntervalSet.of(Interval(*pair) for pair in fresh),
        stale=tuple(Stale(interval=Interval(low, high), reason=why) for low, high, why in stale),
    )
    return Look(outline=outline, calendar=calendar, coverage=coverage, wanted=wanted(outline, calendar, NOW))


def test_a_table_is_late_since_the_first_interval_that_it_lacks_has_closed() -> None:
    assert late_since(_look([(TODAY - 10 * DAY, TODAY)]), 0, None, NOW) is None
    assert late_since(_look([(TODAY - 10 * DAY, TODAY - DAY)]), 0, None, NOW) == TODAY
    assert late_since(_look([(TODAY - 10 * DAY, TODAY - DAY)], delay=HOUR), 0, None, NOW) == TODAY + HOUR
    assert late_since(_look([]), 0, None, NOW) == TODAY - 9 * DAY


def test_history_that_a_new_table_lacks_is_late_since_it_was_made() -> None:
    assert late_since(_look([]), NOW - HOUR, None, NOW) == NOW - HOUR
    full = _look([], mode=Mode.FULL, partition=None, start=None)
    assert late_since(full, NOW - HOUR, None, NOW) == NOW - HOUR


def test_an_interval_that_has_not_closed_is_not_late_in_the_future() -> None:
    assert late_since(_look([(TODAY - 10 * DAY, TODAY)], open=True), 0, None, NOW) == NOW


@pytest.mark.parametrize(
    ("reason", "since"),
    [
        ("source data/in.csv changed", NOW - 2 * HOUR),
        ("upstream orders changed", NOW - 3 * HOUR),
        ("definition changed", NOW - 4 * HOUR),
        ("rolled back", NOW - 5 * HOUR),
    ],
)
def test_what_is_stale_is_late_since_what_it_was_made_from_has_changed(reason: str, since: int) -> None:
    turned = Turned(
        published_at=NOW - 5 * HOUR,
        source_at=NOW - 2 * HOUR,
        upstream_at=NOW - 3 * HOUR,
        definition_at=NOW - 4 * HOUR,
    )
    look = _look([(TODAY - 9 * DAY, TODAY)], [(TODAY - 10 * DAY, TODAY - 9 * DAY, reason)])
    assert late_since(look, 0, turned, NOW) == since
    assert late_since(look, 0, Turned(published_at=NOW - HOUR), NOW) == NOW - HOUR


def test_what_a_table_reads_explains_as_much_of_its_lag_as_it_is_late_itself() -> None:
    since = {"orders": None, "daily": NOW - 9 * HOUR, "top": NOW - 10 * HOUR, "quick": NOW - HOUR}
    upstream = {"daily": ["orders"], "top": ["daily"], "quick": ["daily"]}
    assert lags(since, upstream, NOW) == {
        "orders": Lag(),
        "daily": Lag(total=9 * HOUR, own=9 * HOUR),
        "top": Lag(total=10 * HOUR, own=HOUR, inherited=9 * HOUR),
        "quick": Lag(total=HOUR, inherited=HOUR),
    }


def test_lags_are_told_in_two_units() -> None:
    assert [lag_text(one) for one in (0, 5_000_000, 9 * HOUR + 720_000_000, 3 * DAY)] == ["", "5s", "9h12m", "3d00h"]


def _task(state: TaskState, **more: object) -> TaskFacts:
    return TaskFacts(task_id=1, name="daily", instance="01JD4N7Q2X", state=state, table="daily", **more)  # type: ignore[arg-type]


_ON = ScheduleFacts(workflow="daily", state=WorkflowState.ENABLED, text="@daily", due_at=NOW + HOUR)
_OFF = ScheduleFacts(workflow="daily", state=WorkflowState.DISABLED, text="@daily")


@pytest.mark.parametrize(
    ("told", "stale", "facts"),
    [
        ("own failure 4N7Q2X", "", {"last": _task(TaskState.FAILED)}),
        ("cancelled 4N7Q2X", "", {"last": _task(TaskState.CANCELLED)}),
        ("own failure, is retried 4N7Q2X", "", {"task": _task(TaskState.PENDING, ready_at=NOW + 1, tries=1)}),
        ("is running", "", {"task": _task(TaskState.RUNNING)}),
        ("queue default is paused", "", {"task": _task(TaskState.PENDING)}),
        ("waits for orders", "", {"task": _task(TaskState.PENDING, waits_for="orders", ready_at=NOW + 1)}),
        ("waits for orders", "", {"blockers": ("orders",), "last": _task(TaskState.FAILED)}),
        ("waits for workflow nightly", "", {"task": _task(TaskState.PENDING, depends_on="nightly", ready_at=NOW + 1)}),
        ("not scheduled", "", {}),
        ("source in.csv changed; not scheduled", "source in.csv changed", {}),
        ("not due yet", "", {"schedules": (_ON,)}),
        ("workflow is disabled", "", {"schedules": (_OFF,)}),
    ],
)
def test_the_cause_is_a_few_words(told: str, stale: str, facts: dict[str, object]) -> None:
    table = TableFacts(name="daily", due="it is", **facts)  # type: ignore[arg-type]
    known = Facts(
        now=NOW,
        tables={"daily": table, "orders": TableFacts(name="orders", due="it is")},
        queues={"default": QueueFacts(name="default", slots=1, paused=True)},
    )
    assert blame(why_table(known, "daily"), table, stale) == told
