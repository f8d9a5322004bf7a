"""Floor 4. One workflow instance from near: its tasks on a time line, and in tabs all that is known of them.

However many tasks it has, only those that are seen are read, and of the tabs only the one that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import TabbedContent, TabPane

from mtctl.core.states import TaskState
from mtctl.core.words import lasting, moment
from mtctl.tui.drawn import gantt
from mtctl.tui.drawn.drawing import Pen
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.near.instance_reading import TabFound, read_tab
from mtctl.tui.near.log_view import LogPane
from mtctl.tui.near.results import ResultPane
from mtctl.tui.near.tabbed import Tabbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.core.model import Instant
    from mtctl.ports.near import NearTask
    from mtctl.ports.work import InstanceRow
    from mtctl.services.near import TaskPart
    from mtctl.tui.drawn.lines import Line

FOLLOW_SECONDS = 0.5
"""How often more output is looked for while a command runs: what it writes changes nothing in the store."""

BARS_EVERY = 4
"""Every how many of these looks the bars of what runs are drawn anew: time goes on though nobody writes."""

REST_SECONDS = 0.1
"""How long the cursor rests before the tab follows it."""

MOST = 80
"""Tasks that are read at once: with their tries and the tab they stay below what a redraw may read."""

_FILTERS: dict[str, tuple[TaskState, ...]] = {
    "all": (),
    "open": (TaskState.CREATED, TaskState.PENDING, TaskState.RUNNING, TaskState.SUSPENDED),
    "failed": (TaskState.FAILED, TaskState.CANCELLED),
}
_TITLES = {"sql": "SQL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read: the tasks that are seen, and the tab. `at` is where the cursor is to stand at first."""

    part: TaskPart
    tab: TabFound | None
    at: int | None = None


class InstanceScreen(Tabbed):
    """One instance."""

    TABS = ("logs", "sql", "plan", "rows", "params", "attempts", "events", "why")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("L", "open_tab('logs')", "Logs", id="instance.logs"),
        Binding("S", "open_tab('sql')", "SQL", id="instance.sql"),
        Binding("slash", "search", "Search the log", show=False, id="instance.search"),
        Binding("O", "filter_tasks", "Open/failed only", show=False, id="instance.filter"),
        Binding("f5", "rows", "Read the rows again", show=False, id="instance.rows"),
    ]
    CSS = """
    InstanceScreen #grid-tasks { height: 4; max-height: 50%; min-height: 4; overflow-x: hidden; }
    InstanceScreen TabbedContent { height: 1fr; }
    """

    def __init__(self, subject: Line, tab: str = "") -> None:
        """Show the instance of a line, at a tab; the fact `task_id` says where the cursor stands first."""
        super().__init__(subject, tab)
        self._wants_tab = bool(tab)
        # Kept here: what reads, in its thread, must not look for them in a screen that somebody closes meanwhile.
        self._grid = Grid(gantt.heads(80), name="tasks")
        self._log = LogPane()
        self._rows = ResultPane("the rows that this task wrote come here", name="rows")
        self._part: TaskPart | None = None
        self._only = "all"
        self._began = False
        self._ticks = 0

    def body(self) -> ComposeResult:
        """Tasks above, everything else in tabs below."""
        yield self._grid
        with TabbedContent(id="tabs-below", initial=f"pane-{self.tab}"):
            with TabPane("Logs", id="pane-logs"):
                yield self._log
            for name in ("sql", "plan"):
                yield from self.text_pane(name, _TITLES.get(name, ""))
            with TabPane("Rows", id="pane-rows"):
                yield self._rows
            for name in ("params", "attempts", "events", "why"):
                yield from self.text_pane(name)

    async def begin(self) -> None:
        """Read, and let the tasks have the focus, or the tab that was asked for."""
        self.set_interval(FOLLOW_SECONDS, self._follow)
        await self.reload()
        if self._wants_tab:
            self.open_tab(self.chosen_tab)
        else:
            self._grid.focus()

    @property
    def _under(self) -> NearTask | None:
        """The task under the cursor, the first one that was read while there is none."""
        part, line = self._part, self._grid.current
        if part is None or not part.tasks:
            return None
        wanted = line.facts.get("task_id") if line is not None else None
        return next((task for task in part.tasks if task.row.task_id == wanted), part.tasks[0])

    # --- reading ------------------------------------------------------------------------------------------------

    def seen(self) -> tuple[int, int]:
        """Return which tasks are seen."""
        return self._grid.window()

    def read(self, project: Project, seen: tuple[int, int]) -> _Found:
        """Read the tasks that are seen, and the tab of the one under the cursor."""
        offset, limit = seen
        near, states = project.board.near, _FILTERS[self._only]
        part = near.tasks(self.subject.key, states, offset, min(limit, MOST))
        at, first = None, self.subject.facts.get("task_id")
        if not self._began and first is not None:
            at = near.place(part.near.row.instance_id, first)
            if not offset <= at < offset + len(part.tasks):
                part = near.tasks(self.subject.key, states, max(0, at - limit // 2), min(limit, MOST))
        self._part = part
        task = self._under if at is None else _of(part, first)
        return _Found(part=part, tab=self._read_tab(project, part, task), at=at)

    def _read_tab(self, project: Project, part: TaskPart, task: NearTask | None) -> TabFound | None:
        return read_tab(project, self.tab, part, task, self._log.view.text.end_of)

    def show(self, found: _Found) -> None:
        """Put it in place."""
        part, grid = found.part, self._grid
        self.fill("#head", self._head(part))
        width = gantt.bar_width(grid)
        heads = gantt.heads(self.app.size.width, gantt.axis(part, width))
        if grid.heads != heads:
            grid.pen = Pen(heads)
        grid.styles.height = part.total + 1
        if found.at is not None:
            grid.cursor = found.at
        grid.put(gantt.page(part, width, plain=self.dashboard.options.plain), fresh=True)
        if found.at is not None:
            grid.cursor = found.at
        self._began = True
        self._show_tab(found.tab)

    def _head(self, part: TaskPart) -> Text:
        near = part.near
        head = Text.assemble(f"‹ {near.row.title}  ", self.state(near.row.state.value))
        head.append(f"  {near.row.trigger.value}  {_times(near.row, part.now)}")
        counts = "  ".join(f"{number:,} {state.value}" for state, number in near.row.tasks)
        only = "" if self._only == "all" else f"  only {self._only}"
        head.append(f"\n{counts}{only}")
        head.append(f"    {gantt.legend(plain=self.dashboard.options.plain)}", style=self.dashboard.colour("muted"))
        if near.error:
            head.append(f"\n{near.failed_task}: {near.error.splitlines()[0]}")
        return head

    def _show_tab(self, found: TabFound | None) -> None:
        if found is None or found.name != self.tab:
            return
        if found.name == "logs":
            view = self._log.view
            if view.subject != found.subject:
                view.clear(found.subject)
            if found.pieces:
                view.take(found.pieces)
            elif found.lines:
                view.put(found.lines)
            return
        if found.name == "rows":
            self._ask_rows(found, again=False)
            return
        self.show_text(found.name, found.text, found.language)

    # --- following ----------------------------------------------------------------------------------------------

    async def on_grid_wanted(self, event: Grid.Wanted) -> None:
        """Read the tasks that scrolling came to."""
        event.stop()
        await self.reload()

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Let the tab follow the cursor."""
        event.stop()
        if self._began and self._grid.has_focus:
            self.set_timer(REST_SECONDS, self.tab_shown)

    def tab_shown(self) -> None:
        """Read the tab of the task under the cursor."""
        self.soon(self._reload_tab)

    async def _reload_tab(self) -> None:
        part, task = self._part, self._under
        if part is None:
            return
        found = await self.asked(lambda project: self._read_tab(project, part, task))
        if found is not None:
            self._show_tab(found)

    def _follow(self) -> None:
        """Look for more output while the task under the cursor runs, and let the bars grow meanwhile."""
        if self._part is None or not self._began or self.dashboard.follower.paused:
            return
        self._ticks += 1
        if self._part.near.row.ended_at is None and self._ticks % BARS_EVERY == 0:
            self.soon(self.reload)
            return
        task = self._under
        running = task is not None and task.row.state is TaskState.RUNNING
        if running and self.tab == "logs" and self._log.view.following:
            self.tab_shown()

    async def on_resize(self) -> None:
        """Draw the bars anew."""
        if self._began:
            await self.reload()

    # --- keys ---------------------------------------------------------------------------------------------------

    def action_open_tab(self, name: str) -> None:
        """Bring a tab up."""
        self.open_tab(name)

    def action_search(self) -> None:
        """Search a word in the log."""
        self.open_tab("logs")
        self._log.view.action_search()

    async def action_filter_tasks(self) -> None:
        """Show all tasks, the open ones, or those that failed."""
        names = list(_FILTERS)
        self._only = names[(names.index(self._only) + 1) % len(names)]
        self._grid.cursor = 0
        await self.reload()

    def action_rows(self) -> None:
        """Read the rows again."""
        part, task = self._part, self._under
        if self.tab == "rows" and part is not None:
            self.soon(partial(self._ask_again, part, task))

    async def _ask_again(self, part: TaskPart, task: NearTask | None) -> None:
        found = await self.asked(lambda project: self._read_tab(project, part, task))
        if found is not None:
            self._ask_rows(found, again=True)

    def _ask_rows(self, found: TabFound, *, again: bool) -> None:
        """Ask for the rows of a task once, and when told."""
        pane = self._rows
        if found.rows is None:
            pane.forget(found.text)
        elif again or pane.subject != found.subject:
            pane.subject, pane.command = found.subject, found.command
            pane.ask(found.rows)
        if found.command:
            self.say(found.command)

    def action_leave(self) -> None:
        """Stop what is asked, else go back."""
        pane = self._rows
        if pane.running:
            pane.stop()
        else:
            super().action_leave()


def _of(part: TaskPart, task_id: object) -> NearTask | None:
    found: Sequence[NearTask] = [task for task in part.tasks if task.row.task_id == task_id]
    return found[0] if found else None


def _times(row: InstanceRow, now: Instant) -> str:
    took = "" if row.started_at is None else lasting(((row.ended_at or now) - row.started_at) / 1e6)
    parts = [f"created {moment(row.created_at)}"]
    parts += [f"took {took}"] if took else []
    parts += [f"{row.rows:,} rows"] if row.rows else []
    if row.holder and row.ended_at is None:
        parts.append(f"held by {row.holder}")
    if row.cancel_requested:
        parts.append("cancel requested")
    return "  ".join(parts)
