"""Floor 3. What keeps the new version of a table from taking the place of the one that readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.rebuild import held_up
from mtctl.core.table_calendar import calendar_of
from mtctl.services.reports.tables import HeldUp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.table_view import Covered, Wanting
    from mtctl.ports.store import View

_LOOKED_AT = 100
"""So many failed attempts at a new version are looked through for intervals that it lacks."""

_SHOWN = 3


def trouble(view: View, wanting: Wanting, table_id: int, covered: Covered) -> HeldUp | None:
    """Return which intervals hold a new version up, None where there is none or nothing has failed in it."""
    rebuild = covered.rebuild
    if rebuild is None:
        return None
    failures = view.rebuilds().failures(table_id, rebuild.begun_at, _LOOKED_AT)
    found = held_up(rebuild.needed, covered.coverage, failures)
    if found is None:
        return None
    calendar = calendar_of(wanting)
    pieces = list(found.intervals)
    labels = ", ".join(show_interval(piece, calendar) for piece in pieces[:_SHOWN]) if calendar else "the whole table"
    return HeldUp(
        intervals=f"{labels} …" if calendar and len(pieces) > _SHOWN else labels,
        code=found.code,
        error=found.error,
        fix=(
            f"mend its query or what it reads and `mtctl refresh {wanting.name}`, or `mtctl apply` its former "
            "definition: then the new version is given up, and the old one is the table again"
        ),
    )


def troubles(view: View, found: Iterable[tuple[int, Wanting, Covered]]) -> dict[int, HeldUp]:
    """Return by table id what holds new versions up, of these tables."""
    asked = ((table_id, trouble(view, wanting, table_id, covered)) for table_id, wanting, covered in found)
    return {table_id: held for table_id, held in asked if held is not None}
