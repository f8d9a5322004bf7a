"""Floor 4. What is seen, in a file: CSV, JSON, Markdown, or a picture as SVG. No file is ever overwritten.

Times are in UTC whatever the screen shows: a file is read elsewhere.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mtctl.core.errors import MtctlError, conflict, usage
from mtctl.tui.drawn.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from mtctl.tui.app import Dashboard
    from mtctl.tui.drawn.lines import Cell, ColumnHead, Line

MOST = 10_000
"""How many lines of a list are exported at most."""

KINDS = (".csv", ".json", ".md", ".svg")
"""What the ending of a file may be."""


def export_text(kind: str, heads: Sequence[ColumnHead], lines: Sequence[Line]) -> str:
    """Return lines as CSV with the columns' keys, as a JSON array of objects, or as a table of Markdown."""
    rows = [[_told(cell) for cell in line.cells] for line in lines]
    if kind == ".json":
        objects = [dict(zip((head.key for head in heads), row, strict=True)) for row in rows]
        return json.dumps(objects, indent=1, ensure_ascii=False) + "\n"
    if kind == ".csv":
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([[head.key for head in heads], *rows])
        return file.getvalue()
    titles = [head.title or head.key for head in heads]
    marks = ["--:" if head.right else "---" for head in heads]
    table = [titles, marks, *([_in_cell(text) for text in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in table)


def export_kind(name: str) -> str:
    """Return the ending that says what is written; usage error `export_kind` where it is none of `KINDS`."""
    kind = Path(name).suffix.lower()
    if kind not in KINDS:
        raise usage("export_kind", f"{name!r} does not say what it is to be", fix=f"end it with {', '.join(KINDS)}")
    return kind


def export(dashboard: Dashboard) -> None:
    """Ask for a file and write what is seen now."""
    grid, picture = dashboard.near_grid, dashboard.export_screenshot()

    async def text_of(kind: str) -> str:
        return await view_text(dashboard, grid, kind, picture)

    def written(path: Path | None) -> None:
        if path is not None:
            dashboard.notify(str(path), title="exported", markup=False)

    dashboard.push_screen(ExportScreen(f"{grid.name}.csv", text_of), written)


async def view_text(dashboard: Dashboard, grid: Grid, kind: str, picture: str) -> str:
    """Return what to write of a list: all lines that pass its filter, at most `MOST`; or the picture."""
    if kind == ".svg":
        return picture
    lines = grid.read_lines
    if dashboard.listings.get(str(grid.name)) is not None and grid in dashboard.screen_stack[0].query(Grid):
        lines = await dashboard.follower.whole(grid, MOST)
    return export_text(kind, grid.heads, lines)


def write_new(name: str, text: str) -> Path:
    """Write a file that is not there yet and return where; errors `export_exists` and `export_failed` (CONFLICT)."""
    path = Path(name).expanduser().absolute()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fix = "choose another name, or take it away first"
        raise conflict("export_exists", "the file is there already", where=str(path), fix=fix) from None
    except (OSError, RuntimeError) as error:
        what = f"cannot be written: {getattr(error, 'strerror', None) or error}"
        raise conflict("export_failed", what, where=str(path), fix="choose another folder") from None
    return path


class ExportScreen(ModalScreen[Path | None]):
    """Asks for the file and writes it; what goes wrong is said and the name can be changed."""

    DEFAULT_CSS = """
    ExportScreen { align: center middle; }
    ExportScreen > Vertical {
        width: 76; max-width: 95%; height: auto; border: round $primary; background: $surface; padding: 1 2;
    }
    ExportScreen Static { height: auto; margin-bottom: 1; }
    ExportScreen Input { background: $boost; margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", id="export.leave")]

    def __init__(self, name: str, text_of: Callable[[str], Awaitable[str]]) -> None:
        """Propose a file name; `text_of` gives what to write for an ending."""
        super().__init__()
        self._proposed, self._text_of = name, text_of

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical():
            yield Static(f"export to a new file; its ending says as what: {' '.join(KINDS)}", markup=False)
            yield Input(self._proposed, id="export-name", select_on_focus=False, compact=True)
            yield Static("", id="export-said", markup=False)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write it."""
        event.stop()
        name = event.value.strip()
        try:
            text = await self._text_of(export_kind(name))
            if self.app.is_web:  # whoever looks from elsewhere writes no file here: the browser keeps it
                path = Path(Path(name).name)
                self.app.deliver_text(io.StringIO(text), save_filename=path.name)
            else:
                path = await asyncio.to_thread(write_new, name, text)
        except MtctlError as error:
            self.query_one("#export-said", Static).update(f"! {error}")
            return
        self.dismiss(path)

    def action_leave(self) -> None:
        """Write nothing."""
        self.dismiss(None)


def _told(cell: Cell) -> str:
    if cell.parts:
        return "".join(text for text, _ in cell.parts).strip()
    return cell.text or cell.state


def _in_cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
