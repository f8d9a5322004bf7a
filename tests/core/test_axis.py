from __future__ import annotations

import pytest

from mtctl.core.axis import MOST, axis_of
from mtctl.core.calendar import Calendar
from mtctl.core.interval import Grain, Interval
from mtctl.core.times import parse_range

DAYS = Calendar(Grain.DAY, "UTC")


def test_columns_are_the_intervals_of_the_span_whole_at_both_ends() -> None:
    span = parse_range("2013-01-30", "2013-02-02", DAYS)
    axis = axis_of(DAYS, Interval(span.start + 5, span.end - 5))
    assert [axis.label(column) for column in range(len(axis))] == ["2013-01-30", "2013-01-31", "2013-02-01"]
    assert [axis.group(column) for column in range(3)] == ["2013-01", "2013-01", "2013-02"]
    assert [axis.number(column) for column in range(3)] == [30, 31, 1]
    assert [axis.is_marked(column) for column in range(3)] == [True, False, False]
    assert axis.interval(0).end == axis.interval(1).start


def test_a_coarser_interval_covers_the_columns_that_it_shares_time_with() -> None:
    axis = axis_of(DAYS, parse_range("2013-01-30", "2013-03-03", DAYS))
    february = parse_range("2013-02-01", "2013-03-01", DAYS)
    assert axis.columns(february) == range(2, 30)
    january = parse_range("2013-01-01", "2013-02-01", DAYS)
    assert axis.columns(january) == range(2), "what lies before the first column is cut off"
    after = parse_range("2013-04-01", "2013-05-01", DAYS)
    assert len(axis.columns(after)) == 0


@pytest.mark.parametrize(
    ("grain", "first", "last", "group", "number"),
    [
        (Grain.MINUTE, "2013-01-01T05:00", "2013-01-01T06:00", "2013-01-01T05", 0),
        (Grain.HOUR, "2013-01-01T05", "2013-01-01T06", "2013-01-01", 5),
        (Grain.MONTH, "2013-02-01", "2013-03-01", "2013", 2),
        (Grain.QUARTER, "2013-04-01", "2013-07-01", "2013", 2),
        (Grain.YEAR, "2013-01-01", "2014-01-01", "", 2013),
    ],
)
def test_each_grain_has_its_groups_and_numbers(grain: Grain, first: str, last: str, group: str, number: int) -> None:
    calendar = Calendar(grain, "UTC")
    axis = axis_of(calendar, parse_range(first, last, calendar))
    assert (axis.group(0), axis.number(0)) == (group, number)


def test_a_span_of_too_many_intervals_gets_coarser_columns() -> None:
    minutes = Calendar(Grain.MINUTE, "UTC")
    axis = axis_of(minutes, parse_range("2013-01-01", "2014-01-01", DAYS))
    assert axis.calendar.grain is Grain.HOUR
    assert len(axis) == 8760 <= MOST


def test_a_day_of_twenty_three_hours_has_as_many_columns() -> None:
    hours = Calendar(Grain.HOUR, "Europe/Berlin")
    days = Calendar(Grain.DAY, "Europe/Berlin")
    axis = axis_of(hours, parse_range("2013-03-31", "2013-04-01", days))
    assert len(axis) == 23
    assert [axis.number(column) for column in range(4)] == [0, 1, 3, 4]
