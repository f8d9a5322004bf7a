"""Floor 4. One workflow instance from near: its tasks on a time line, output, definition, attempts, events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from mtctl.core.errors import MtctlError
from mtctl.core.words import count, lasting, moment, size
from mtctl.tui.details import Detail
from mtctl.tui.lines import Cell, ColumnHead, Line, Page

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.core.model import Instant
    from mtctl.ports.work import InstanceRow, TaskRow
    from mtctl.services.reports.instances import InstanceDetail

_BAR = 28
_TAIL_BYTES = 64 << 10

_HEADS = (
    ColumnHead(key="task", title="TASK", width=0, sortable=False),
    ColumnHead(key="interval", title="INTERVAL", width=24, sortable=False, rank=3),
    ColumnHead(key="state", title="STATE", width=11, sortable=False),
    ColumnHead(key="tries", title="TRY", width=5, right=True, sortable=False, rank=2),
    ColumnHead(key="rows", title="ROWS", width=10, right=True, sortable=False, rank=2),
    ColumnHead(key="took", title="TOOK", width=8, right=True, sortable=False),
    ColumnHead(key="bar", title="WHEN", width=_BAR, sortable=False, rank=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of an instance."""

    detail: InstanceDetail
    now: Instant
    output: str
    definition: str


class InstanceScreen(Detail):
    """One instance."""

    def body(self) -> ComposeResult:
        """Tasks above, everything else in tabs below."""
        yield self.new_grid(_HEADS, "tasks")
        with TabbedContent(id="tabs-below"):
            for name in ("why", "output", "definition", "attempts", "events"):
                with TabPane(name.capitalize(), id=f"pane-{name}"), VerticalScroll(can_focus=True):
                    yield Static(id=f"text-{name}", markup=False)

    CSS = """
    InstanceScreen Grid { height: 1fr; min-height: 6; }
    InstanceScreen TabbedContent { height: 1fr; }
    """

    async def on_mount(self) -> None:
        """Read, and let the tasks have the focus."""
        await super().on_mount()
        self.query_one("#grid-tasks").focus()

    def read(self, project: Project, mark: int) -> _Found:
        """Read the instance, the end of its output and the definition of the task under the cursor."""
        _ = mark
        detail = project.instance(self.subject.key)
        return _Found(
            detail=detail, now=project.board.now(), output=_output(detail), definition=_definition(project, detail)
        )

    def show(self, found: _Found) -> None:
        """Put it in place."""
        row = found.detail.instance
        facts = f"  {row.trigger}  {_times(row, found.now)}"
        head = Text.assemble(f"‹ {row.title}  ", self.state(row.state.value), facts)
        if found.detail.error:
            head.append(f"\n{found.detail.error.splitlines()[0]}")
        self.fill("#head", head)
        lines = tuple(_task_line(task, found) for task in found.detail.tasks)
        grid = self.query_one("#grid-tasks")
        grid.put(Page(total=len(lines), offset=0, lines=lines), fresh=True)  # type: ignore[attr-defined]
        self.fill("#text-why", _why(found.detail))
        self.fill("#text-output", found.output or "nothing was written, or its file is gone")
        self.fill("#text-definition", found.definition or "the tables of this instance are gone")
        self.fill("#text-attempts", _attempts(found.detail))
        self.fill("#text-events", _events(found.detail))


def _task_line(task: TaskRow, found: _Found) -> Line:
    row = found.detail.instance
    return Line(
        kind="task",
        key=f"{row.ulid}/{task.name}",
        cells=(
            Cell(task.name),
            Cell(found.detail.labels.get(task.task_id, ""), "muted"),
            Cell(task.state.value, state=task.state.value),
            Cell(f"{task.tries}/{task.max_tries}"),
            Cell(count(task.rows) if task.rows is not None else ""),
            Cell(lasting(task.seconds)),
            Cell(_bar(task, row, found.now), "failed" if task.state.value == "failed" else "running"),
        ),
        facts={"trouble": task.error or task.why},
    )


def _bar(task: TaskRow, row: InstanceRow, now: Instant) -> str:
    """Return when a task waited and ran, drawn over the time of its instance."""
    begin, end = row.created_at, row.ended_at or now
    if end <= begin:
        return ""

    def at(instant: Instant) -> int:
        return max(0, min(_BAR, (instant - begin) * _BAR // (end - begin)))

    started = task.started_at
    if started is None:
        return "░" * at(task.ended_at or now) if task.ended_at is None else ""
    low, high = at(started), max(at(task.ended_at or now), at(started) + 1)
    return ("░" * low + "█" * (high - low))[:_BAR]


def _times(row: InstanceRow, now: Instant) -> str:
    took = "" if row.started_at is None else lasting(((row.ended_at or now) - row.started_at) / 1e6)
    parts = [f"created {moment(row.created_at)}"]
    parts += [f"took {took}"] if took else []
    parts += [f"{row.rows:,} rows"] if row.rows else []
    if row.holder:
        parts.append(f"held by {row.holder}")
    if row.cancel_requested:
        parts.append("cancel requested")
    return "  ".join(parts)


def _why(detail: InstanceDetail) -> str:
    lines = []
    for task in detail.tasks:
        text = task.error or task.why or ", ".join(f"{reason} ({number})" for reason, number in task.reasons)
        if text:
            lines.append(f"{task.name}: {text}")
    lines += [f"{name} = {value}" for name, value in detail.instance.variables.items()]
    return "\n".join(lines) or "nothing to say: all went as it should"


def _attempts(detail: InstanceDetail) -> str:
    names = {task.task_id: task.name for task in detail.tasks}
    lines = []
    for attempt in detail.attempts:
        outcome = attempt.outcome.value if attempt.outcome is not None else "running"
        parts = [
            f"{names.get(attempt.task_id, '')} #{attempt.number}",
            outcome,
            moment(attempt.started_at),
            lasting(attempt.seconds),
            f"{attempt.rows:,} rows" if attempt.rows is not None else "",
            size(attempt.bytes),
            f"snapshot {attempt.snapshot_id}" if attempt.snapshot_id is not None else "",
            f"by {attempt.holder}",
            attempt.error or "",
        ]
        lines.append("  ".join(part for part in parts if part))
    return "\n".join(lines) or "nothing has been tried yet"


def _events(detail: InstanceDetail) -> str:
    names = {task.task_id: task.name for task in detail.tasks}
    lines = []
    for event in detail.events:
        facts = ", ".join(f"{key}={value}" for key, value in event.detail.items() if value not in (None, "", []))
        who = f" by {event.actor}" if event.actor else ""
        lines.append(f"{moment(event.at)}  {names.get(event.task_id or 0, '')}  {event.kind}{who}  {facts}")
    return "\n".join(lines)


def _output(detail: InstanceDetail) -> str:
    """Return the end of what commands and requests wrote, the newest attempt last."""
    parts = []
    for attempt in detail.attempts:
        path = detail.logs.get(attempt.ulid)
        if path is not None:
            parts.append(f"--- attempt {attempt.number} ({attempt.ulid})\n{_tail(Path(path))}")
    return "\n".join(parts)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            length = file.tell()
            file.seek(max(0, length - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(the log cannot be read: {error.strerror})"


def _definition(project: Project, detail: InstanceDetail) -> str:
    parts = []
    for name in dict.fromkeys(task.name for task in detail.tasks if task.table_id is not None):
        try:
            parts.append(project.show(name).ddl.strip())
        except MtctlError:
            continue  # dropped or renamed since
    return "\n\n".join(parts[:5])
