"""Floor 4. The calendar of a table: one sign an interval, a line a month (a day where intervals are hours)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from mtctl.tui.palette import colour_of, look_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.services.board import CalendarCell
    from mtctl.tui.details import Detail

_DENSE = {"fresh": "•", "stale": "!", "missing": "·", "running": "▶", "failed": "✘"}
_TOLD = 20


def drawn(cells: Sequence[CalendarCell], screen: Detail) -> Text:
    """Return the calendar with the numbers of each state below it."""
    if not cells:
        return Text("nothing is wanted of this table yet")
    options, dark = screen.dashboard.options, screen.app.current_theme.dark
    text = Text()
    per_line = 10 if "T" in cells[0].label else 7
    for label, group in groupby(cells, key=lambda cell: cell.label[:per_line]):
        text.append(f"{label:<12}")
        for cell in group:
            look = look_of(cell.state)
            sign = look.ascii if options.plain else _DENSE.get(cell.state, look.glyph)
            text.append(sign, style=colour_of(look.tone, options.palette, dark=dark))
        text.append("\n")
    for state in _DENSE:
        number = sum(1 for cell in cells if cell.state == state)
        if number:
            text.append_text(screen.state(state)).append(f" {number:,}   ")
    return text


def troubles(cells: Sequence[CalendarCell], screen: Detail) -> Text:
    """Return a line for each interval that is stale or failed, the first of them."""
    text = Text()
    for cell in [cell for cell in cells if cell.state in {"stale", "failed"}][:_TOLD]:
        text.append(f"\n{cell.label}  ").append_text(screen.state(cell.state)).append(f"  {cell.why}")
    return text
