"""Floor 4. Tables by intervals, one sign an interval: the matrix of a range, of which only what is seen is read.

Columns that do not fit beside each other stand in blocks below each other as long as there is room, then they scroll.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mtctl.services.range_cells import MatrixCell, cells, whole_cell
from mtctl.services.ranges import MatrixPart
from mtctl.tui.drawn.cell_styles import blank, fill_of, looks_of, ruler, sign_of, style_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from mtctl.core.calendar import Calendar
    from mtctl.ports.ranges import RangeTable
    from mtctl.services.ranges import Matrix as Found

_HEADER = 2
_COUNTS = 12
_WIDE = 70
_AHEAD = 10
_FIRST = MatrixPart(top=0, rows=60, left=0, columns=400)


class Painted(NamedTuple):
    """One table of the read part: its calendar, and the cells from the part's first column on."""

    table: RangeTable
    calendar: Calendar | None
    cells: Sequence[MatrixCell | None]


class Shape(NamedTuple):
    """How the columns lie now: cells of a name and of a column, columns of a block, blocks, tables of a block."""

    name: int
    step: int
    wide: int
    blocks: int
    rows: int


class Matrix(Widget, can_focus=True):
    """The cells, and a cursor on one of them."""

    DEFAULT_CSS = """
    Matrix { height: 1fr; background: $surface; color: $text; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(0, -1)", "Interval before", show=False, id="matrix.left"),
        Binding("right,l", "move(0, 1)", "Next interval", show=False, id="matrix.right"),
        Binding("up,k", "move(-1, 0)", "Table above", show=False, id="matrix.up"),
        Binding("down,j", "move(1, 0)", "Table below", show=False, id="matrix.down"),
        Binding("pageup,ctrl+u", "page(-1)", "A page back", show=False, id="matrix.page_back"),
        Binding("pagedown,ctrl+d", "page(1)", "A page on", show=False, id="matrix.page_on"),
        Binding("home,g", "edge(0)", "First interval", show=False, id="matrix.first"),
        Binding("end,G", "edge(1)", "Last interval", show=False, id="matrix.last"),
        Binding("enter", "open", "Open the task", id="matrix.open"),
        Binding("n", "failed(1)", "Next failed", show=False, id="matrix.next_failed"),
        Binding("N", "failed(-1)", "Failed before", show=False, id="matrix.failed_before"),
    ]

    class Wanted(Message):
        """Cells that are seen are missing."""

    class Moved(Message):
        """The cursor stands on another cell, or there is something else in it."""

    class Opened(Message):
        """Somebody wants to see the task of a cell from near."""

        def __init__(self, cell: MatrixCell) -> None:
            """Name the cell."""
            super().__init__()
            self.cell = cell

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__(id="matrix")
        self.found: Found | None = None
        self.row = 0
        self.column = 0
        self._top = 0
        self._left = 0
        self._painted: tuple[Painted, ...] = ()
        self._asked: MatrixPart | None = None
        self._shaped: tuple[object, Shape] | None = None
        self._drawn_for: object = None
        self._kept: dict[tuple[int, bool, int | None], Strip] = {}

    # --- what is read ---------------------------------------------------------------------------------------------

    def part(self) -> MatrixPart:
        """Return what to read for what is seen now, with some ahead."""
        if self.found is None or not self.size.width:
            return _FIRST
        shape = self._shape()
        left = max(0, self._left - shape.wide)
        top = max(0, self._top - _AHEAD)
        return MatrixPart(top=top, rows=shape.rows + 2 * _AHEAD, left=left, columns=shape.wide * (shape.blocks + 2))

    def put(self, found: Found, painted: tuple[Painted, ...]) -> None:
        """Take what was read; the first time the cursor goes to the first failure."""
        is_first = self.found is None
        self.found, self._painted, self._asked = found, painted, None
        self.row, self.column = min(self.row, self._tables - 1), min(self.column, self._columns - 1)
        if is_first and found.failed:
            self._go_to_failed(0)
        self._follow()

    @property
    def _columns(self) -> int:
        return len(self.found.axis) if self.found is not None and self.found.axis is not None else 1

    @property
    def _tables(self) -> int:
        return max(1, self.found.row.tables) if self.found is not None else 1

    # --- the cursor -----------------------------------------------------------------------------------------------

    @property
    def table(self) -> Painted | None:
        """The table under the cursor, None while it is not read."""
        return self._at(self.row)

    @property
    def cell(self) -> MatrixCell | None:
        """The cell under the cursor, None where no task is, or while it is not read."""
        return self._cell(self.row, self.column)

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor; below the last table of a block comes the next block."""
        shape = self._shape()
        row, column = self.row + down, self.column + right
        if down and shape.blocks > 1 and not 0 <= row < self._tables:
            beyond = column + down * shape.wide
            if 0 <= beyond < self._columns:
                row, column = (0 if down > 0 else self._tables - 1), beyond
        self._go(row, column)

    def action_page(self, step: int) -> None:
        """Move by what is seen."""
        shape = self._shape()
        self._go(self.row, self.column + step * shape.wide * shape.blocks)

    def action_edge(self, last: int) -> None:
        """Move to the first or the last interval."""
        self._go(self.row, self._columns - 1 if last else 0)

    def action_failed(self, step: int) -> None:
        """Go to another of the failed batches that are known."""
        if self.found is None or not self.found.failed:
            return
        places = [place for place in map(self._place, range(len(self.found.failed))) if place is not None]
        here = (self.column, self.row)
        beyond = [place for place in places if (place > here if step > 0 else place < here)]
        if beyond:
            column, row = min(beyond) if step > 0 else max(beyond)
            self._go(row, column)

    def action_open(self) -> None:
        """Open the task of the cell."""
        if self.cell is not None:
            self.post_message(self.Opened(self.cell))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a double click opens."""
        shape = self._shape()
        block, line = divmod(event.y, _HEADER + shape.rows + 1)
        x = (event.x - self._names(shape)) // shape.step
        if line < _HEADER or line >= _HEADER + shape.rows or not 0 <= x < shape.wide:
            return
        self._go(self._top + line - _HEADER, self._left + block * shape.wide + x)
        if event.chain > 1:
            self.action_open()

    def on_mouse_scroll_down(self) -> None:
        """Go on."""
        self._go(self.row, self.column + max(1, self._shape().wide // 4))

    def on_mouse_scroll_up(self) -> None:
        """Go back."""
        self._go(self.row, self.column - max(1, self._shape().wide // 4))

    def on_resize(self) -> None:
        """Lay it out anew."""
        self._follow()

    def _go(self, row: int, column: int) -> None:
        self.row = max(0, min(self._tables - 1, row))
        self.column = max(0, min(self._columns - 1, column))
        self._follow()

    def _go_to_failed(self, number: int) -> None:
        place = self._place(number)
        if place is not None:
            self.column, self.row = place

    def _place(self, number: int) -> tuple[int, int] | None:
        """Return column and row of a failed batch; a table that is not read leaves the row as it is."""
        if self.found is None:
            return None
        task = self.found.failed[number]
        rows = {one.table.outline.table_id: self.found.part.top + at for at, one in enumerate(self._painted)}
        column = 0
        if self.found.axis is not None and task.batch is not None:
            column = self.found.axis.columns(task.batch).start
        return column, rows.get(task.table_id, self.row)

    def _follow(self) -> None:
        """Scroll to the cursor and ask for what is missing there."""
        if not self.size.width:
            return
        shape = self._shape()
        shown = shape.wide * shape.blocks
        if shape.blocks > 1:
            block, most = self.column // shape.wide, -(-self._columns // shape.wide) - shape.blocks
            first = max(min(self._left // shape.wide, block), block - shape.blocks + 1)
            self._left = shape.wide * max(0, min(first, most))
        else:
            self._left = max(min(self._left, self.column), self.column - shown + 1)
            self._left = max(0, min(self._left, self._columns - shown))
        self._top = max(min(self._top, self.row), self.row - shape.rows + 1, 0)
        self._ask(shown, shape)
        self.refresh()
        self.post_message(self.Moved())

    def _ask(self, shown: int, shape: Shape) -> None:
        if self.found is None:
            return
        have, last = self.found.part, min(self._columns, self._left + shown)
        enough = have.left <= self._left and last <= have.left + have.columns
        enough = enough and have.top <= self._top and min(self._tables, self._top + shape.rows) <= have.top + have.rows
        wanted = self.part()
        if not enough and wanted != self._asked:
            self._asked = wanted
            self.post_message(self.Wanted())

    def _at(self, row: int) -> Painted | None:
        if self.found is None or not 0 <= row - self.found.part.top < len(self._painted):
            return None
        return self._painted[row - self.found.part.top]

    def _cell(self, row: int, column: int) -> MatrixCell | None:
        line = self._at(row)
        if line is None or self.found is None or not 0 <= column - self.found.part.left < len(line.cells):
            return None
        return line.cells[column - self.found.part.left]

    # --- drawing --------------------------------------------------------------------------------------------------

    def _shape(self) -> Shape:
        key = (self.size, self._columns, self._tables, self._painted)
        if self._shaped is None or self._shaped[0] != key:
            self._shaped = key, self._new_shape()
        return self._shaped[1]

    def _new_shape(self) -> Shape:
        width, height = max(20, self.size.width), max(4, self.size.height)
        longest = max((cell_len(one.table.outline.name) for one in self._painted), default=8)
        name = min(longest, width // 4) + 2
        room = width - name - (_COUNTS if width >= _WIDE else 0)
        step = next((size for size in (3, 2) if self._columns * size <= room), 1)
        rows = max(1, min(self._tables, height - _HEADER))
        wide = max(1, room // step)
        blocks = max(1, min(height // (_HEADER + rows + 1), -(-self._columns // wide)))
        return Shape(name=name, step=step, wide=wide, blocks=blocks, rows=rows)

    def _names(self, shape: Shape) -> int:
        return shape.name + (_COUNTS if self.size.width >= _WIDE else 0)

    def render_line(self, y: int) -> Strip:
        """Draw a line of a block: groups, numbers, or one table. Lines without the cursor are kept between moves."""
        base, looks, shape = self.rich_style, looks_of(self), self._shape()
        context = (base, looks, shape, self.size, self._painted, self._left, self._top)
        if self._drawn_for != context:
            self._drawn_for = context
            self._kept.clear()
        block, line = divmod(y, _HEADER + shape.rows + 1)
        first = self._left + block * shape.wide
        row = self._top + line - _HEADER
        is_here = row == self.row and line >= _HEADER
        column = self.column if is_here and first <= self.column < first + shape.wide else None
        key = (y, is_here and self.has_focus, column)
        if key not in self._kept:
            self._kept[key] = self._line(block, line, column).adjust_cell_length(self.size.width, base)
        return self._kept[key]

    def _line(self, block: int, line: int, here: int | None) -> Strip:
        """Draw a line of a block; the cell of the column `here` is turned round."""
        base, shape = self.rich_style, self._shape()
        first = self._left + block * shape.wide
        last = min(self._columns, first + shape.wide)
        if self.found is None or block >= shape.blocks or first >= last or line >= _HEADER + shape.rows:
            return Strip([])
        if line >= _HEADER:
            return self._body(self._top + line - _HEADER, range(first, last), here)
        text = ruler(self.found.axis, first, last, shape.step)[line] if self.found.axis is not None else ""
        return Strip([blank(self._names(shape), base), Segment(text, base + style_of("muted", looks_of(self)))])

    def _body(self, row: int, columns: range, here: int | None) -> Strip:
        base, looks, shape = self.rich_style, looks_of(self), self._shape()
        line = self._at(row)
        if line is None:
            return Strip([Segment("..." if looks.plain else "…", base)])
        ground = base + Style(bold=row == self.row and self.has_focus)
        segments = [Segment(_cut(line.table.outline.name, shape.name - 2, plain=looks.plain) + "  ", ground)]
        if self._names(shape) > shape.name:
            counts = line.table.counts
            text = f"{counts.done + counts.skipped:,}/{counts.total:,}"
            segments.append(Segment(f"{text:>{_COUNTS - 2}}  ", base + style_of("muted", looks)))
        gap = " " * (shape.step - 1)
        signs = []
        for column in columns:
            cell = self._cell(row, column)
            tone, sign = ("", " ") if cell is None else _drawn(cell, plain=looks.plain, first=column == columns.start)
            signs.append((tone, column == here, sign + gap))
        for (tone, turned), group in groupby(signs, key=itemgetter(0, 1)):
            style = base + style_of(tone, looks)
            text = "".join(sign for _, _, sign in group)
            if turned:
                segments += [Segment(text[0], style + Style(reverse=True)), Segment(text[1:], base)]
            else:
                segments.append(Segment(text, style))
        return Strip(segments)


def painted(found: Found, calendars: Sequence[Calendar | None]) -> tuple[Painted, ...]:
    """Return the tables of the read part with their cells; it is some work and belongs into the reading thread."""
    part, axis = found.part, found.axis
    lines = []
    for table, calendar in zip(found.tables, calendars, strict=True):
        own = [task for task in found.tasks if task.table_id == table.outline.table_id]
        if axis is None:
            there: Sequence[MatrixCell | None] = [whole_cell(own)]
        else:
            last = min(part.left + part.columns, len(axis))
            there = cells(own, calendar, axis, min(part.left, last), last)
        lines.append(Painted(table=table, calendar=calendar, cells=there))
    return tuple(lines)


def _drawn(cell: MatrixCell, *, plain: bool, first: bool) -> tuple[str, str]:
    """Return tone and sign of a cell; the columns of an interval after the first one that is seen are a line."""
    tone, sign = sign_of(cell.task.state.value, plain=plain)
    return tone, sign if cell.begins or first else fill_of(plain=plain)


def _cut(text: str, size: int, *, plain: bool) -> str:
    if cell_len(text) <= size:
        return set_cell_size(text, size)
    return set_cell_size(text, size - 1) + ("~" if plain else "…")
