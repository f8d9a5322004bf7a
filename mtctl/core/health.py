"""Floor 0. How a table is, in one word and in one strip."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval, IntervalSet
from mtctl.core.ledger import todo
from mtctl.core.states import Outcome
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.calendar import Calendar
    from mtctl.core.ledger import Coverage
    from mtctl.core.table_view import Covered


class Health(StrEnum):
    """How a table is, computed and never stored."""

    FRESH = "fresh"  # all that is wanted is fresh
    LATE = "late"  # something wanted is missing or stale
    FAILING = "failing"  # late, and its last attempt failed
    NEVER = "never"  # nothing was ever published


@frozen
class Glyphs:
    """One character for a cell of the strip that is all fresh, all stale, all missing, or of several kinds."""

    fresh: str
    stale: str
    missing: str
    mixed: str


UNICODE = Glyphs(fresh="█", stale="░", missing="·", mixed="▒")
"""For terminals that show block elements."""

ASCII = Glyphs(fresh="#", stale="~", missing=".", mixed="+")
"""For all others."""

_FAILURES = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST})


def health(view: Covered, last_outcome: Outcome | None, *, running: bool) -> Health:
    """Return the health of a table whose last ended attempt had this outcome (None: there was none).

    A failure counts while something wanted is not fresh and no further attempt is `running`; it is told even where
    nothing was ever published, since that is why.
    """
    due = bool(todo(view.wanted, view.coverage))
    if due and last_outcome in _FAILURES and not running:
        return Health.FAILING
    if not view.coverage.fresh and not view.coverage.stale:
        return Health.NEVER
    return Health.LATE if due else Health.FRESH


def coverage_strip(
    wanted: IntervalSet, coverage: Coverage, calendar: Calendar | None, width: int, glyphs: Glyphs
) -> str:
    """Return `width` cells from the first to the last wanted interval; empty where nothing is wanted.

    A cell shows whole intervals: several where there are more than cells, the same as its neighbours where fewer.
    """
    span = wanted.span
    if span is None or width < 1:
        return ""
    edges = [span.start, span.end] if calendar is None else list(calendar.edges(span.start, span.end))
    count = len(edges) - 1
    stale = coverage.stale_set

    cells: list[str] = []
    for cell in range(width):
        low = cell * count // width
        high = max(low + 1, (cell + 1) * count // width)
        part = IntervalSet.of([Interval(edges[low], edges[high])])
        cells.append(_glyph(part & wanted, coverage.fresh, stale, glyphs))
    return "".join(cells)


def _glyph(part: IntervalSet, fresh: IntervalSet, stale: IntervalSet, glyphs: Glyphs) -> str:
    """Return the character for one cell; a blank where nothing of it is wanted."""
    if not part:
        return " "
    rest = part - fresh
    if not rest:
        return glyphs.fresh
    if rest != part:
        return glyphs.mixed
    unpublished = rest - stale
    if not unpublished:
        return glyphs.stale
    return glyphs.missing if unpublished == rest else glyphs.mixed
