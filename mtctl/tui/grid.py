"""Floor 4. A list of any length, of which only what is seen is ever read or drawn.

Lines come in windows: what the grid lacks it asks for by `Wanted`, and shows dots until it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mtctl.tui.palette import Palette, colour_of, look_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from mtctl.tui.lines import Cell, ColumnHead, Line, Page

_NARROWEST = 16
_PLAIN = str.maketrans({"◌": ".", "▶": ">", "✔": "+", "✘": "X"})
_AHEAD = 10
_MOST = 200
_GAP = 2


class Grid(ScrollView, can_focus=True):
    """Columns under a header line, a cursor, marks; `j k g G`, paging, mouse."""

    DEFAULT_CSS = """
    Grid { background: $surface; color: $text; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Open"),
        Binding("space", "mark", "Mark", show=False),
        Binding("less_than_sign", "sort(-1)", "Sort by column before", show=False),
        Binding("greater_than_sign", "sort(1)", "Sort by next column", show=False),
        Binding("R", "reverse", "Reverse order", show=False),
    ]

    cursor: reactive[int] = reactive(0)
    order: reactive[str] = reactive("")
    descending: reactive[bool] = reactive(default=False)

    class Wanted(Message):
        """Lines from `offset` on are missing."""

        def __init__(self, grid: Grid, offset: int, limit: int) -> None:
            """Name the part."""
            super().__init__()
            self.grid, self.offset, self.limit = grid, offset, limit

        @property
        def control(self) -> Grid:
            """The grid that asks."""
            return self.grid

    class Opened(Message):
        """Somebody wants to see what is under the cursor."""

        def __init__(self, line: Line) -> None:
            """Name the line."""
            super().__init__()
            self.line = line

    class Moved(Message):
        """The cursor stands on another line, or on none."""

        def __init__(self, line: Line | None) -> None:
            """Name the line."""
            super().__init__()
            self.line = line

    class Sorted(Message):
        """The order has changed."""

    def __init__(self, heads: Sequence[ColumnHead], *, plain: bool, palette: Palette, name: str) -> None:
        """Show these columns; `plain` is for terminals without Unicode."""
        super().__init__(name=name, id=f"grid-{name}")
        self.heads = tuple(heads)
        self.marked: dict[str, Line] = {}
        self.total = 0
        self._plain = plain
        self._palette = palette
        self._lines: dict[int, Line] = {}
        self._asked: tuple[int, int] | None = None
        self._laid: tuple[int, list[tuple[int, ColumnHead, int]]] = (-1, [])
        self._styles: dict[tuple[str, str, bool], Style] = {}

    # --- lines --------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Line | None:
        """The line under the cursor, None while it is not there."""
        return self._lines.get(self.cursor)

    @property
    def chosen(self) -> tuple[Line, ...]:
        """The marked lines, else the one under the cursor."""
        if self.marked:
            return tuple(self.marked.values())
        return (self.current,) if self.current is not None else ()

    def put(self, page: Page, *, fresh: bool) -> None:
        """Take a window of lines; a `fresh` one replaces all, and the cursor stays on what it stood on."""
        stood = self.current.key if self.current is not None else None
        if fresh:
            self._lines.clear()
        self._asked = None
        self.total = page.total
        for at, line in enumerate(page.lines, start=page.offset):
            self._lines[at] = line
            if line.key in self.marked:
                self.marked[line.key] = line
        self.virtual_size = Size(self.size.width, self.total + 1)
        if fresh and stood is not None:
            self.cursor = next((at for at, line in self._lines.items() if line.key == stood), self.cursor)
        self.cursor = max(0, min(self.cursor, self.total - 1))
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self.current))

    def window(self) -> tuple[int, int]:
        """Return offset and number of the lines to read for what is seen now, with some ahead."""
        first = max(0, int(self.scroll_offset.y) - _AHEAD)
        return first, min(_MOST, self.size.height + 2 * _AHEAD)

    def find(self, what: str, step: int) -> int | None:
        """Return the next line read already whose first state is `what`, in the direction of `step`."""
        at = self.cursor + step
        while at in self._lines:
            if any(cell.state == what for cell in self._lines[at].cells):
                return at
            at += step
        return None

    # --- drawing ------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the header or one line."""
        width = self.size.width
        strip = self._header(width) if y == 0 else self._body(int(self.scroll_offset.y) + y - 1, width)
        return strip.crop_extend(0, width, self._base())

    def _header(self, width: int) -> Strip:
        style = self._base() + Style(bold=True)
        parts = []
        for _, head, size in self._columns(width):
            title = head.title
            if self._plain:
                title = title.translate(_PLAIN)
            if head.key == self.order:
                title += ("v" if self.descending else "^") if self._plain else ("▼" if self.descending else "▲")
            parts.append(self._fit(title, size, right=head.right) + " " * _GAP)
        return Strip([Segment("  " + "".join(parts), style)]).extend_cell_length(width, style)

    def _body(self, at: int, width: int) -> Strip:
        if not 0 <= at < self.total:
            return Strip.blank(width, self._base())
        here = at == self.cursor
        base = self._style("", here)
        line = self._lines.get(at)
        if line is None:
            self._ask(at)
            return Strip([Segment("  …" if not self._plain else "  ...", base)]).extend_cell_length(width, base)
        arrow = (">" if self._plain else "❯") if here and self.has_focus else " "
        mark = ("*" if self._plain else "◆") if line.key in self.marked else " "
        segments = [Segment(arrow + mark, base)]
        for at_column, head, size in self._columns(width):
            segments += [self._cell(line.cells[at_column], head, size, here), Segment(" " * _GAP, base)]
        return Strip(segments).extend_cell_length(width, base)

    def _cell(self, cell: Cell, head: ColumnHead, size: int, here: bool) -> Segment:  # noqa: FBT001 - drawn a thousand times
        text, tone = cell.text, cell.tone
        if cell.state:
            look = look_of(cell.state)
            glyph = look.ascii if self._plain else look.glyph
            text, tone = f"{glyph} {text}".rstrip(), tone or look.tone
        if self._plain:
            text = text.encode("ascii", "replace").decode()
        return Segment(self._fit(text, size, right=head.right), self._style(tone, here))

    def _style(self, tone: str, here: bool) -> Style:  # noqa: FBT001 - as above
        dark = self.app.current_theme.dark
        key = (tone, self.app.theme, here)
        if key not in self._styles:
            style = self._base()
            if tone:
                style += Style(color=colour_of(tone, self._palette, dark=dark))
            if here:
                style += Style(bgcolor="#2d3b4f" if dark else "#d5e3f5", bold=True)
            self._styles[key] = style
        return self._styles[key]

    def _base(self) -> Style:
        return self.rich_style

    def _columns(self, width: int) -> list[tuple[int, ColumnHead, int]]:
        """Return the columns that have room: their place in a line's cells, the head, the width."""
        if self._laid[0] != width:
            self._laid = width, _lay_out(self.heads, width)
        return self._laid[1]

    def _fit(self, text: str, size: int, *, right: bool) -> str:
        """Return the text in exactly so many cells."""
        wide = cell_len(text)
        if wide > size:
            return set_cell_size(text, size - 1) + ("~" if self._plain else "…")
        return " " * (size - wide) + text if right else text + " " * (size - wide)

    def _ask(self, at: int) -> None:
        first, limit = self.window()
        if not first <= at < first + limit:
            first = max(0, at - _AHEAD)
        if self._asked != (first, limit):
            self._asked = (first, limit)
            # Not made here: whoever draws would count as its sender, and a message never goes back to its sender.
            self.call_later(self._tell_wanted, first, limit)

    def _tell_wanted(self, first: int, limit: int) -> None:
        self.post_message(self.Wanted(self, first, limit))

    # --- moving -------------------------------------------------------------------------------------------------

    def watch_cursor(self) -> None:
        """Follow the cursor."""
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self.current))

    def _show_cursor(self) -> None:
        self.scroll_to_region(
            Region(0, self.cursor, 1, 2), animate=False, force=True, spacing=None
        )

    def action_move(self, step: int) -> None:
        """Move the cursor by lines."""
        self.cursor = max(0, min(self.total - 1, self.cursor + step))

    def action_page(self, step: int) -> None:
        """Move the cursor by what is seen."""
        self.action_move(step * max(1, self.size.height - 2))

    def action_edge(self, last: int) -> None:
        """Move to the first or the last line."""
        self.cursor = max(0, self.total - 1) if last else 0

    def action_open(self) -> None:
        """Open what is under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def on_resize(self) -> None:
        """Lay the columns out anew."""
        self.virtual_size = Size(self.size.width, self.total + 1)
        self._show_cursor()

    def action_mark(self) -> None:
        """Mark or unmark the line and go on to the next."""
        line = self.current
        if line is None:
            return
        if self.marked.pop(line.key, None) is None:
            self.marked[line.key] = line
        self.action_move(1)
        self.refresh()
        self.post_message(self.Moved(self.current))

    def action_sort(self, step: int) -> None:
        """Sort by the column beside the present one."""
        keys = [head.key for head in self.heads if head.sortable]
        if keys:
            at = keys.index(self.order) if self.order in keys else 0
            self.order = keys[(at + step) % len(keys)]
            self.post_message(self.Sorted())

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.descending = not self.descending
        self.post_message(self.Sorted())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is, sort by a header, open by a double click."""
        if event.y == 0:
            self._sort_at(event.x)
            return
        at = int(self.scroll_offset.y) + event.y - 1
        if at < self.total:
            self.cursor = at
            if event.chain > 1:
                self.action_open()

    def _sort_at(self, x: int) -> None:
        at = 2
        for _, head, size in self._columns(self.size.width):
            if at <= x < at + size + _GAP and head.sortable:
                self.descending = not self.descending if self.order == head.key else self.descending
                self.order = head.key
                self.post_message(self.Sorted())
            at += size + _GAP


def _lay_out(heads: Sequence[ColumnHead], width: int) -> list[tuple[int, ColumnHead, int]]:
    """Leave out the columns of the greatest rank until the rest has room; those of width 0 share what is left."""
    kept = list(enumerate(heads))
    while True:
        room = width - 2 - sum((head.width or _NARROWEST) + _GAP for _, head in kept)
        most = max((head.rank for _, head in kept), default=0)
        if room >= 0 or not most:
            break
        kept.pop(max(place for place, (_, head) in enumerate(kept) if head.rank == most))
    free = sum(1 for _, head in kept if not head.width)
    more = max(0, room) // free if free else 0
    return [(at, head, head.width or _NARROWEST + more) for at, head in kept]
