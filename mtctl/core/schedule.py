"""Floor 0. A schedule: when a table or workflow is due, and which stretch of time each fire covers.

A fire is an instant that depends on the schedule and nothing else. It covers `[previous fire, fire)`, so the data
intervals of a schedule touch: no hole, no overlap, and a day of 23 hours is one interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from mtctl.core.blackout import Blackout, black_piece, last_end, next_begin, parse_blackout
from mtctl.core.cron import Cron, Dialect, parse_cron
from mtctl.core.errors import invalid
from mtctl.core.fires import CronWalls, DayWalls, DstPolicy, Pass, next_instant, previous_instant, way_of
from mtctl.core.interval import MAX_INSTANT, MIN_INSTANT
from mtctl.core.names import closest, printable
from mtctl.core.times import parse_duration
from mtctl.core.zones import first_at, naive_us, offset_us, to_wall, transition
from mtctl.core.zones import zone as check_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "NAMES",
    "Blackout",
    "Dialect",
    "DstPolicy",
    "Every",
    "Schedule",
    "black_at",
    "data_interval",
    "due_at",
    "fires",
    "next_fire",
    "next_match",
    "parse_schedule",
    "previous_fire",
    "previous_match",
    "rule_of",
    "shift_of",
    "walls_of",
    "white_edge",
]

NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""The names for cron expressions."""

_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall time
_EXAMPLES = "write for example '0 2 * * *', '0 0 2 * * ?', '@daily' or 'every 90 minutes'"
_MOST_PIECES = 3000
"""Pieces of blackouts that one search passes: eight years of whole days; beyond that a schedule has no fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When to fire. Make it with `parse_schedule`, which checks what is written.

    `start` is the scheduled start time: no fire before it, and the anchor of `every`; `end` is the last instant that
    may fire. `jitter` (microseconds) shifts when a fire is due, never the fire itself. A fire inside a `blackout` is
    dropped, and the next one covers its time as well.
    """

    text: str
    zone: str
    dialect: str | None = None
    dst: DstPolicy = DstPolicy.CRON
    start: int | None = None
    end: int | None = None
    jitter: int = 0
    blackout: tuple[Blackout, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """`every N unit`: calendar days of the zone where `days`, else elapsed microseconds."""

    step: int
    days: int = 0


def parse_schedule(  # noqa: PLR0913 - the parts of one schedule, all named
    text: str,
    *,
    zone: str,
    dialect: str | None = None,
    dst: DstPolicy | str = DstPolicy.CRON,
    start: int | None = None,
    end: int | None = None,
    jitter: int = 0,
    blackout: Iterable[Blackout | str] = (),
    where: str = "",
) -> Schedule:
    """Return the checked schedule.

    Errors (kind INVALID): `schedule` (with a caret where it is cron), `duration`, `blackout`, `time_zone_unknown`.
    """
    check_zone(zone, where=where)
    if dst not in set(DstPolicy):
        raise invalid("schedule", f"'{printable(str(dst)[:40])}' is not a rule for clock changes", where=where,
                      fix=f"write {', '.join(DstPolicy)}")  # fmt: skip
    rule = rule_of(text, dialect, where=where)
    if start is not None and end is not None and end < start:
        raise invalid("schedule", "the end comes before the start", where=where, fix="write a later end")
    if jitter < 0:
        raise invalid(
            "schedule", "the jitter is negative", where=where, fix="write a duration, for example '5 minutes'"
        )
    pieces = tuple(each if isinstance(each, Blackout) else parse_blackout(each, where=where) for each in blackout)
    found = Schedule(
        text=" ".join(text.split()), zone=zone, dialect=rule.dialect if isinstance(rule, Cron) else None,
        dst=DstPolicy(dst), start=start, end=end, jitter=jitter, blackout=pieces,
    )  # fmt: skip
    if pieces:
        _check_blackout(found, where)
    return found


def rule_of(text: str, dialect: str | None = None, *, where: str = "") -> Cron | Every:
    """Return what the text of a schedule says, whatever its zone; errors `schedule` and `duration`."""
    try:
        chosen = Dialect(dialect) if dialect is not None else None
    except ValueError:
        what = f"'{printable(str(dialect)[:40])}' is not a dialect"
        raise invalid("schedule", what, where=where, fix=f"write {' or '.join(Dialect)}") from None
    words = text.split()
    if not words:
        raise invalid("schedule", "the schedule is empty", where=where, fix=_EXAMPLES)
    if words[0].lower() == "every":
        return _every(words[1:], where)
    if words[0].startswith("@"):
        return _named(text, where)
    if len(words) == 1:
        what = f"'{printable(text[:80])}' is not a schedule"
        raise invalid("schedule", what, where=where, fix=_EXAMPLES)
    return parse_cron(text, chosen, where=where)


def next_fire(schedule: Schedule, after: int) -> int | None:
    """Return the first fire later than `after`, None when there is no more."""
    if schedule.start is not None:
        after = max(after, schedule.start - 1)
    found = _kept_after(schedule, after)
    if found is None or (schedule.end is not None and found > schedule.end):
        return None
    return found


def previous_fire(schedule: Schedule, before: int) -> int | None:
    """Return the last fire earlier than `before`, None when there is none since the start."""
    if schedule.end is not None:
        before = min(before, schedule.end + 1)
    found = _kept_before(schedule, before)
    if found is None or (schedule.start is not None and found < schedule.start):
        return None
    return found


def fires(schedule: Schedule, after: int, until: int) -> Iterator[int]:
    """Yield the fires in `(after, until]`, one at a time."""
    found = next_fire(schedule, after)
    while found is not None and found <= until:
        yield found
        found = next_fire(schedule, found)


def tally(schedule: Schedule, start: int, step: int, parts: int, most: int) -> tuple[int, ...]:
    """Return how many fires there are in each of `parts` stretches of `step` microseconds, the first one at `start`.

    They are counted up to `most` each: the rest of a stretch is passed over, so that `* * * * *` costs little more than
    a fire an hour.
    """
    counts = [0] * parts
    at = next_fire(schedule, start - 1)
    while at is not None and at < start + step * parts:
        part = (at - start) // step
        counts[part] += 1
        at = next_fire(schedule, start + (part + 1) * step - 1 if counts[part] >= most else at)
    return tuple(counts)


def data_interval(schedule: Schedule, fire: int) -> tuple[int, int]:
    """Return `[previous fire, fire)`.

    The first fire covers a whole period too: its interval begins where the schedule would have fired before its
    start, or, where the year field or a blackout leaves nothing, where it would have without them.
    """
    found = _kept_before(schedule, fire)
    if found is None:
        found = previous_match(schedule, fire)
    if found is None:
        rule = rule_of(schedule.text, schedule.dialect)
        if isinstance(rule, Cron):
            found = _before(schedule, _without_years(rule), fire)
    return (found if found is not None else max(fire - _DAY, MIN_INSTANT)), fire


def due_at(schedule: Schedule, fire: int, key: str) -> int:
    """Return when a fire is due: the fire, and a part of the jitter that is always the same for a key."""
    return fire + shift_of(schedule, key)


def shift_of(schedule: Schedule, key: str) -> int:
    """Return the microseconds in `[0, jitter)` by which the fires of a key are due later."""
    if schedule.jitter == 0:
        return 0
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big") % schedule.jitter


def next_match(schedule: Schedule, after: int) -> int | None:
    """Return the first instant later than `after` that the text names, whatever start, end and blackout say."""
    rule = rule_of(schedule.text, schedule.dialect)
    if isinstance(rule, Every) and not rule.days:
        anchor = _anchor(schedule)
        found = anchor + ((after - anchor) // rule.step + 1) * rule.step
        return found if MIN_INSTANT <= found <= MAX_INSTANT else None
    return next_instant(_walls(schedule, rule), schedule.zone, _way(schedule, rule), after)


def previous_match(schedule: Schedule, before: int) -> int | None:
    """Return the last instant earlier than `before` that the text names, whatever start, end and blackout say."""
    return _before(schedule, rule_of(schedule.text, schedule.dialect), before)


def walls_of(schedule: Schedule) -> CronWalls | DayWalls:
    """Return the wall times that the text names; ValueError for `every` of less than a day, which has none."""
    rule = rule_of(schedule.text, schedule.dialect)
    if isinstance(rule, Every) and not rule.days:
        raise ValueError(schedule.text)
    return _walls(schedule, rule)


def black_at(schedule: Schedule, instant: int) -> tuple[int, int] | None:
    """Return the stretch `[from, to)` around an instant in which a blackout surely holds, None when outside."""
    if not schedule.blackout:
        return None
    wall = to_wall(instant, schedule.zone)
    piece = black_piece(schedule.blackout, wall)
    if piece is None:
        return None
    low = instant - (naive_us(wall) - naive_us(piece[0]))
    high = instant + (naive_us(piece[1]) - naive_us(wall))
    # A clock change inside the piece bounds what is sure: beyond it the wall shows other times.
    if offset_us(low, schedule.zone) != offset_us(instant, schedule.zone):
        low = transition(low, instant, schedule.zone)
    if offset_us(high - 1, schedule.zone) != offset_us(instant, schedule.zone):
        high = transition(instant, high - 1, schedule.zone)
    return low, high


def white_edge(schedule: Schedule, fire: int, *, forward: bool) -> int | None:
    """Return how far from a kept fire no blackout surely holds: up to there, one way, all fires are kept.

    None where no blackout follows (precedes) any more.
    """
    wall = to_wall(fire, schedule.zone)
    found = next_begin(schedule.blackout, wall) if forward else last_end(schedule.blackout, wall)
    if found is None:
        return None
    edge = fire + naive_us(found) - naive_us(wall)
    near = edge - 1 if forward else edge
    if offset_us(near, schedule.zone) == offset_us(fire, schedule.zone):
        return edge
    return transition(fire, near, schedule.zone) if forward else transition(near, fire, schedule.zone)


def _before(schedule: Schedule, rule: Cron | Every, before: int) -> int | None:
    if isinstance(rule, Every) and not rule.days:
        anchor = _anchor(schedule)
        found = anchor + (-((anchor - before) // rule.step) - 1) * rule.step
        return found if MIN_INSTANT <= found <= MAX_INSTANT else None
    return previous_instant(_walls(schedule, rule), schedule.zone, _way(schedule, rule), before)


def _kept_after(schedule: Schedule, after: int) -> int | None:
    found = next_match(schedule, after)
    for _ in range(_MOST_PIECES):
        piece = black_at(schedule, found) if found is not None else None
        if found is None or piece is None:
            return found
        found = next_match(schedule, piece[1] - 1)
    return None


def _kept_before(schedule: Schedule, before: int) -> int | None:
    found = previous_match(schedule, before)
    for _ in range(_MOST_PIECES):
        piece = black_at(schedule, found) if found is not None else None
        if found is None or piece is None:
            return found
        found = previous_match(schedule, piece[0])
    return None


def _walls(schedule: Schedule, rule: Cron | Every) -> CronWalls | DayWalls:
    if isinstance(rule, Cron):
        return CronWalls(rule)
    anchor = _EPOCH if schedule.start is None else to_wall(schedule.start, schedule.zone)
    return DayWalls(anchor, rule.days)


def _way(schedule: Schedule, rule: Cron | Every) -> tuple[Pass, ...]:
    return way_of(schedule.dst, wildcard=isinstance(rule, Cron) and rule.wildcard)


def _anchor(schedule: Schedule) -> int:
    return schedule.start if schedule.start is not None else _midnight(schedule.zone)


@lru_cache(maxsize=256)
def _midnight(zone_name: str) -> int:
    return first_at(_EPOCH, zone_name)


@lru_cache(maxsize=64)
def _without_years(rule: Cron) -> Cron:
    from dataclasses import replace  # noqa: PLC0415 - a fire before all years, hardly ever

    return replace(rule, years=None)


def _every(words: list[str], where: str) -> Every:
    step = parse_duration(" ".join(words), field=where or "every")
    unit = words[-1].lstrip("0123456789").lower()
    return Every(step=step, days=step // _DAY if unit[:1] in {"d", "w"} else 0)


def _named(text: str, where: str) -> Cron:
    name = text.strip().lower()
    if name in NAMES:
        return parse_cron(NAMES[name], Dialect.CRON, where=where)
    near = closest(name, NAMES)
    fix = f"did you mean '{near}'?" if near else f"the names are {', '.join(NAMES)}"
    raise invalid("schedule", f"'{printable(text[:80])}' is not a schedule", where=where, fix=fix)


def _check_blackout(schedule: Schedule, where: str) -> None:
    after = schedule.start if schedule.start is not None else 0
    first = next_match(schedule, after - 1)
    if first is None or next_fire(schedule, after - 1) is not None:
        return
    if schedule.end is not None and first > schedule.end:
        return
    raise invalid("schedule", "the blackouts leave no fire", where=where, fix="shorten one of them")
