"""Floor 4. One queue from near: its slots as a bar, who holds them, and what waits in the order in which it will run.

However many tasks wait, one screenful of them is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from mtctl.core.errors import MtctlError
from mtctl.core.words import count
from mtctl.services.queue_board import RANKS
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page
from mtctl.tui.lists.ages import age, left
from mtctl.tui.lists.queues import limits, slot_bar
from mtctl.tui.near.details import Detail
from mtctl.tui.near.instance_screen import InstanceScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.core.model import Instant
    from mtctl.services.queue_board import QueuedLine, QueueWindow

_BAR = 40
_ID = 10

_HEADS = (
    ColumnHead(key="turn", title="TURN", width=10, sortable=False),
    ColumnHead(key="task", title="TASK", width=20, sortable=False),
    ColumnHead(key="instance", title="INSTANCE", width=16, sortable=False, rank=2),
    ColumnHead(key="rank", title="ASKED BY", width=12, sortable=False, rank=4),
    ColumnHead(key="priority", title="PRIO", width=4, right=True, sortable=False, rank=3),
    ColumnHead(key="since", title="SINCE", width=8, right=True, sortable=False, rank=1),
    ColumnHead(key="why", title="HELD BY, OR WAITS FOR", width=0, sortable=False),
    ColumnHead(key="tries", title="TRIES", width=5, right=True, sortable=False, rank=5),
)


class QueueScreen(Detail):
    """One queue."""

    CSS = """
    QueueScreen Grid { height: 1fr; }
    QueueScreen #cause { height: 1; padding: 0 1; color: $text-muted; }
    """

    def body(self) -> ComposeResult:
        """One list: what runs, then what waits; below it, in full, why the one under the cursor does."""
        yield self.new_grid(_HEADS, "queue-tasks")
        yield Static(id="cause", markup=False)

    @property
    def _grid(self) -> Grid:
        return self.query_one("#grid-queue-tasks", Grid)

    async def on_mount(self) -> None:
        """Read, and let the tasks have the focus."""
        await super().on_mount()
        self._grid.focus()

    def seen(self) -> tuple[int, int]:
        """Return which tasks are seen."""
        return self._grid.window()

    def read(self, project: Project, seen: tuple[int, int]) -> QueueWindow:
        """Read the queue, and of its tasks what is seen."""
        offset, limit = seen
        return project.board.queue.window(self.subject.key, offset, limit)

    def show(self, found: QueueWindow) -> None:
        """Put it in place."""
        self.fill("#head", self._head(found))
        grid = self._grid
        at, stood = grid.cursor, grid.current
        grid.put(_page(found), fresh=True)
        here = at - found.offset
        if stood is not None and 0 <= here < len(found.lines) and _key(found.lines[here]) == stood.key:
            grid.cursor = at  # batches of one task share its name, and the list would stand on the first of them

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Say why the task waits."""
        super().on_grid_moved(event)
        self.fill("#cause", str(event.line.facts.get("trouble", "")) if event.line is not None else "")

    async def on_grid_wanted(self, event: Grid.Wanted) -> None:
        """Read a window that scrolling came to."""
        event.stop()
        name, offset, limit = self.subject.key, event.offset, event.limit
        try:
            found = await self.dashboard.desk.reads.do(lambda project: project.board.queue.window(name, offset, limit))
        except MtctlError as error:
            self.fill("#head", f"! {error.what}")
            return
        if self._grid.is_attached:
            self._grid.put(_page(found), fresh=False)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Open the instance of a task."""
        event.stop()
        title = str(event.line.facts.get("title", ""))
        line = Line(kind="instance", key=str(event.line.facts["ulid"]), cells=(), facts={"title": title})
        self.app.push_screen(InstanceScreen(line))

    def _head(self, found: QueueWindow) -> Text:
        queue = found.queue
        text = Text(f"‹ queue {queue.name}  ")
        if queue.paused:
            text.append_text(self.state("paused")).append(f" {queue.paused_why}")
        else:
            text.append(f"{self.dashboard.options.glyph('enabled')} open")
        more = limits(queue.memory, queue.threads)
        text.append(f"   limits: {more}" if more else "")
        text.append("\n")
        full, empty = slot_bar(queue.held, queue.slots, _BAR)
        text.append(full[0] + empty[0])
        text.append(f"  {count(queue.held)} of {count(queue.slots)} slots held   {count(queue.waits)} waiting")
        if queue.oldest_at is not None:
            text.append(f", the next since {age(queue.oldest_at, found.at).removesuffix(' ago')}")
        if queue.runs > queue.held:
            text.append(f"   {count(queue.runs - queue.held)} lost by a process that died")
        return text


def _page(found: QueueWindow) -> Page:
    lines = tuple(_line(one, found.at) for one in found.lines)
    return Page(total=found.total, offset=found.offset, lines=lines)


def _key(one: QueuedLine) -> str:
    return f"{one.task.instance}/{one.task.name}"


def _line(one: QueuedLine, now: Instant) -> Line:
    task = one.task
    running = task.started_at is not None
    later = not running and task.ready_at > now
    since = task.started_at if task.started_at is not None else task.asked_at
    asked = RANKS[task.rank] if task.rank < len(RANKS) else str(task.rank)
    why = task.holder if running else one.why
    return Line(
        kind="task",
        key=_key(one),
        cells=(
            Cell(count(one.turn) if one.turn else "runs", state=task.state.value),
            Cell(task.name),
            Cell(task.instance[-_ID:], "muted"),
            Cell(asked, "muted"),
            Cell(str(task.priority)),
            Cell(left(task.ready_at, now) if later else age(since, now), "muted"),
            Cell(why, "" if running else "late"),
            Cell(f"{task.tries}/{task.max_tries}", "muted"),
        ),
        facts={
            "title": task.title,
            "trouble": f"{task.title}: {why}" if why else task.title,
            "ulid": task.instance,
            "state": task.state.value,
            "table": task.table,
        },
    )
