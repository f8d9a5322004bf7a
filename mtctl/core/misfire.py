"""Floor 0. Which fires to make now, after a moment or after years of absence.

Nothing is enumerated that is not made: a long absence is jumped over from its ends, so ten years cost what a day does.
Nothing is dropped silently either: what is not made comes back as a range with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from mtctl.core.schedule import (
    black_at,
    fires,
    next_fire,
    next_match,
    previous_fire,
    previous_match,
    shift_of,
    white_edge,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.schedule import Schedule

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_MOST_LOOKS = 4000
"""Pieces of blackouts among which dropped fires are looked for: ten years of days."""


class Misfire(StrEnum):
    """What happens to fires that were missed."""

    ALL = "all"  # each is made, oldest first
    LATEST = "latest"  # one run that covers now
    NONE = "none"  # none is made


class Reason(StrEnum):
    """Why a fire is not made."""

    MISFIRE = "misfire"  # the policy leaves it out
    WINDOW = "window"  # older than the window of `all`
    BLACKOUT = "blackout"  # inside a blackout; the next kept fire covers its time


@dataclass(frozen=True, slots=True, kw_only=True)
class MisfirePolicy:
    """A kind and its bounds.

    `window` (microseconds) bounds how far back `all` reaches; `latest` has no window, for its one run covers now.
    `cap` bounds the fires of one answer. `grace` (microseconds) is how late a fire may be and still count as on time,
    which only `none` asks.
    """

    kind: Misfire
    window: int = 30 * _DAY
    cap: int = 500
    grace: int = 60 * _SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A range of fires that are not made; `count` is None where counting would cost more than the answer is worth."""

    count: int | None
    first: int
    last: int
    reason: Reason


class Missed(NamedTuple):
    """The answer: fires to make now, oldest first; what is skipped; the next fire; whether to come again at once."""

    fires: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    next: int | None
    more: bool

    @property
    def handled(self) -> int | None:
        """The newest logical date in the answer: the new high-water mark once it is stored, None for nothing new."""
        return max((*self.fires, *(each.last for each in self.skipped)), default=None)


def due_fires(schedule: Schedule, policy: MisfirePolicy, last: int | None, now: int, key: str) -> Missed:
    """Return what is due at `now` after the high-water mark `last`.

    `last` None means never: everything since the start of the schedule, nothing where it has none. `key` selects the
    jitter. Lateness of what is made is the caller's to label. Ask again with the new mark while `more` is set.
    """
    until = now - shift_of(schedule, key)
    if last is None:
        last = schedule.start - 1 if schedule.start is not None else until
    if last >= until:
        return Missed((), (), next_fire(schedule, last), more=False)
    match policy.kind:
        case Misfire.ALL:
            found = _all(schedule, policy, last, until)
        case Misfire.LATEST:
            newest = previous_fire(schedule, until + 1)
            found = _from(schedule, policy, last, until, newest if newest is not None else until + 1)
        case Misfire.NONE:
            found = _from(schedule, policy, last, until, max(last + 1, until - policy.grace))
    dropped = _dropped(schedule, policy, last, found.fires[-1] if found.more else until)
    return found._replace(skipped=found.skipped + dropped)


def _all(schedule: Schedule, policy: MisfirePolicy, last: int, until: int) -> Missed:
    return _from(schedule, policy, last, until, max(last + 1, until - policy.window), Reason.WINDOW)


def _from(
    schedule: Schedule, policy: MisfirePolicy, last: int, until: int, edge: int, reason: Reason = Reason.MISFIRE
) -> Missed:
    """Return the fires in `[edge, until]` up to the cap, and those in `(last, edge)` as skipped."""
    cap = max(policy.cap, 1)
    made = list(islice(fires(schedule, max(last, edge - 1), until), cap + 1))
    more = len(made) > cap
    following = made[cap] if more else next_fire(schedule, until)
    skipped = _range(schedule, policy, last, edge, reason)
    return Missed(tuple(made[:cap]), skipped, following, more)


def _range(schedule: Schedule, policy: MisfirePolicy, last: int, edge: int, reason: Reason) -> tuple[Skipped, ...]:
    first = next_fire(schedule, last)
    if first is None or first >= edge:
        return ()
    final = previous_fire(schedule, edge)
    if final is None:
        return ()
    counted = sum(1 for _ in islice(fires(schedule, first - 1, final), policy.cap + 1))
    return (Skipped(count=counted if counted <= policy.cap else None, first=first, last=final, reason=reason),)


def _dropped(schedule: Schedule, policy: MisfirePolicy, last: int, until: int) -> tuple[Skipped, ...]:
    """Return the range of the fires in `(last, until]` that a blackout drops."""
    if not schedule.blackout:
        return ()
    if schedule.start is not None:
        last = max(last, schedule.start - 1)
    if schedule.end is not None:
        until = min(until, schedule.end)
    first = _look(schedule, next_match(schedule, last), lambda at: at <= until, forward=True)
    if first is None:
        return ()
    final = _look(schedule, previous_match(schedule, until + 1), lambda at: at >= first, forward=False)
    final = first if final is None else final
    count = _count_dropped(schedule, policy, first, final)
    return (Skipped(count=count, first=first, last=final, reason=Reason.BLACKOUT),)


def _look(schedule: Schedule, found: int | None, inside: Callable[[int], bool], *, forward: bool) -> int | None:
    """Return the first dropped fire from `found` on in one direction, passing a day of kept ones at a time."""
    for _ in range(_MOST_LOOKS):
        if found is None or not inside(found):
            return None
        if black_at(schedule, found) is not None:
            return found
        found = _beyond_kept(schedule, found, forward=forward)
    return None


def _beyond_kept(schedule: Schedule, fire: int, *, forward: bool) -> int | None:
    """Return the nearest match after (before) a kept one that may be dropped; no piece begins or ends in between."""
    edge = white_edge(schedule, fire, forward=forward)
    if edge is None:
        return None
    return next_match(schedule, max(fire, edge - 1)) if forward else previous_match(schedule, min(fire, edge))


def _count_dropped(schedule: Schedule, policy: MisfirePolicy, first: int, final: int) -> int | None:
    found: int | None = first
    count = 0
    for _ in range(policy.cap + 1):
        if found is None or found > final:
            return count
        count += black_at(schedule, found) is not None
        found = next_match(schedule, found)
    return None
