"""Floor 4. The looks of the whole application: theme, colours, times, density, and their keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events
from textual.app import App
from textual.geometry import Size
from textual.widgets import Static

from mtctl.tui.bars import legend_text
from mtctl.tui.drawn.ascii import Ascii
from mtctl.tui.drawn.dressing import looks_of
from mtctl.tui.drawn.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import Binding
    from textual.filter import LineFilter
    from textual.visual import VisualType

    from mtctl.tui.bars import Options
    from mtctl.tui.drawn.palette import Palette

SMALLEST = Size(20, 6)
"""The least that anything is drawn for; a smaller terminal shows a part of it."""


class DressedApp(App[None]):
    """An application whose lists and screens ask it how to look."""

    def __init__(self, options: Options) -> None:
        """Begin as the options say."""
        super().__init__()
        self.options = options
        self.looks = looks_of(self.current_theme, self.get_css_variables(), options, grey=self.no_color)
        self._ascii = Ascii(enabled=options.plain)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let the last word on every line be that it is ASCII, where it has to be."""
        return [*super().get_line_filters(), *([self._ascii] if self._ascii.enabled else [])]

    def get_key_display(self, binding: Binding) -> str:
        """Name keys in words where their signs cannot be shown."""
        found = super().get_key_display(binding)
        return found if found.isascii() or not self._ascii.enabled else binding.key

    async def on_event(self, event: events.Event) -> None:
        """Take a terminal that is next to nothing for one of the smallest size: what has no room at all cannot wrap."""
        if isinstance(event, events.Resize) and (
            event.size.width < SMALLEST.width or event.size.height < SMALLEST.height
        ):
            size = Size(max(event.size.width, SMALLEST.width), max(event.size.height, SMALLEST.height))
            event = events.Resize(size, size)
        await super().on_event(event)

    def begin_dressed(self) -> None:
        """Put on the theme of the options, and follow those that somebody chooses."""
        if self.options.theme is not None:
            self.theme = self.options.theme
        self.theme_changed_signal.subscribe(self, lambda _: self.dress())
        self.dress()

    def dress(self) -> None:
        """Draw everything as theme and options say now."""
        self.looks = looks_of(self.current_theme, self.get_css_variables(), self.options, grey=self.no_color)
        self.put("#legend", legend_text(self.options, self.colour, self.size.width - 1))
        for screen in self.screen_stack:
            for grid in screen.query(Grid):
                grid.refresh()
        self.dressed()

    def on_resize(self) -> None:
        """Draw what the width has a say in."""
        if self.screen_stack and self.screen_stack[0].query("#legend"):
            self.put("#legend", legend_text(self.options, self.colour, self.size.width - 1))

    def dressed(self) -> None:
        """Do what is to be done when the looks have changed."""

    def colour(self, tone: str) -> str:
        """Return the colour of a tone in the present theme, for styles of Rich."""
        return self.looks.colour(tone)

    def put(self, selector: str, content: VisualType) -> None:
        """Put something into a line of the first screen; its height stays, so nothing is laid out anew."""
        self.screen_stack[0].query_one(selector, Static).update(content, layout=False)

    def action_theme(self) -> None:
        """Choose a theme."""
        self.search_themes()

    def action_zone(self) -> None:
        """Show times in UTC or in the machine's zone."""
        self.options = replace(self.options, local=not self.options.local)
        self.dress()

    def action_density(self) -> None:
        """Show states with their words or their signs alone."""
        self.options = replace(self.options, dense=not self.options.dense)
        self.dress()

    def paint(self, palette: Palette) -> None:
        """Show states in the colours of another palette."""
        self.options = replace(self.options, palette=palette)
        self.dress()
