"""Floor 4. The dashboard: lists by number, a filter, live changes, and the verbs of whatever is under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import ContentSwitcher, Footer, Input, Static

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter, parse_filter
from mtctl.tui.ask import Keys, Question
from mtctl.tui.bars import KEYS, Options, legend_text, tabs_text, top_text
from mtctl.tui.desk import Desk
from mtctl.tui.details import Detail
from mtctl.tui.grid import Grid
from mtctl.tui.lines import Asked
from mtctl.tui.lists import all_lists
from mtctl.tui.opening import opened
from mtctl.tui.ranges import RangeScreen
from mtctl.tui.verbs import VERBS, Verb, verbs_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.timer import Timer

    from mtctl.app import App as Project
    from mtctl.tui.lines import Line, Listing

POLL_SECONDS = 0.25
"""How often somebody looks whether the store has changed: less than a tenth of a millisecond of work."""

TYPING_SECONDS = 0.08
"""How long a filter rests before the list follows: nobody reads what is there between two letters."""

AWAY_SECONDS = 2.0
"""How often while nobody looks at the terminal."""


class Dashboard(App[None]):
    """One project."""

    TITLE = "mtctl"
    ENABLE_COMMAND_PALETTE = True
    CSS = """
    #top { height: 1; background: $panel; color: $text; padding: 0 1; }
    #tabs { height: 1; color: $text-muted; padding: 0 1; }
    #filter { display: none; height: 1; border: none; background: $boost; padding: 0 1; }
    #filter.shown { display: block; }
    #lists { height: 1fr; }
    #below { height: auto; max-height: 4; background: $panel; padding: 0 1; }
    #legend { height: 1; color: $text-muted; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(verb.key, f"verb('{verb.name}')", verb.label) for verb in VERBS),
        *(Binding(str(number), f"list({number})", show=False) for number in range(1, 10)),
        Binding("b", "range", "Refresh a range"),
        Binding("slash", "filter", "Filter"),
        Binding("escape", "back", "Back", show=False),
        Binding("n", "failed(1)", "Next failed", show=False),
        Binding("N", "failed(-1)", "Failed before", show=False),
        Binding("p", "pause", "Pause", show=False),
        Binding("y", "copy", "Copy command"),
        Binding("T", "theme", "Theme", show=False),
        Binding("question_mark", "keys", "Keys", key_display="?"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, open_project: Callable[[], Project], options: Options) -> None:
        """Show the project that `open_project` opens, once in each thread that needs it."""
        super().__init__()
        self.options = options
        self.desk = Desk(open_project)
        self.listings: dict[str, Listing] = {listing.name: listing for listing in all_lists()}
        self.command = ""
        self.mark = 0
        self._paused = False
        self._away = False
        self._skipped = 0
        self._looking = False
        self._began = False
        self._typing: Timer | None = None
        self._wanted: dict[str, Filter] = dict.fromkeys(self.listings, Filter())
        self._said = ""

    # --- layout -------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Static("mtctl", id="top", markup=False)
        yield Static(id="tabs")
        yield Input(id="filter", placeholder="words, state:failed, tag:team=x, table:sales*, workflow:n*", compact=True)
        with ContentSwitcher(id="lists", initial=f"grid-{self.options.first}"):
            for listing in self.listings.values():
                grid = Grid(
                    listing.heads, plain=self.options.plain, palette=self.options.palette, name=listing.name
                )
                grid.set_reactive(Grid.order, listing.order)
                grid.set_reactive(Grid.descending, listing.descending)
                yield grid
        with Vertical(id="below"):
            yield Static(id="cause", markup=False)
            yield Static(id="command", markup=False)
        yield Static(id="legend")
        yield Footer(compact=True)

    async def on_mount(self) -> None:
        """Read the first list and begin to look for changes."""
        if self.options.theme is not None:
            self.theme = self.options.theme
        self._began = True
        self._show_tabs()
        self._show_legend()
        self.grid.focus()
        self.set_interval(POLL_SECONDS, self._look)
        self.call_later(self._reload)

    async def on_unmount(self) -> None:
        """End the threads."""
        self.desk.close()

    @property
    def grid(self) -> Grid:
        """The list that is seen."""
        first = self.screen_stack[0]
        return first.query_one(f"#{first.query_one('#lists', ContentSwitcher).current}", Grid)

    @property
    def chosen(self) -> tuple[Line, ...]:
        """What verbs act on: marked or current lines of what is seen."""
        if isinstance(self.screen, Detail):
            return self.screen.chosen
        return self.grid.chosen if self.screen is self.screen_stack[0] else ()

    @property
    def listing(self) -> Listing:
        """What the list that is seen shows."""
        return self.listings[str(self.grid.name)]

    # --- reading ------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Read anew what is seen when somebody has written."""
        self._skipped += 1
        if self._looking or self._paused or (self._away and self._skipped * POLL_SECONDS < AWAY_SECONDS):
            return
        self._skipped = 0
        self._looking = True
        try:
            mark = await self.desk.mark()
            if mark != self.mark or self._said:
                self.mark = mark
                await self._reload()
        except MtctlError as error:
            self._trouble(error)
        finally:
            self._looking = False

    async def _reload(self) -> None:
        """Read what is seen, and the numbers at the top."""
        if not self.is_running or not self._began:
            return
        if isinstance(self.screen, Detail):
            await self.screen.reload()
            return
        grid = self.grid
        offset, limit = grid.window()
        await self._read(grid, offset, limit, fresh=True)
        await self._read_counts()

    async def _read(self, grid: Grid, offset: int, limit: int, *, fresh: bool) -> None:
        listing, mark = self.listings[str(grid.name)], self.mark
        asked = Asked(
            wanted=self._wanted[listing.name],
            order=grid.order,
            descending=grid.descending,
            offset=offset,
            limit=limit,
        )
        try:
            page = await self.desk.reads.do(lambda project: listing.page(project, asked, mark))
        except MtctlError as error:
            self._trouble(error)
            return
        self._said = ""
        if grid.is_attached:
            grid.put(page, fresh=fresh)

    async def _read_counts(self) -> None:
        try:
            counts = await self.desk.reads.do(lambda project: project.board.counts())
            name = await self.desk.reads.do(lambda project: project.project.name)
        except MtctlError as error:
            self._trouble(error)
            return
        if not self.is_running:
            return
        text = top_text(name, counts, self.options, paused=self._paused)
        self.screen_stack[0].query_one("#top", Static).update(text)

    def _trouble(self, error: MtctlError) -> None:
        """Say what is wrong and go on: the next look may find it mended."""
        if not self.is_running:
            return
        self._said = str(error)
        text = f"! {error.what}" + (f" – {error.fix}" if error.fix else "")
        self.screen_stack[0].query_one("#top", Static).update(text)

    async def on_grid_wanted(self, event: Grid.Wanted) -> None:
        """Read a window that scrolling came to."""
        await self._read(event.grid, event.offset, event.limit, fresh=False)

    async def on_grid_sorted(self) -> None:
        """Read in the new order."""
        self.grid.cursor = 0
        await self._reload()

    def on_app_blur(self) -> None:
        """Nobody looks: save the battery."""
        self._away = True

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        self._away = False

    # --- what is under the cursor -------------------------------------------------------------------------------

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Say what is wrong with the line, and what the first verb would be as a command."""
        line = event.line
        cause = str(line.facts.get("trouble") or line.facts.get("title") or "") if line is not None else ""
        marked = len(self.grid.marked)
        self.screen_stack[0].query_one("#cause", Static).update(f"{marked} marked" if marked else cause)
        self._set_command(self._first_command())
        self.refresh_bindings()

    def _first_command(self) -> str:
        lines = self.chosen
        verbs = verbs_for(lines[0].kind) if lines else ()
        return verbs[0].line(lines) if verbs else ""

    def say_command(self) -> None:
        """Show the command of the first verb of what is under the cursor."""
        self._set_command(self._first_command())

    def _set_command(self, command: str) -> None:
        self.command = command
        shown = f"$ {command}" if command else ""
        if isinstance(self.screen, Detail):
            self.screen.query_one("#said", Static).update(shown)
        else:  # a question may lie above the lists
            self.screen_stack[0].query_one("#command", Static).update(shown)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the verbs of the line under the cursor only; none at all where the dashboard may only look."""
        if action == "range":
            return self._began and bool(self.chosen) and self.chosen[0].kind == "table" and not self.options.read_only
        if action != "verb":
            return True
        verb = next(verb for verb in VERBS if verb.name == parameters[0])
        if (self.options.read_only and verb.name != "why") or not self._began:
            return False
        lines = self.chosen
        return bool(lines) and lines[0].kind in verb.kinds

    def action_verb(self, name: str) -> None:
        """Do it to the marked lines, or to the one under the cursor; asked first where it takes something away."""
        verb = next(verb for verb in VERBS if verb.name == name)
        lines = tuple(line for line in self.chosen if line.kind in verb.kinds)
        if lines:
            self.perform(verb, lines)

    def action_range(self) -> None:
        """Choose a range of a table to refresh."""
        self.push_screen(RangeScreen(self.chosen[0]))

    def perform(self, verb: Verb, lines: tuple[Line, ...]) -> None:
        """Ask where that is due, then do it in the acting thread."""
        command = verb.line(lines)
        self._set_command(command)
        if not verb.asks and len(lines) == 1:
            self.run_worker(self._perform(verb, lines), exclusive=False)
            return

        def answered(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it by position
            if answer:
                self.run_worker(self._perform(verb, lines), exclusive=False)

        named = ", ".join(line.key for line in lines[:3]) + (" …" if len(lines) > 3 else "")
        self.push_screen(Question(f"{verb.label}: {len(lines)} × {lines[0].kind} ({named})?", command), answered)

    async def _perform(self, verb: Verb, lines: tuple[Line, ...]) -> None:
        try:
            text = await self.desk.acts.do(lambda project: verb.act(project, [line.key for line in lines]))
            self.notify(text, title=verb.line(lines), markup=False, timeout=8)
            self.grid.marked.clear()
        except MtctlError as error:
            text = f"{error.what}" + (f" – {error.fix}" if error.fix else "")
            self.notify(text, title=f"error[{error.code}]", severity="error", markup=False, timeout=12)
        await self._reload()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Show a thing from near."""
        found = opened(event.line)
        if found is not None:
            self.push_screen(found)

    # --- keys ---------------------------------------------------------------------------------------------------

    async def action_list(self, number: int) -> None:
        """Show another list."""
        names = list(self.listings)
        if number > len(names):
            return
        self.screen_stack[0].query_one("#lists", ContentSwitcher).current = f"grid-{names[number - 1]}"
        self._show_tabs()
        self.grid.focus()
        await self._reload()

    def action_filter(self) -> None:
        """Type a filter; the list follows while it is typed."""
        field = self.screen_stack[0].query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list to what is typed."""
        if event.input.id != "filter":
            return
        try:
            wanted = parse_filter(event.value)
        except MtctlError as error:
            self.screen_stack[0].query_one("#cause", Static).update(error.what)
            return
        self._wanted[self.listing.name] = wanted
        self.grid.cursor = 0
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING_SECONDS, self._reload)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the list."""
        if event.input.id == "filter":
            event.input.set_class(bool(event.value), "shown")
            self.grid.focus()

    async def action_back(self) -> None:
        """Take the filter away, or the marks."""
        if self.screen is not self.screen_stack[0]:
            return
        field = self.screen_stack[0].query_one("#filter", Input)
        if field.has_class("shown"):
            field.value = ""
            field.remove_class("shown")
            self.grid.focus()
        elif self.grid.marked:
            self.grid.marked.clear()
            self.grid.refresh()
            self.grid.post_message(Grid.Moved(self.grid.current))

    def action_failed(self, step: int) -> None:
        """Go to the next line that shows a failure."""
        found = self.grid.find("failed", step)
        found = self.grid.find("failing", step) if found is None else found
        if found is not None:
            self.grid.cursor = found

    async def action_pause(self) -> None:
        """Stop or go on looking for changes."""
        self._paused = not self._paused
        await self._reload()

    def action_copy(self) -> None:
        """Copy the command line of what was done last, or would be done first."""
        if self.command:
            self.copy_to_clipboard(self.command)
            self.notify(self.command, title="copied", markup=False)

    def action_theme(self) -> None:
        """Choose a theme."""
        self.search_themes()

    def action_keys(self) -> None:
        """Show all keys."""
        kind = self.chosen[0].kind if self.chosen else ""
        lines = [("1 … 6", "tables, workflows, instances, queues, schedule, events")]
        lines += [(verb.key, verb.label) for verb in verbs_for(kind) if not self.options.read_only]
        lines += KEYS
        self.push_screen(Keys(lines))

    # --- small parts --------------------------------------------------------------------------------------------

    def _show_tabs(self) -> None:
        self.screen_stack[0].query_one("#tabs", Static).update(tabs_text(self.listings, self.listing.name))

    def _show_legend(self) -> None:
        text = legend_text(self.options, dark=self.current_theme.dark)
        self.screen_stack[0].query_one("#legend", Static).update(text)

    def _fatal_error(self) -> None:
        """End without a word: Textual would print the values of every variable. Whoever ran this tells the error."""
        self._close_messages_no_wait()

    @property
    def failure(self) -> BaseException | None:
        """What ended the dashboard, None when somebody left it."""
        return self._exception
