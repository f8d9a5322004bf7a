"""Floor 4. Progress on stderr: a moving line on a terminal, else one line for each task when it ends.

Nothing here touches stdout, and Rich is imported only when there is a terminal to draw on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtctl.core.names import printable
from mtctl.core.words import count, lasting, many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mtctl.cli.paint import Paint
    from mtctl.cli.ui import Ui
    from mtctl.services.reports.running import TaskEvent

ENDINGS = frozenset({"success", "failed", "cancelled", "skipped", "lost", "superseded", "timed_out", "released"})
"""Kinds of events that end a task's attempt and earn a line of their own."""


@contextmanager
def progress(ui: Ui) -> Iterator[Callable[[TaskEvent], None]]:
    """Give the function that shows progress events while the block runs."""
    if ui.settings.quiet:
        yield _nothing
    elif ui.talks_to_terminal:
        with _moving(ui) as show:
            yield show
    else:
        yield lambda event: _line(ui, event)


def plain_lines(ui: Ui) -> Callable[[TaskEvent], None]:
    """Return the function that writes a line for each task that ended, from whichever thread; nothing when quiet."""
    return _nothing if ui.settings.quiet else lambda event: _line(ui, event)


def event_line(event: TaskEvent, paint: Paint) -> str:
    """Return the line of an event: glyph, table, interval, rows, seconds, or the reason."""
    mark = paint.tint(paint.mark(event.kind), event.kind)
    head = f"{mark}  {event.table}  {event.interval}" if event.interval else f"{mark}  {event.table}"
    if event.kind == "success":
        done = [many(event.intervals, "interval"), many(event.rows, "row")] if event.intervals else []
        parts = [*done, lasting(event.seconds)]
        return f"{head}  {', '.join(parts)}"
    return f"{head}  {printable(event.detail)}" if event.detail else head


def _nothing(event: TaskEvent) -> None:
    """Show nothing."""


def _line(ui: Ui, event: TaskEvent) -> None:
    if event.kind in ENDINGS or event.kind == "waiting":
        ui.say_drawn(event_line(event, ui.paint_talk()))


@contextmanager
def _moving(ui: Ui) -> Iterator[Callable[[TaskEvent], None]]:
    from rich.console import Console  # only a terminal pays for Rich
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    paint = ui.paint_talk()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("intervals"),
        TextColumn("{task.fields[rows]} rows"),
        TextColumn("ETA"),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True, no_color=not paint.color, highlight=False, markup=False)
    with Progress(*columns, console=console, transient=True, refresh_per_second=8) as bar:
        task = bar.add_task("", total=None, rows="0")
        settled = 0

        def show(event: TaskEvent) -> None:
            nonlocal settled
            if event.kind == "success":
                settled += event.rows
            rows = settled + (event.rows if event.kind == "progress" else 0)
            part = event.intervals * (event.percent or 0) / 100 if event.kind == "progress" else 0
            done = min(event.done + int(part), event.total)
            name = printable(event.table)
            bar.update(task, description=name, total=event.total, completed=done, rows=count(rows))
            if event.kind in ENDINGS or event.kind == "waiting":
                console.print(Text.from_ansi(event_line(event, paint)), soft_wrap=True)

        yield show
