"""Floor 4. The lists of the dashboard: one is seen, narrowed and sorted its own way, kept true to the store."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.widgets import ContentSwitcher, Footer, Static

from mtctl.core.listing import Filter
from mtctl.tui.bars import Options, Standing, TabLine, top_text
from mtctl.tui.desk import Desk
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.dressed_app import DressedApp
from mtctl.tui.filtering import FilteredGrid, FilterField, FilterLine
from mtctl.tui.following import POLL_SECONDS, Follower
from mtctl.tui.lists import all_lists
from mtctl.tui.near.details import Detail
from mtctl.tui.remembering import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.app import ComposeResult
    from textual.visual import VisualType
    from textual.worker import Worker

    from mtctl.app import App as Project
    from mtctl.core.errors import MtctlError
    from mtctl.tui.drawn.lines import Line, Listing
    from mtctl.tui.kept import Start


class ListedApp(DressedApp):
    """An application of lists over one project."""

    CSS = """
    #top { height: 1; background: $panel; color: $text; padding: 0 1; text-wrap: nowrap; }
    #tabs { height: 1; color: $text-muted; padding: 0 1; text-wrap: nowrap; }
    #lists { height: 1fr; }
    #below { height: 2; background: $panel; padding: 0 1; }
    #cause, #command { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #legend { height: 1; padding: 0 0 0 1; text-wrap: nowrap; }
    /* Textual's own colours of these have a contrast of 2.5 to 4.3. */
    Tab { color: $text; }
    Input > .input--placeholder { color: $text; text-style: italic; }
    FooterKey .footer-key--key { color: $text; }
    Toast .toast--title { color: $text; }
    Button.-primary { color: $text; background: $primary-muted; }
    """

    def __init__(self, open_project: Callable[[], Project], options: Options, start: Start | None) -> None:
        """Show the project that `open_project` opens, once in each thread that needs it; `start` is the kept view."""
        super().__init__(options)
        self.desk = Desk(open_project)
        self.listings: dict[str, Listing] = {listing.name: listing for listing in all_lists()}
        self._began = False
        self._on_terminal = False
        self.follower = Follower(self)
        self.memory = Memory(self, start)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Static("mtctl", id="top", markup=False)
        yield TabLine(self.listings)
        yield FilterLine()
        with ContentSwitcher(id="lists", initial=f"grid-{self.options.first}"):
            for listing in self.listings.values():
                narrowed = partial(self._is_narrowed, listing.name)
                yield self.memory.restored(FilteredGrid(listing, narrowed))
        with Vertical(id="below"):
            yield Static(id="cause", markup=False)
            yield Static(id="command", markup=False)
        yield Static(id="legend", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        """Read the first list and begin to look for changes."""
        self._began = True
        self.begin_dressed()
        self.memory.say()
        self._show_list()
        self._on_terminal = _has_terminal()
        self.set_interval(POLL_SECONDS, self._tick)

    async def on_unmount(self) -> None:
        """Keep the view and end the threads."""
        self.memory.close()
        self.desk.close()

    def dressed(self) -> None:
        """Read anew what is drawn as text, in the new looks."""
        self.memory.changed()
        self.later(self.reload)

    @property
    def mark(self) -> int:
        """A number that changes when another connection has written."""
        return self.follower.mark

    @property
    def is_seen(self) -> bool:
        """Whether it has begun and not come to its end: then there are lists to read."""
        stack = self.screen_stack if self._began and self.is_running else []
        return bool(stack) and bool(stack[0].query("#lists"))

    @property
    def grid(self) -> Grid:
        """The list that is seen."""
        first = self.screen_stack[0]
        return first.query_one(f"#{first.query_one('#lists', ContentSwitcher).current}", Grid)

    @property
    def near_grid(self) -> Grid:
        """The list that has the focus on a detail screen, else the list that is seen."""
        focused = self.screen.focused
        return focused if isinstance(focused, Grid) else self.grid

    @property
    def listing(self) -> Listing:
        """What the list that is seen shows."""
        return self.listings[str(self.grid.name)]

    @property
    def trouble(self) -> MtctlError | None:
        """What has kept the store from being read until now, None when it was read."""
        return self.follower.lasting

    @property
    def field(self) -> FilterField:
        """The field of the filter."""
        return self.screen_stack[0].query_one(FilterField)

    # --- reading ------------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read what is seen, and the numbers at the top."""
        if not self.is_seen:
            return
        if isinstance(self.screen, Detail):
            await self.screen.reload()
        else:
            await self.follower.reload(self.grid)

    def show_standing(self, standing: Standing) -> None:
        """Show the numbers at the top."""
        self.say_top(top_text(standing, self.options, self.colour))

    def say_top(self, text: VisualType) -> None:
        """Put something into the line at the top; nothing once the end has begun."""
        if self.is_seen:
            self.put("#top", text)

    def _tick(self) -> None:
        """Look whether somebody has written; end where the terminal has gone without a signal."""
        if self._on_terminal and not _has_terminal():
            self.exit()
            return
        self.later(self.follower.look)

    def later(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do it beside everything else: keys are not to wait for a store that is slow or locked."""
        if self.is_seen:
            _: Worker[None] = self.run_worker(work, exclusive=False)

    def on_grid_wanted(self, event: Grid.Wanted) -> None:
        """Read a window that scrolling came to."""
        if self.is_seen and event.grid.screen is self.screen_stack[0]:
            self.later(partial(self.follower.read, event.grid, event.offset, event.limit, fresh=False))

    def on_grid_sorted(self) -> None:
        """Read in the new order."""
        if not self.is_seen:
            return
        if self.screen is not self.screen_stack[0]:
            self.later(self.reload)
            return
        self.memory.changed()
        self._from_start()

    def on_app_blur(self) -> None:
        """Nobody looks: save the battery."""
        self.follower.away = True

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        self.follower.away = False

    async def on_grid_counted(self, event: Grid.Counted) -> None:
        """Show the instances that a number counts."""
        await self.show_instances(f"{wanted_of(event.line)} {event.wanted}".strip())

    # --- lists --------------------------------------------------------------------------------------------------

    async def action_list(self, number: int) -> None:
        """Show another list."""
        names = list(self.listings)
        if number <= len(names):
            await self.show_list(names[number - 1])

    async def show_list(self, name: str) -> None:
        """Show a list by its name, from wherever this is."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        self.screen.query_one("#lists", ContentSwitcher).current = f"grid-{name}"
        self._show_list()

    async def show_instances(self, wanted: str) -> None:
        """Show the instances that pass a filter."""
        self.memory.narrow("instances", wanted)
        await self.show_list("instances")

    def action_filter(self) -> None:
        """Type a filter; the list follows while it is typed."""
        if self.screen is self.screen_stack[0]:
            self.field.open()

    def on_filter_field_narrowed(self, event: FilterField.Narrowed) -> None:
        """Narrow the list to what is typed."""
        if self.is_seen and self.memory.narrow(self.listing.name, event.text):
            self._from_start()

    def on_filter_field_refused(self, event: FilterField.Refused) -> None:
        """Say why what is typed is no filter."""
        self.put("#cause", event.why)

    def on_filter_field_left(self) -> None:
        """Go back to the list."""
        self.grid.focus()

    async def action_back(self) -> None:
        """Take the filter away, or the marks."""
        if self.screen is not self.screen_stack[0]:
            return
        field = self.field
        if field.has_class("shown"):
            field.clear_all()
            self.grid.focus()
        elif self.grid.marked:
            self.grid.unmark()

    def action_failed(self, step: int) -> None:
        """Go to the next line that shows a failure."""
        grid = self.near_grid
        found = grid.find("failed", step)
        found = grid.find("failing", step) if found is None else found
        if found is not None:
            grid.cursor = found

    def action_pause(self) -> None:
        """Stop or go on looking for changes."""
        self.follower.paused = not self.follower.paused
        self.later(self.reload)

    # --- small parts --------------------------------------------------------------------------------------------

    def _show_list(self) -> None:
        """Show everything that belongs to the list that is seen now."""
        name = self.listing.name
        self.screen_stack[0].query_one(TabLine).show(name)
        self.field.put(self.memory.text(name))
        self.grid.focus()
        self.memory.changed()
        self.later(self.reload)

    def _is_narrowed(self, name: str) -> bool:
        return self.follower.wanted.get(name, Filter()) != Filter()

    def _from_start(self) -> None:
        """Read the list from its first line on; the numbers at the top stay."""
        self.grid.cursor = 0
        self.later(partial(self.follower.read, self.grid, *self.grid.window(), fresh=True))


def wanted_of(line: Line) -> str:
    """Return the filter that leaves the instances of a line: its fact `instances`, else by its kind and key."""
    key = {"table": "table", "workflow": "workflow", "queue": "queue"}.get(line.kind)
    return str(line.facts.get("instances") or (f"{key}:{line.key}" if key else ""))


def _has_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False
