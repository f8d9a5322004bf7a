"""Floor 4. What the palette of commands offers beside the verbs of a line: the lists, and how everything looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import SystemCommand

from mtctl.tui.drawn.palette import Palette

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.tui.app import Dashboard


def commands_of(dashboard: Dashboard) -> Iterator[SystemCommand]:
    """Return the commands, in the order in which they stand while nothing is typed."""
    for number, name in enumerate(dashboard.listings, start=1):

        async def show(number: int = number) -> None:
            await dashboard.action_list(number)

        yield SystemCommand(f"List: {name}", f"show the {name} (key {number})", show)
    yield SystemCommand("Keys", "all keys that do something here", dashboard.action_keys)
    yield SystemCommand("Theme", "choose a theme", dashboard.action_theme)
    for palette in Palette:

        def paint(palette: Palette = palette) -> None:
            dashboard.paint(palette)

        yield SystemCommand(f"Colours: {palette.value}", "the colours of states", paint)
    yield SystemCommand("Time: UTC or local", "show times in UTC or as the clock here", dashboard.action_zone)
    yield SystemCommand("Density", "states with their words, or their signs alone", dashboard.action_density)
    yield SystemCommand("Columns", "hide and show columns of the list", dashboard.action_columns)
    yield SystemCommand("Export", "write what is seen to a file", dashboard.action_export)
    yield SystemCommand("Filter", "narrow the list", dashboard.action_filter)
    yield SystemCommand("Pause", "stop or go on following changes", dashboard.action_pause)
    yield SystemCommand("Quit", "leave the dashboard", dashboard.action_quit)
