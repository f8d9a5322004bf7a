"""A second evaluator of schedules: it walks real minutes one after another and asks each what its wall clock shows.

Nothing of the core's arithmetic is used. It is slow and obvious.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from mtctl.core.zones import zone as zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTE = timedelta(minutes=1)


class Told(NamedTuple):
    """The text of an expression and, made together with it, what it means."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    day: Callable[[date], bool]
    wildcard: bool


def walk(told: Told, zone: str, policy: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the fires in `(start, end]`, aware in UTC; both are whole minutes in UTC."""
    tz = zone_of(zone)

    def names(wall: datetime) -> bool:
        return wall.minute in told.minutes and wall.hour in told.hours and told.day(wall.date())

    def local(at: datetime) -> datetime:
        return at.astimezone(tz).replace(tzinfo=None, fold=0)

    at = start
    while at < end:
        earlier, at = local(at), at + MINUTE
        wall = local(at)
        skipped = []
        gone = earlier + MINUTE
        while gone < wall:
            skipped.append(gone)
            gone += MINUTE
        matches = names(wall)
        aware = at.astimezone(tz)
        has_twin = aware.replace(fold=0).utcoffset() != aware.replace(fold=1).utcoffset()
        if policy == "quartz" and has_twin and aware.fold == 0:
            matches = False
        if has_twin and aware.fold == 1 and (policy == "wall" or (policy == "cron" and not told.wildcard)):
            matches = False
        if policy == "cron" and not told.wildcard and any(names(each) for each in skipped):
            matches = True
        if matches:
            yield at


def _numbers(low: int, high: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    number = st.integers(low, high)
    listed = st.lists(number, min_size=1, max_size=3, unique=True)
    pair = st.tuples(number, number, st.integers(1, 11)).filter(lambda three: three[0] <= three[1])
    return st.one_of(
        listed.map(lambda found: (",".join(map(str, found)), frozenset(found))),
        pair.map(lambda three: (f"{three[0]}-{three[1]}", frozenset(range(three[0], three[1] + 1)))),
        pair.map(
            lambda three: (f"{three[0]}-{three[1]}/{three[2]}", frozenset(range(three[0], three[1] + 1, three[2])))
        ),
        st.integers(1, 11).map(lambda step: (f"*/{step}", frozenset(range(low, high + 1, step)))),
        st.just(("*", frozenset(range(low, high + 1)))),
    )


def _last(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _nearest(day: date, target: int) -> bool:
    """Ask the days of the month which working day is nearest to the target; the earlier wins only by distance."""
    if not 1 <= target <= _last(day):
        return False
    working = [each for each in range(1, _last(day) + 1) if day.replace(day=each).weekday() < 5]
    return day.day == min(working, key=lambda each: abs(each - target))


def _days() -> st.SearchStrategy[tuple[str, str, Callable[[date], bool]]]:
    """Return day of month, day of week (cron numbers) and meaning; one of the two is always `*`."""
    day, weekday = st.integers(1, 31), st.integers(0, 6)
    some = st.lists(weekday, min_size=1, max_size=3, unique=True)
    return st.one_of(
        st.just(("*", "*", lambda _: True)),
        _numbers(1, 31).map(lambda two: (two[0], "*", lambda at: at.day in two[1])),
        some.map(lambda found: ("*", ",".join(map(str, found)), lambda at: at.isoweekday() % 7 in found)),
        st.just(("L", "*", lambda at: at.day == _last(at))),
        st.integers(1, 27).map(lambda back: (f"L-{back}", "*", lambda at: at.day == _last(at) - back)),
        st.just(("LW", "*", lambda at: _nearest(at, _last(at)))),
        day.map(lambda target: (f"{target}W", "*", lambda at: _nearest(at, target))),
        weekday.map(lambda wanted: ("*", f"{wanted}L", lambda at: _is_nth(at, wanted, -1))),
        st.tuples(weekday, st.integers(1, 5)).map(
            lambda two: ("*", f"{two[0]}#{two[1]}", lambda at: _is_nth(at, two[0], two[1] - 1))
        ),
    )


def _is_nth(day: date, weekday: int, index: int) -> bool:
    same = [each for each in range(1, _last(day) + 1) if day.replace(day=each).isoweekday() % 7 == weekday]
    return -len(same) <= index < len(same) and same[index] == day.day


def told_expressions(*, daily: bool = False) -> st.SearchStrategy[Told]:
    """Expressions of the cron dialect with their meaning; `daily` leaves the day fields at `*`."""
    days = st.just(("*", "*", lambda _: True)) if daily else _days()
    return st.tuples(_numbers(0, 59), _numbers(0, 23), days).map(
        lambda parts: Told(
            f"{parts[0][0]} {parts[1][0]} {parts[2][0]} * {parts[2][1]}",
            parts[0][1],
            parts[1][1],
            parts[2][2],
            parts[0][0].startswith("*") or parts[1][0].startswith("*"),
        )
    )


CHANGES = (
    ("UTC", datetime(2026, 3, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 7, 18, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, 18, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 28, 18, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 18, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 6, tzinfo=UTC)),
    ("America/Santiago", datetime(2023, 9, 2, 18, tzinfo=UTC)),
    ("America/Santiago", datetime(2024, 4, 6, 18, tzinfo=UTC)),
    ("America/Havana", datetime(2024, 3, 9, 18, tzinfo=UTC)),
    ("America/Havana", datetime(2024, 11, 2, 18, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, 18, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 3, 9, 12, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 4, 13, 12, tzinfo=UTC)),
)
"""Zones and instants shortly before their clocks change."""
