"""Floor 4. One table from near: its intervals, definition, versions, neighbours, runs, rows and files, a tab each."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static, TabbedContent, TabPane

from mtctl.core.listing import Filter
from mtctl.core.words import count, moment, size
from mtctl.tui.drawn.calendar import CalendarStrip, told
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.near import table_tabs
from mtctl.tui.near.asking import query, taken
from mtctl.tui.near.instance_reading import ROWS, rows_of
from mtctl.tui.near.results import ResultPane
from mtctl.tui.near.runs import Runs
from mtctl.tui.near.tabbed import Tabbed

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.services.near_table import TableNear
    from mtctl.tui.drawn.lines import Line, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of a table: how it stands, and what the tab that is seen shows."""

    near: TableNear
    tab: str
    seen: Any = None


class TableScreen(Tabbed):
    """One table."""

    TABS = ("calendar", "definition", "history", "lineage", "runs", "preview", "files")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("O", "trigger", "By trigger", show=False, id="table.trigger"),
        Binding("f5,ctrl+r", "rows", "Read its rows", show=False, id="table.rows"),
        Binding("f6", "compute", "Run its query", show=False, id="table.compute"),
    ]
    CSS = """
    TableScreen TabbedContent { height: 1fr; }
    TableScreen Grid { height: 1fr; overflow-x: hidden; }
    TableScreen #cell { height: auto; max-height: 3; padding: 0 1; }
    TableScreen #triggers { height: 1; color: $text-muted; padding: 0 1; }
    """

    def __init__(self, subject: Line, tab: str = "") -> None:
        """Show the table of a line, at a tab."""
        super().__init__(subject, tab)
        self.runs = Runs(Filter(tables=(subject.key.lower(),)))
        self._runs_grid = self.runs.new_grid()

    def body(self) -> ComposeResult:
        """Everything in tabs."""
        with TabbedContent(id="tabs-table", initial=f"pane-{self.tab}"):
            with TabPane("Calendar", id="pane-calendar"):
                yield CalendarStrip(id="strip")
                yield Static(id="cell", markup=False)
            yield from self.text_pane("definition")
            with TabPane("History", id="pane-history"):
                yield Grid(table_tabs.VERSIONS, name="versions")
            yield from self.text_pane("lineage")
            with TabPane("Runs", id="pane-runs"):
                yield Static(self.runs.words(), id="triggers", markup=False)
                yield self._runs_grid
            with TabPane("Preview", id="pane-preview"):
                yield ResultPane("F5 reads its rows, F6 runs its query and stores nothing", name="preview")
            yield from self.text_pane("files")

    # --- reading ------------------------------------------------------------------------------------------------

    def seen(self) -> tuple[tuple[int, int], int]:
        """Return which runs are seen, and when somebody has written last."""
        return self._runs_grid.window(), self.dashboard.mark

    def read(self, project: Project, seen: tuple[tuple[int, int], int]) -> _Found:
        """Read the table and what is seen of it."""
        board, name, tab = project.board.near, self.subject.key, self.tab
        if tab == "calendar":
            near, cells = board.calendar(name)
            return _Found(near=near, tab=tab, seen=cells)
        near = board.table(name)
        match tab:
            case "definition":
                part: Any = table_tabs.definition(project, name)
            case "history":
                part = table_tabs.versions(project, name)
            case "lineage":
                part = table_tabs.neighbours(project, name)
            case "runs":
                part = self.runs.read(project, self._runs_grid, *seen)
            case "files":
                part = table_tabs.files_text(board.files(near.near.outline.table_id, project.project.target_file_bytes))
            case _:
                part = None
        return _Found(near=near, tab=tab, seen=part)

    def show(self, found: _Found) -> None:
        """Put it in place."""
        self.fill("#head", self._head(found.near))
        if found.tab != self.tab:
            return
        match found.tab:
            case "calendar":
                self.query_one(CalendarStrip).put(found.seen)
                self._say_cell()
            case "definition":
                ddl, about = found.seen
                self.show_text("definition", f"{ddl}\n\n{about}", "sql")
            case "history":
                self.query_one("#grid-versions", Grid).put(found.seen, fresh=True)
            case "lineage":
                self.show_text("lineage", self._lineage(found.seen))
            case "runs":
                self._runs_grid.put(found.seen, fresh=True)
            case "files":
                self.show_text("files", found.seen)
            case _:
                if not self.query_one(ResultPane).subject:
                    self.action_rows()

    def _head(self, found: TableNear) -> Text:
        near, outline = found.near, found.near.outline
        schedule = outline.schedule or outline.freshness or ""
        parts = [
            f"{found.fresh:,} of {found.wanted:,} fresh",
            f"{count(near.rows)} rows, {size(near.bytes)}, {near.files} files",
            f"refreshed {moment(near.success_at)}" if near.success_at else "never refreshed",
            schedule,
        ]
        head = Text.assemble(f"‹ {outline.name}  ", self.state(found.state))
        head.append("  " + "  ".join(part for part in parts if part))
        if near.error and found.state == "failing":
            head.append(f"\n{near.error.splitlines()[0]}")
        return head

    def _lineage(self, found: table_tabs.Neighbours) -> Text:
        text = Text("i shows the whole graph\n", style=self.dashboard.colour("muted"))
        for title, near in (("reads", found.upstream), ("is read by", found.downstream)):
            text.append(f"{title}\n", style="bold")
            for name, state, why in near:
                text.append(f"  {name}  ").append_text(self.state(state)).append(f"  {why}\n")
            if not near:
                text.append("  no table\n")
        if found.sources:
            text.append("sources\n", style="bold")
            text.append("".join(f"  {source}\n" for source in found.sources))
        return text

    def _say_cell(self) -> None:
        self.fill("#cell", told(self.query_one(CalendarStrip).current, self))

    def on_calendar_strip_moved(self, event: CalendarStrip.Moved) -> None:
        """Say how the interval under the cursor is."""
        event.stop()
        self._say_cell()

    # --- runs ---------------------------------------------------------------------------------------------------

    async def on_grid_wanted(self, event: Grid.Wanted) -> None:
        """Read the instances that scrolling came to."""
        event.stop()
        if event.grid is not self._runs_grid:
            return
        window, mark = (event.offset, event.limit), self.dashboard.mark
        page: Page | None = await self.asked(lambda project: self.runs.read(project, event.grid, window, mark))
        if page is not None:
            event.grid.put(page, fresh=False)

    async def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Read in the new order."""
        event.stop()
        self._runs_grid.cursor = 0
        await self.reload()

    async def action_trigger(self) -> None:
        """Show all instances, or those that one kind of trigger asked for."""
        self.runs.next_trigger()
        self.fill("#triggers", self.runs.words())
        self._runs_grid.cursor = 0
        await self.reload()

    # --- rows ---------------------------------------------------------------------------------------------------

    def action_rows(self) -> None:
        """Read the first rows that the table holds."""
        sql = rows_of(self.subject.key)
        self._ask(lambda project: query(project, sql, "", ROWS), ["query", sql, "--limit", str(ROWS)])

    def action_compute(self) -> None:
        """Run the table's query for its first rows; nothing is stored."""
        name = self.subject.key
        self._ask(
            lambda project: taken(project, project.preview(name, ROWS), ROWS),
            ["table", "preview", name, "--limit", str(ROWS)],
        )

    def _ask(self, act: Any, words: list[str]) -> None:
        self.open_tab("preview")
        pane = self.query_one(ResultPane)
        pane.subject, pane.command = self.subject.key, shlex.join(["mtctl", *words])
        pane.ask(act)
        self.say(pane.command)

    def action_leave(self) -> None:
        """Stop what is asked, else go back."""
        pane = self.query_one(ResultPane)
        if pane.running:
            pane.stop()
        else:
            super().action_leave()
