"""Floor 4. One range from near: the matrix of its tables and intervals, live, and what of it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text
from textual.widgets import Static

from mtctl.core.calendar import show_interval
from mtctl.core.interval import WHOLE
from mtctl.core.table_calendar import calendar_of
from mtctl.core.words import lasting, many
from mtctl.services.ranges import seconds_left
from mtctl.tui.drawn.cell_styles import looks_of, sign_of
from mtctl.tui.drawn.lines import Line
from mtctl.tui.drawn.matrix import Matrix, Painted, painted
from mtctl.tui.lists.ranges import span_text
from mtctl.tui.near.details import Detail

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.core.model import Instant
    from mtctl.ports.ranges import RangeRow, RangeTask
    from mtctl.services.range_cells import MatrixCell
    from mtctl.services.ranges import Matrix as Found
    from mtctl.services.ranges import MatrixPart

_TOLD = 5


class _Read(NamedTuple):
    """What was read of a range, its cells drawn up, and when."""

    found: Found
    lines: tuple[Painted, ...]
    now: Instant


class RangeMatrixScreen(Detail):
    """One range. Verbs act on its instance."""

    CSS = """
    RangeMatrixScreen #here { height: auto; max-height: 3; background: $boost; padding: 0 1; }
    RangeMatrixScreen #failed { height: auto; max-height: 6; padding: 0 1; }
    """

    def body(self) -> ComposeResult:
        """Lay out the matrix, what is under the cursor, the first failures."""
        yield Matrix()
        yield Static(id="here", markup=False)
        yield Static(id="failed", markup=False)

    @property
    def matrix(self) -> Matrix:
        """The matrix."""
        return self.query_one(Matrix)

    async def on_mount(self) -> None:
        """Let the matrix have the focus; the frame reads."""
        self.matrix.focus()

    def seen(self) -> MatrixPart:
        """Return which part of the matrix is seen."""
        return self.matrix.part()

    def read(self, project: Project, seen: MatrixPart) -> _Read:
        """Read the part that is seen."""
        found = project.board.ranges.matrix(self.subject.key, seen)
        lines = painted(found, [calendar_of(table.outline) for table in found.tables])
        return _Read(found, lines, project.board.now())

    def show(self, found: _Read) -> None:
        """Put it in place."""
        row = found.found.row
        head = Text.assemble(f"‹ {row.title}  ", self.state(row.state.value), f"  {_facts(row, found.now)}\n")
        self.fill("#head", head.append_text(self._counts(row)))
        self.fill("#failed", self._failures(found))
        self.matrix.put(found.found, found.lines)

    async def on_matrix_wanted(self) -> None:
        """Read what scrolling came to."""
        await self.reload()

    def on_matrix_moved(self) -> None:
        """Tell what is under the cursor."""
        self.fill("#here", self._here())

    def on_matrix_opened(self, event: Matrix.Opened) -> None:
        """Show the instance at the task of a cell."""
        from mtctl.tui.opening import opened  # noqa: PLC0415 - it knows this screen as well

        task = event.cell.task
        facts = {"task_id": task.task_id, "task": task.name}
        screen = opened(Line(kind="instance", key=self.subject.key, cells=(), facts=facts))
        if screen is not None:
            self.app.push_screen(screen)

    def _counts(self, row: RangeRow) -> Text:
        """Return the numbers of each state, which is the legend too."""
        counts = row.counts
        text = Text()
        for state, number in (
            ("success", counts.done),
            ("running", counts.running),
            ("pending", counts.waiting),
            ("failed", counts.failed),
            ("skipped", counts.skipped),
            ("cancelled", counts.cancelled),
        ):
            if number:
                text.append_text(self.state(state)).append(f" {number:,}   ")
        return text

    def _here(self) -> Text:
        line, cell = self.matrix.table, self.matrix.cell
        found = self.matrix.found
        if line is None or found is None:
            return Text("")
        name = line.table.outline.name
        if cell is None:
            label = found.axis.label(self.matrix.column) if found.axis is not None else ""
            return Text(f"{name}  {label}  not part of this refresh")
        what = show_interval(cell.interval, line.calendar if cell.interval != WHOLE else None)
        text = Text.assemble(f"{name}  {what}  ", self.state(cell.task.state.value))
        return text.append(_task_words(cell, line))

    def _failures(self, read: _Read) -> Text:
        """Return the first failures with their errors, a line each."""
        failed = read.found.failed
        if not failed:
            return Text("")
        calendars = {line.table.outline.table_id: line.calendar for line in read.lines}
        looks = looks_of(self.matrix)
        text = Text()
        for task in failed[:_TOLD]:
            tone, sign = sign_of("failed", plain=looks.plain)
            when = _batch(task, calendars.get(task.table_id)) if task.table_id in calendars else ""
            text.append(f"{sign} ", style=looks.colour(tone))
            text.append(f"{task.name}  {when}  {_first_line(task.error)}\n")
        more = len(failed) - _TOLD
        if more > 0:
            text.append(f"  and {many(more, 'batch', 'batches')} more: n goes to the next")
        text.rstrip()
        return text


def _facts(row: RangeRow, now: Instant) -> str:
    counts = row.counts
    took = None if row.started_at is None else ((row.ended_at or now) - row.started_at) / 1e6
    rest = seconds_left(row)
    done = counts.done + counts.skipped
    share = f"{100 * done // counts.total} %" if counts.total else ""
    parts = [
        span_text(row),
        f"{done:,}/{counts.total:,} intervals ({share})",
        f"{many(row.batches, 'batch', 'batches')}",
        f"took {lasting(took)}" if took is not None else "has not begun" if row.ended_at is None else "",
        f"about {lasting(rest)} left" if rest is not None else "",
        f"{row.rows:,} rows" if row.rows else "",
        "cancel requested" if row.cancel_requested and row.ended_at is None else "",
    ]
    return "  ".join(part for part in parts if part)


def _task_words(cell: MatrixCell, line: Painted) -> str:
    task = cell.task
    parts = [f"batch {_batch(task, line.calendar)}"] if task.batch is not None and task.batch != cell.interval else []
    parts += [f"try {task.tries} of {task.max_tries}"] if task.tries else []
    parts += [_first_line(task.error) or task.why]
    return "".join(f"  {part}" for part in parts if part)


def _batch(task: RangeTask, calendar: object) -> str:
    return show_interval(task.batch, calendar) if task.batch is not None else ""  # type: ignore[arg-type]


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
