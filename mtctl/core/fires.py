"""Floor 0. From a rule on wall clocks to instants: calendar arithmetic, and what happens where the clock changes.

Rules speak of naive wall times; `croniter` finds those of a cron expression, in explicit lists only, because it reads
raw Quartz text differently. This is the one module of the core that knows a library: its calendar arithmetic is pure,
and it is imported only when a fire is computed. A wall time then becomes instants by the policy of the schedule.
"""

from __future__ import annotations

import copy
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mtctl.core.cron import FIRST_YEAR, LAST_YEAR
from mtctl.core.interval import MAX_INSTANT, MIN_INSTANT
from mtctl.core.zones import first_at, has_one_offset, naive_of, naive_us, passes, to_instant, to_wall, transition

if TYPE_CHECKING:
    from mtctl.core.cron import Cron

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_DAY_US = 86_400_000_000
_LOW = datetime(FIRST_YEAR, 1, 1)  # noqa: DTZ001 - wall time
_HIGH = datetime(LAST_YEAR, 12, 31, 23, 59, 59)  # noqa: DTZ001 - wall time
_FIRST = MIN_INSTANT + 2 * 366 * _DAY_US
_LAST = MAX_INSTANT - 2 * 366 * _DAY_US
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time


class DstPolicy(StrEnum):
    """What a wall time means that the clock skips or shows twice."""

    CRON = "cron"  # once each day: first instant after a gap, first pass; wildcards: every real match, none in a gap
    QUARTZ = "quartz"  # skipped in a gap, second pass only
    WALL = "wall"  # skipped in a gap, first pass only


class Pass(StrEnum):
    """One way from wall times to instants; each is a rising function, so fires come in the order of the walls."""

    SHIFTED = "shifted"  # first pass, and the first instant after a gap
    EARLY = "early"  # first pass, nothing in a gap
    LATE = "late"  # second pass, nothing in a gap


class Walls(Protocol):
    """A rule as an ascending row of naive wall times on whole seconds."""

    def after(self, wall: datetime) -> datetime | None:
        """Return the first one later than `wall`."""

    def before(self, wall: datetime) -> datetime | None:
        """Return the last one earlier than `wall`."""


class CronWalls(NamedTuple):
    """The wall times of a cron expression, years 1970 to 2099."""

    cron: Cron

    def after(self, wall: datetime) -> datetime | None:
        """Return the first one later than `wall`."""
        wall = max(wall.replace(microsecond=0), _LOW - _SECOND)
        clock = copy.copy(_clock(self.cron))
        while wall < _HIGH:
            found = _step(clock, wall, forward=True)
            if found is None or _is_plain(self.cron) or self.cron.on(found.date()):
                return found
            day = _next_day(self.cron, found.date(), 1)
            if day is None:
                return None
            wall = datetime(day.year, day.month, day.day) - _SECOND  # noqa: DTZ001 - wall time
        return None

    def before(self, wall: datetime) -> datetime | None:
        """Return the last one earlier than `wall`."""
        whole = wall.replace(microsecond=0)
        wall = min(whole if whole == wall else whole + _SECOND, _HIGH + _SECOND)
        clock = copy.copy(_clock(self.cron))
        while wall > _LOW:
            found = _step(clock, wall, forward=False)
            if found is None or _is_plain(self.cron) or self.cron.on(found.date()):
                return found
            day = _next_day(self.cron, found.date(), -1)
            if day is None:
                return None
            wall = datetime(day.year, day.month, day.day) + _DAY  # noqa: DTZ001 - wall time
        return None


class DayWalls(NamedTuple):
    """The same wall time every so many calendar days."""

    anchor: datetime
    days: int

    def after(self, wall: datetime) -> datetime | None:
        """Return the first one later than `wall`."""
        return self._step((wall - self.anchor) // timedelta(days=self.days) + 1)

    def before(self, wall: datetime) -> datetime | None:
        """Return the last one earlier than `wall`."""
        return self._step(-((self.anchor - wall) // timedelta(days=self.days)) - 1)

    def _step(self, number: int) -> datetime | None:
        try:
            return self.anchor + timedelta(days=self.days * number)
        except OverflowError:
            return None


def next_instant(walls: Walls, zone: str, way: tuple[Pass, ...], after: int) -> int | None:
    """Return the first instant later than `after` of a rule in a zone; `way` is one pass, or the two real ones."""
    if not _FIRST <= after <= _LAST:
        after = max(after, _FIRST)
    if after > _LAST:
        return None
    found = _next(walls, zone, way[0], after)
    if len(way) > 1 and _is_twice(after, zone):
        again = _next(walls, zone, way[1], after)
        return min((each for each in (found, again) if each is not None), default=None)
    return found


def previous_instant(walls: Walls, zone: str, way: tuple[Pass, ...], before: int) -> int | None:
    """Return the last instant earlier than `before` of a rule in a zone."""
    last = min(before, _LAST) - 1
    if last < _FIRST:
        return None
    found = _previous(walls, zone, way[-1], last)
    if len(way) > 1 and _is_twice(last, zone):
        again = _previous(walls, zone, way[0], last)
        return max((each for each in (found, again) if each is not None), default=None)
    return found


def way_of(policy: DstPolicy, *, wildcard: bool) -> tuple[Pass, ...]:
    """Return how a policy maps wall times."""
    match policy:
        case DstPolicy.QUARTZ:
            return (Pass.LATE,)
        case DstPolicy.WALL:
            return (Pass.EARLY,)
        case DstPolicy.CRON:
            return (Pass.EARLY, Pass.LATE) if wildcard else (Pass.SHIFTED,)


def _next(walls: Walls, zone: str, way: Pass, after: int) -> int | None:
    wall = walls.after(_below(after, zone, way))
    while wall is not None:
        found = _instant(wall, zone, way)
        if found is not None and found > after:
            return found
        # In a gap: nothing before its end can come. Behind in an overlap: the very next one is judged.
        wall = walls.after(_gap_end(wall, zone) - _MICROSECOND if found is None else wall)
    return None


def _previous(walls: Walls, zone: str, way: Pass, last: int) -> int | None:
    wall = walls.before(_above(last, zone, way))
    while wall is not None:
        found = _instant(wall, zone, way)
        if found is not None and found <= last:
            return found
        wall = walls.before(_gap_start(wall, zone) if found is None else wall)
    return None


def _instant(wall: datetime, zone: str, way: Pass) -> int | None:
    if has_one_offset(zone) or way is Pass.SHIFTED:
        return first_at(wall, zone)
    found = passes(wall, zone)
    if not found:
        return None
    return to_instant(found[0 if way is Pass.EARLY else -1])


def _below(after: int, zone: str, way: Pass) -> datetime:
    """Return a wall time such that no wall time up to it maps to later than `after`, and few beyond it map earlier."""
    wall = to_wall(after, zone)
    start, end = _overlap(after, zone)
    if start is None or end is None:
        return wall
    if way is Pass.LATE:
        return start - _MICROSECOND if _is_first_pass(after, zone) else wall
    return wall if _is_first_pass(after, zone) else end - _MICROSECOND


def _above(last: int, zone: str, way: Pass) -> datetime:
    """Return a wall time such that no wall time from it on maps to `last` or earlier, and few below it map later."""
    wall = to_wall(last, zone) + _MICROSECOND
    start, end = _overlap(last, zone)
    if start is None or end is None:
        return wall
    if way is Pass.LATE:
        return start if _is_first_pass(last, zone) else wall
    return wall if _is_first_pass(last, zone) else end


def _is_twice(instant: int, zone: str) -> bool:
    return not has_one_offset(zone) and len(passes(to_wall(instant, zone), zone)) == 2


def _is_first_pass(instant: int, zone: str) -> bool:
    return to_instant(passes(to_wall(instant, zone), zone)[0]) == instant


def _overlap(instant: int, zone: str) -> tuple[datetime | None, datetime | None]:
    """Return the wall times `[start, end)` that come twice around the instant, None where it is an ordinary one."""
    if not _is_twice(instant, zone):
        return None, None
    early, late = (to_instant(each) for each in passes(to_wall(instant, zone), zone))
    change = transition(early, late, zone)
    start = to_wall(change, zone)
    return start, start + timedelta(microseconds=late - early)


def _gap_end(wall: datetime, zone: str) -> datetime:
    return to_wall(first_at(wall, zone), zone)


def _gap_start(wall: datetime, zone: str) -> datetime:
    return naive_of(naive_us(to_wall(first_at(wall, zone) - 1, zone)) + 1)


class _Clock(Protocol):
    """What is used of croniter."""

    def set_current(self, start_time: datetime, *, force: bool) -> float: ...

    def get_next(self, ret_type: type[datetime]) -> datetime: ...

    def get_prev(self, ret_type: type[datetime]) -> datetime: ...


def _step(clock: _Clock, wall: datetime, *, forward: bool) -> datetime | None:
    from croniter import CroniterBadDateError  # noqa: PLC0415 - 80 ms that only a fire pays

    clock.set_current(wall, force=True)
    try:
        found = clock.get_next(datetime) if forward else clock.get_prev(datetime)
    except CroniterBadDateError:
        return None
    found = found.replace(tzinfo=None)
    return found if _LOW <= found <= _HIGH else None


@lru_cache(maxsize=512)
def _clock(cron: Cron) -> _Clock:
    """Return croniter on the explicit lists of an expression; whoever moves it, moves a copy."""
    from croniter import croniter  # noqa: PLC0415 - 80 ms that only a fire pays

    years = "*" if cron.years is None else _list(cron.years)
    day, weekday = _day_words(cron) if _is_plain(cron) else ("*", "*")
    times = f"{_list(cron.seconds)} {_list(cron.minutes)} {_list(cron.hours)}"
    text = f"{times} {day} {_list(cron.months)} {weekday} {years}"
    clock: _Clock = croniter(text, _EPOCH, ret_type=datetime, second_at_beginning=True, max_years_between_matches=130)
    return clock


def _list(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


@lru_cache(maxsize=512)
def _is_plain(cron: Cron) -> bool:
    """Return whether croniter has words for the two day fields; the others are asked of each date."""
    days, weekdays = cron.days, cron.weekdays
    if not days.every and not weekdays.every:
        return False
    kinds = sum(map(bool, (days.days, days.last, days.nearest, weekdays.days, weekdays.last, weekdays.nth)))
    is_last = days.last in {(), ((0, False),)}
    # croniter moves the 31W of a short month to its last day.
    return kinds <= 1 and is_last and len(days.nearest) <= 1 and all(day <= 28 for day in days.nearest)


def _day_words(cron: Cron) -> tuple[str, str]:
    days, weekdays = cron.days, cron.weekdays
    day = "L" if days.last else f"{days.nearest[0]}W" if days.nearest else _list(days.days)
    words = [*map(str, weekdays.days), *(f"L{each}" for each in weekdays.last), *(f"{d}#{n}" for d, n in weekdays.nth)]
    return "*" if days.every else day, "*" if weekdays.every else ",".join(words)


def _next_day(cron: Cron, day: date, step: int) -> date | None:
    """Return the nearest date of the expression after (step 1) or before (step -1) a date, whatever its year field."""
    while True:
        day += timedelta(days=step)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            return None
        if cron.on(day):
            return day
