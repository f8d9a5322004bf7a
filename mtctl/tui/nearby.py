"""Floor 4. A part of a thing from near, by a key of its own: its lineage, its logs, its SQL; or a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.lineage_screen import LineageScreen
from mtctl.tui.near.query_screen import QueryScreen

if TYPE_CHECKING:
    from textual.screen import Screen

    from mtctl.tui.drawn.lines import Line

_KINDS = {"lineage": frozenset({"table"}), "logs": frozenset({"instance"}), "sql": frozenset({"instance"})}


def is_near(what: str, line: Line | None, *, read_only: bool) -> bool:
    """Return whether there is such a part of a line's thing.

    A query needs no line. It can read any file that the project can, so whoever may only look asks none.
    """
    if what == "query":
        return not read_only
    return line is not None and line.kind in _KINDS[what]


def near(what: str, line: Line | None, *, read_only: bool) -> Screen[None] | None:
    """Return the screen of a part of a line's thing, None where there is none."""
    if not is_near(what, line, read_only=read_only):
        return None
    if what == "query" or line is None:
        return QueryScreen()
    if what == "lineage":
        return LineageScreen(line)
    return InstanceScreen(line, tab=what)
