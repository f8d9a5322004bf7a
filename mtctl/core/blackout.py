"""Floor 0. Blackouts: stretches of local time in which a schedule does not fire.

`2026-12-24..2026-12-26` are whole days, `SAT,SUN` whole weekdays, `22:00-06:00` a part of each day (it may pass
midnight and then belongs to the day it begins on); a part of a day may follow days: `SAT,SUN 22:00-06:00`. A fire is
judged by the wall clock at its instant. What falls inside is dropped, never moved: the next kept fire covers its time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from mtctl.core.cron_fields import DAYS
from mtctl.core.errors import MtctlError, invalid
from mtctl.core.names import printable

_DATES = re.compile(r"(?P<first>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.\.(?P<last>[0-9]{4}-[0-9]{2}-[0-9]{2}))?")
_TIMES = re.compile(r"(?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2})")
_DAY = timedelta(days=1)
_MIDNIGHT = time()
_LONGEST = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """Local days (a range of dates, both within it, or days of the week from 0 = Sunday) and a part of them.

    Without `start` the whole day; `end` at or before `start` is on the next day. `text` is as written.
    """

    text: str
    dates: tuple[date, date] | None = None
    weekdays: tuple[int, ...] = ()
    start: time | None = None
    end: time | None = None

    def piece(self, wall: datetime) -> tuple[datetime, datetime] | None:
        """Return the stretch `[from, to)` of wall time of one day of it that holds `wall`, None when outside."""
        for day in (wall.date(), wall.date() - _DAY):
            low, high = self.on(day)
            if low <= wall < high:
                return low, high
        return None

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Return the stretch that begins on a day, an empty one where it does not hold that day."""
        low = datetime.combine(day, self.start or _MIDNIGHT)
        if not self._holds(day):
            return low, low
        high = datetime.combine(day, self.end or _MIDNIGHT)
        return low, high if high > low else high + _DAY

    def near(self, day: date, step: int) -> list[tuple[datetime, datetime]]:
        """Return the stretches of the days around a day, forward (1) or backward (-1), far enough to meet one."""
        if self.dates is not None:
            day = max(day, self.dates[0]) if step > 0 else min(day, self.dates[1])
        return [self.on(day + timedelta(days=step * number)) for number in range(-1, 10)]

    def _holds(self, day: date) -> bool:
        if self.dates is not None:
            return self.dates[0] <= day <= self.dates[1]
        return not self.weekdays or day.isoweekday() % 7 in self.weekdays


def parse_blackout(text: str, *, where: str = "") -> Blackout:
    """Return the blackout of a text; error `blackout` (kind INVALID)."""
    words = text.upper().split()
    if not 1 <= len(words) <= 2 or not text.isascii():
        raise _unreadable(text, where)
    times = _TIMES.fullmatch(words[-1])
    if (len(words) == 2) != (times is not None and len(words) == 2):
        raise _unreadable(text, where)
    days = words[0] if len(words) == 2 or times is None else ""
    try:
        start = time.fromisoformat(times["start"]) if times else None
        end = time.fromisoformat(times["end"].replace("24:00", "00:00")) if times else None
        dates = _dates(days)
    except ValueError:
        raise _unreadable(text, where) from None
    if start is not None and start == end:
        raise invalid(
            "blackout", f"'{printable(text)}' has no length", where=where, fix="leave the times out for a day"
        )
    weekdays = _weekdays(days, text, where) if days and dates is None else ()
    if dates and not timedelta() <= dates[1] - dates[0] <= _LONGEST:
        fix = "write the earlier day first, and at most five years; an end stops a schedule for good"
        raise invalid("blackout", f"'{printable(text)}' is not a range of days", where=where, fix=fix)
    return Blackout(text=" ".join(words), dates=dates, weekdays=weekdays, start=start, end=end)


def black_piece(blackouts: tuple[Blackout, ...], wall: datetime) -> tuple[datetime, datetime] | None:
    """Return the longest-lasting piece of any blackout that holds `wall`, None where none does."""
    found = [piece for piece in (each.piece(wall) for each in blackouts) if piece is not None]
    return max(found, key=lambda piece: piece[1]) if found else None


def next_begin(blackouts: tuple[Blackout, ...], wall: datetime) -> datetime | None:
    """Return the first wall time after `wall` at which a piece of a blackout begins."""
    found = (low for each in blackouts for low, high in each.near(wall.date(), 1) if low > wall and high > low)
    return min(found, default=None)


def last_end(blackouts: tuple[Blackout, ...], wall: datetime) -> datetime | None:
    """Return the last wall time up to `wall` at which a piece of a blackout ends."""
    found = (high for each in blackouts for low, high in each.near(wall.date(), -1) if high <= wall and high > low)
    return max(found, default=None)


def _dates(text: str) -> tuple[date, date] | None:
    match = _DATES.fullmatch(text)
    if match is None:
        return None
    return date.fromisoformat(match["first"]), date.fromisoformat(match["last"] or match["first"])


def _weekdays(words: str, text: str, where: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in words.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise _unreadable(text, where)
        low = DAYS.index(first)
        found.update((low + step) % 7 for step in range((DAYS.index(last) - low) % 7 + 1 if dash else 1))
    return tuple(sorted(found))


def _unreadable(text: str, where: str) -> MtctlError:
    return invalid(
        "blackout",
        f"'{printable(text[:80])}' is not a blackout",
        where=where,
        fix="write for example '2026-12-24..2026-12-26', 'SAT,SUN', '22:00-06:00' or 'MON-FRI 09:00-17:00'",
    )
