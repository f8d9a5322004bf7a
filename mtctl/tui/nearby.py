"""Floor 4. A part of a thing from near, by a key of its own: its lineage, its logs, its SQL; or a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.query_screen import QueryScreen

if TYPE_CHECKING:
    from textual.screen import Screen

    from mtctl.tui.drawn.lines import Line

_KINDS = {"lineage": frozenset({"table"}), "logs": frozenset({"instance"}), "sql": frozenset({"instance"})}


def is_near(what: str, line: Line | None) -> bool:
    """Return whether there is such a part of a line's thing; a query is always there."""
    return what == "query" or (line is not None and line.kind in _KINDS[what])


def near(what: str, line: Line | None) -> Screen[None] | None:
    """Return the screen of a part of a line's thing, None where there is none."""
    if what == "query":
        return QueryScreen()
    if line is None or not is_near(what, line):
        return None
    if what == "lineage":
        from mtctl.tui.near.lineage_screen import LineageScreen  # noqa: PLC0415

        return LineageScreen(line)
    return InstanceScreen(line, tab=what)
