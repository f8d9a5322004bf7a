"""Floor 4. The rows of a question to the lake: asked in the thread for that, shown in a grid, interrupted by escape."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mtctl.core.errors import MtctlError
from mtctl.core.names import printable
from mtctl.core.words import many
from mtctl.tui.drawn.drawing import Pen
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page
from mtctl.tui.near.details import Detail

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.worker import Worker

    from mtctl.app import App as Project
    from mtctl.tui.app import Dashboard
    from mtctl.tui.near.asking import Told

WIDEST = 40
"""Cells of the widest column; the whole value is seen by opening its row."""

TICK_SECONDS = 0.5
"""How often the seconds of a running question are counted on."""

_NUMBERS = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "REAL")


class ResultPane(Vertical):
    """One question and its rows; `subject` is what was asked about last, `command` asks the same.

    `h` and `l` move the columns, enter shows a row in full.
    """

    DEFAULT_CSS = """
    ResultPane { height: 1fr; }
    ResultPane .result-said { height: auto; max-height: 6; padding: 0 1; }
    ResultPane Grid { height: 1fr; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "columns(-1)", "Columns before", show=False, id="result.left"),
        Binding("l,right", "columns(1)", "Next columns", show=False, id="result.right"),
    ]

    def __init__(self, hint: str, *, name: str) -> None:
        """Show a hint until something is asked."""
        super().__init__(id=f"result-{name}")
        self.told: Told | None = None
        self.subject = self.command = ""
        self._hint, self._grid_name = hint, name
        self._first = 0
        self._worker: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Lay out what is said of it, above the rows."""
        yield Static(self._hint, classes="result-said", markup=False)
        yield Grid((ColumnHead(key="none", title="", width=0, sortable=False),), name=self._grid_name)

    @property
    def dashboard(self) -> Dashboard:
        """The application."""
        return self.app  # type: ignore[return-value]

    @property
    def running(self) -> bool:
        """Whether an answer is waited for."""
        return self._worker is not None and self._worker.is_running

    @property
    def said(self) -> str:
        """What is said above the rows."""
        return str(self.query_one(".result-said", Static).content)

    def ask(self, act: Callable[[Project], Told]) -> None:
        """Ask in the thread for it; what is asked already is interrupted."""
        self.stop()
        self._worker = self.run_worker(partial(self._ask, act), group="ask", exclusive=True)

    def forget(self, text: str) -> None:
        """Show a text and no rows."""
        self.subject = self.command = ""
        self._put(None, text)

    def stop(self) -> None:
        """Interrupt what is asked."""
        if self.running:
            self.dashboard.desk.asks.stop()

    def on_unmount(self) -> None:
        """Nobody waits for the answer any more."""
        self.stop()

    async def _ask(self, act: Callable[[Project], Told]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()

        def tick() -> None:
            self._say(f"running for {loop.time() - began:.0f} s – esc stops it")

        tick()
        ticking = self.set_interval(TICK_SECONDS, tick)
        try:
            found = await self.dashboard.desk.asks.do(act)
        except MtctlError as error:
            parts = [f"error[{error.code}]: {error.what}", error.where, error.fix]
            self._put(None, " – ".join(part for part in parts if part))
            return
        finally:
            ticking.stop()
        rows = f"the first {len(found.rows):,} rows" if found.cut else many(len(found.rows), "row")
        as_of = f"  as of {found.moment}" if found.moment else ""
        self._put(found, f"{rows} in {loop.time() - began:.2f} s{as_of}")

    def _say(self, text: str) -> None:
        screen = self.screen
        for static in self.query(".result-said").results(Static):
            static.update(screen.in_zone(text) if isinstance(screen, Detail) else text)

    def _put(self, told: Told | None, text: str) -> None:
        if not self.is_attached:
            return
        self._say(text)
        self.told, self._first = told, 0
        self._lay()

    def _lay(self) -> None:
        """Show the columns from the first one that is seen on."""
        grid = self.query_one(Grid)
        told = self.told
        heads = () if told is None else _heads(told)[self._first :]
        grid.pen = Pen(heads or (ColumnHead(key="none", title="", width=0, sortable=False),))
        rows = () if told is None else told.rows
        lines = tuple(
            Line(kind="row", key=str(at), cells=tuple(_cell(text) for text in row[self._first :]))
            for at, row in enumerate(rows)
        )
        grid.put(Page(total=len(lines), offset=0, lines=lines), fresh=True)

    def action_columns(self, step: int) -> None:
        """Move the columns by one."""
        if self.told is not None:
            self._first = max(0, min(len(self.told.columns) - 1, self._first + step))
            self._lay()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Show a row in full."""
        event.stop()
        if self.told is not None:
            row = self.told.rows[int(event.line.key)]
            self.app.push_screen(Record(self.told.columns, self.told.types, row))


class Record(ModalScreen[None]):
    """One row: each column with its whole value."""

    DEFAULT_CSS = """
    Record { align: center middle; }
    Record > VerticalScroll {
        width: 90%; height: 80%; border: round $primary; background: $surface; padding: 0 1;
    }
    Record Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "leave", "Close", id="record.close")]

    def __init__(self, columns: tuple[str, ...], types: tuple[str, ...], row: tuple[str | None, ...]) -> None:
        """Show a row."""
        super().__init__()
        self._triples = tuple(zip(columns, types, row, strict=True))

    def compose(self) -> ComposeResult:
        """Lay it out."""
        text = "\n".join(
            f"{printable(name)}  ({kind})\n    {_shown(value, lines=True)}" for name, kind, value in self._triples
        )
        with VerticalScroll(can_focus=True):
            yield Static(text, markup=False)

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)


def _heads(told: Told) -> tuple[ColumnHead, ...]:
    found = []
    for at, (name, kind) in enumerate(zip(told.columns, told.types, strict=True)):
        longest = max((len(_shown(row[at])) for row in told.rows), default=0)
        title = printable(name)
        # Those that do not fit beside the first are left out one after the other, the last first.
        found.append(
            ColumnHead(
                key=f"{at}",
                title=title,
                width=max(3, min(WIDEST, max(len(title), longest))),
                right=kind.removeprefix("U").startswith(_NUMBERS) or "INT" in kind.split("(")[0],
                sortable=False,
                rank=at,
            )
        )
    return tuple(found)


def _cell(text: str | None) -> Cell:
    return Cell(_shown(text), "muted" if text is None else "")


def _shown(text: str | None, *, lines: bool = False) -> str:
    if text is None:
        return "NULL"
    if lines:
        return "\n    ".join(printable(line) for line in text.split("\n"))
    return printable(text[: WIDEST * 2])
