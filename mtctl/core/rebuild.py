"""Floor 0. A new version of a table that is built beside the one that readers see: what it must hold, how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, Interval, IntervalSet
from mtctl.core.ledger import wanted
from mtctl.core.model import Mode
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.calendar import Calendar
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.table_view import Wanting


OLD, NEW = "old", "new"
"""What the two versions of a table are called while one is built beside the other: readers see the old one."""


@frozen
class Rebuild:
    """A rebuild in hand.

    `needed` must be published before the new version is shown. `shown` is what readers see, `fresh` what of it is
    right. Definitions with a version after `since_version` were made with the new columns in mind.
    """

    table_id: int
    shown: TableDefinition
    fresh: IntervalSet
    needed: IntervalSet
    since_version: int
    begun_at: Instant


@frozen
class Failure:
    """An attempt at a new version that did not end well: what it was to do, and its error."""

    intervals: IntervalSet
    code: str
    error: str


@frozen
class HeldUp:
    """What a new version lacks because no attempt at it succeeds: where, and the newest error there."""

    intervals: IntervalSet
    code: str
    error: str


@frozen
class Progress:
    """How many of the needed intervals are there."""

    done: int
    total: int


def needed_of(old: TableDefinition, new: TableDefinition, coverage: Coverage, now: Instant) -> IntervalSet:
    """Return what a new version must hold before it takes the place of the old one, as whole intervals of its grain.

    That is what is fresh in the old version (where nothing is, what it holds), as far as the new one will ever want it:
    days of this month have their place in a new version by month only when the month is over.
    """
    held = coverage.fresh or coverage.stale_set
    calendar = calendar_of(new)
    if not held:
        return EMPTY
    if calendar is None or old.mode is Mode.FULL:
        return wanted(new, calendar, now)
    return kept_of(_aligned(held, calendar), new, now)


def later_of(old: TableDefinition, new: TableDefinition, fresh: IntervalSet, now: Instant) -> IntervalSet:
    """Return the intervals of a new version that hold what is fresh in the old one and are not over yet."""
    calendar = calendar_of(new)
    if calendar is None or old.mode is Mode.FULL:
        return EMPTY
    return kept_of(_aligned(fresh, calendar), new, now) - wanted(new, calendar, now)


def kept_of(needed: IntervalSet, new: TableDefinition, now: Instant) -> IntervalSet:
    """Return what of these a definition wants once the last of them has closed."""
    span = needed.span
    closed = now if span is None else max(now, span.end + new.delay)
    return needed & wanted(new, calendar_of(new), closed)


def _aligned(held: IntervalSet, calendar: Calendar) -> IntervalSet:
    return IntervalSet.of(calendar.align_outward(Interval(piece.start, piece.end)) for piece in held)


def is_whole(needed: IntervalSet, coverage: Coverage) -> bool:
    """Return whether all that is needed was published: it may be shown, even where some of it is stale again."""
    return not needed - coverage.fresh - coverage.stale_set


def held_up(needed: IntervalSet, coverage: Coverage, failures: Iterable[Failure]) -> HeldUp | None:
    """Return what keeps a new version from being shown; `failures` are attempts at it, the newest first."""
    lacking = needed - coverage.fresh - coverage.stale_set
    found: list[tuple[IntervalSet, Failure]] = []
    for failure in failures:
        part = failure.intervals & lacking
        if part:
            found.append((part, failure))
            lacking -= part
    if not found:
        return None
    newest = found[0][1]
    intervals = IntervalSet.of(piece for part, _ in found for piece in part)
    return HeldUp(intervals=intervals, code=newest.code, error=newest.error)


def progress(definition: Wanting, needed: IntervalSet, coverage: Coverage) -> Progress:
    """Return how far a new version is."""
    calendar = calendar_of(definition)
    lacking = needed - coverage.fresh - coverage.stale_set
    if calendar is None:
        return Progress(done=int(not lacking), total=1)
    total = sum(calendar.count(piece.start, piece.end) for piece in needed)
    return Progress(done=total - sum(calendar.count(piece.start, piece.end) for piece in lacking), total=total)
