"""Floor 0. A new version of a table that is built beside the one that readers see: what it must hold, how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, Interval, IntervalSet
from mtctl.core.ledger import wanted
from mtctl.core.model import Mode
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.table_view import Wanting


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
class Progress:
    """How many of the needed intervals are there."""

    done: int
    total: int


def needed_of(old: TableDefinition, new: TableDefinition, coverage: Coverage, now: Instant) -> IntervalSet:
    """Return what a new version must hold before it takes the place of the old one, as whole intervals of its grain.

    That is what is fresh in the old version (where nothing is, what it holds), as far as the new one wants it.
    """
    held = coverage.fresh or coverage.stale_set
    calendar = calendar_of(new)
    all_wanted = wanted(new, calendar, now)
    if not held:
        return EMPTY
    if calendar is None or old.mode is Mode.FULL:
        return all_wanted
    whole = IntervalSet.of(calendar.align_outward(Interval(piece.start, piece.end)) for piece in held)
    return whole & all_wanted


def is_whole(needed: IntervalSet, coverage: Coverage) -> bool:
    """Return whether all that is needed was published: it may be shown, even where some of it is stale again."""
    return not needed - coverage.fresh - coverage.stale_set


def progress(definition: Wanting, needed: IntervalSet, coverage: Coverage) -> Progress:
    """Return how far a new version is."""
    calendar = calendar_of(definition)
    lacking = needed - coverage.fresh - coverage.stale_set
    if calendar is None:
        return Progress(done=int(not lacking), total=1)
    total = sum(calendar.count(piece.start, piece.end) for piece in needed)
    return Progress(done=total - sum(calendar.count(piece.start, piece.end) for piece in lacking), total=total)
