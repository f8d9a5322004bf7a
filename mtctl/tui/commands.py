"""Floor 4. What the palette offers beside the verbs of a line: things by name, the lists, how everything looks."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.command import Hit, Provider

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter
from mtctl.tui.drawn.lines import Asked
from mtctl.tui.drawn.palette import Palette
from mtctl.tui.opening import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.command import Hits

    from mtctl.app import App as Project
    from mtctl.tui.app import Dashboard
    from mtctl.tui.drawn.lines import Line

_NAMED = ("tables", "workflows", "queues")
_ALL = Asked(wanted=Filter(), order="", descending=False, offset=0, limit=1_000_000)
_AT_ONCE = 500


class ThingCommands(Provider):
    """Offers tables, workflows and queues by their names; one that is chosen is shown from near."""

    async def startup(self) -> None:
        """Read the names, once while the palette is open; where they cannot be read none are offered."""
        self._lines: tuple[Line, ...] = ()
        dashboard: Dashboard = self.app  # type: ignore[assignment]
        listings, mark = [dashboard.listings[name] for name in _NAMED], dashboard.mark

        def read(project: Project) -> tuple[Line, ...]:
            return tuple(line for listing in listings for line in listing.page(project, _ALL, mark).lines)

        try:
            self._lines = await dashboard.desk.reads.do(read)
        except MtctlError as error:
            dashboard.follower.trouble(error)

    async def search(self, query: str) -> Hits:
        """Offer those whose name or kind what is typed may mean."""
        matcher = self.matcher(query)
        for number, line in enumerate(self._lines):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # keys are not to wait for thousands of names
            name = f"{line.key} ({line.kind})"
            score = matcher.match(name)
            if score > 0:
                score *= 1 + (line.key.casefold() == query.casefold())  # a whole name goes before what contains it
                yield Hit(score, matcher.highlight(name), partial(self._open, line), help=f"open the {line.kind}")

    def _open(self, line: Line) -> None:
        screen = opened(line)
        if screen is not None:
            self.app.push_screen(screen)


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
