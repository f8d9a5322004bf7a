"""Floor 4. A list of any length, of which only what is seen is ever read or drawn.

Lines come in windows: what the grid lacks it asks for by `Wanted`, and shows dots until it comes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mtctl.tui.drawn.drawing import GAP, Looks, Pen
from mtctl.tui.drawn.palette import Palette, colour_of, cursor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style
    from textual import events

    from mtctl.tui.drawn.lines import ColumnHead, Line, Page

_AHEAD = 10
_MOST = 200

SLIDE_SECONDS = 1.0
"""How long after another line came under the resting cursor a key may still be meant for the one before."""


class Grid(ScrollView, can_focus=True, inherit_bindings=False):
    """Columns under a header line, a cursor, marks; `j k g G`, paging, mouse."""

    DEFAULT_CSS = """
    Grid { background: $surface; color: $text; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("pageup,ctrl+u", "page(-1)", "A page up", show=False, id="list.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "A page down", show=False, id="list.page_down"),
        Binding("home,g", "edge(0)", "First line", show=False, id="list.first"),
        Binding("end,G", "edge(1)", "Last line", show=False, id="list.last"),
        Binding("enter", "open", "Open", id="list.open"),
        Binding("space", "mark", "Mark; verbs act on all marked lines", show=False, id="list.mark"),
        Binding("less_than_sign", "sort(-1)", "Sort by the column before", show=False, id="list.sort_left"),
        Binding("greater_than_sign", "sort(1)", "Sort by the next column", show=False, id="list.sort_right"),
        Binding("R", "reverse", "Turn the order round", show=False, id="list.reverse"),
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

    class Counted(Message):
        """Somebody wants to see the instances that a number of a line counts."""

        def __init__(self, line: Line, wanted: str) -> None:
            """Name the line and the filter of the column."""
            super().__init__()
            self.line, self.wanted = line, wanted

    def __init__(self, heads: Sequence[ColumnHead], *, name: str) -> None:
        """Show these columns; how, the application says."""
        super().__init__(name=name, id=f"grid-{name}")
        self.pen = Pen(heads)
        self.marked: dict[str, Line] = {}
        self.total = 0
        self._lines: dict[int, Line] = {}
        self._asked: tuple[int, int] | None = None
        self._ground: Style | None = None
        self._slid_at: float | None = None

    @property
    def heads(self) -> tuple[ColumnHead, ...]:
        """All columns, seen or not."""
        return self.pen.heads

    @property
    def read_lines(self) -> tuple[Line, ...]:
        """The lines that are here, in their order."""
        return tuple(self._lines[at] for at in sorted(self._lines))

    def hide(self, columns: frozenset[str]) -> None:
        """Show all columns but these."""
        self.pen.hidden = columns
        self.refresh()

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

    @property
    def has_slid(self) -> bool:
        """Whether the line under the cursor went away a moment ago, and its neighbour came in its place."""
        return self._slid_at is not None and asyncio.get_running_loop().time() - self._slid_at < SLIDE_SECONDS

    def put(self, page: Page, *, fresh: bool) -> None:
        """Take a window of lines; a `fresh` one replaces all, and the cursor stays on what it stood on."""
        stood = self.current.key if self.current is not None else None
        if fresh:
            self._lines.clear()
        self._asked = None
        self.total = page.total
        for at, line in enumerate(page.lines, start=page.offset):
            self._lines[at] = line
            self.pen.look_at(line)
            if line.key in self.marked:
                self.marked[line.key] = line
        self.virtual_size = Size(self.size.width, self.total + 1)
        slid_at = self._slid_at
        if fresh and stood is not None:
            found = next((at for at, line in self._lines.items() if line.key == stood), None)
            self.cursor = self.cursor if found is None else found
            slid_at = asyncio.get_running_loop().time() if found is None else slid_at
        self.cursor = max(0, min(self.cursor, self.total - 1))
        self._slid_at = slid_at  # the cursor was moved by nobody
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
        width, base, looks = self.size.width, self._base(), self._looks()
        if y == 0:
            return self.pen.header(width, self.order, descending=self.descending, base=base, looks=looks)
        at = int(self.scroll_offset.y) + y - 1
        if not 0 <= at < self.total:
            return Strip.blank(width, base)
        here = at == self.cursor
        line = self._lines.get(at)
        if line is None:
            self._ask(at)
            return self.pen.rest("  ..." if looks.plain else "  …", width, here=here, base=base, looks=looks)
        arrow = (">" if looks.plain else "❯") if here and self.has_focus else " "
        mark = ("*" if looks.plain else "◆") if line.key in self.marked else " "
        return self.pen.body(line, width, arrow + mark, here=here, base=base, looks=looks)

    def notify_style_update(self) -> None:
        """Draw on another ground."""
        super().notify_style_update()
        self._ground = None

    def _base(self) -> Style:
        """Return the style of plain text: it is asked of all ancestors, so not for every line."""
        if self._ground is None:
            self._ground = self.rich_style
        return self._ground

    def _looks(self) -> Looks:
        found: Looks = getattr(self.app, "looks", _BARE)
        return found

    def _show_line(self, at: int) -> None:
        """Draw one line anew."""
        row = at - int(self.scroll_offset.y) + 1
        if 0 < row < self.size.height:
            self.refresh(Region(0, row, self.size.width, 1))

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

    def watch_cursor(self, before: int, after: int) -> None:
        """Follow the cursor; what does not scroll is drawn in two lines."""
        self._slid_at = None
        self._show_line(before)
        self._show_line(after)
        self._show_cursor()
        self.post_message(self.Moved(self.current))

    def _show_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True, spacing=None)

    def action_move(self, step: int) -> None:
        """Move the cursor by lines."""
        self._slid_at = None
        self.cursor = max(0, min(self.total - 1, self.cursor + step))

    def action_page(self, step: int) -> None:
        """Move the cursor by what is seen."""
        self.action_move(step * max(1, self.size.height - 2))

    def action_edge(self, last: int) -> None:
        """Move to the first or the last line."""
        self._slid_at = None
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
            self._slid_at = None
            self.cursor = at
            if event.chain > 1:
                self.action_open()
            else:
                self._count_at(at, event.x)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marked.clear()
        self.refresh()
        self.post_message(self.Moved(self.current))

    def _sort_at(self, x: int) -> None:
        for column in self.pen.placed(self.size.width, dense=self._looks().dense):
            head = column.head
            if column.left <= x < column.left + column.width + GAP and head.sortable:
                self.descending = not self.descending if self.order == head.key else self.descending
                self.order = head.key
                self.post_message(self.Sorted())

    def _count_at(self, at: int, x: int) -> None:
        line = self._lines.get(at)
        for column in self.pen.placed(self.size.width, dense=self._looks().dense) if line is not None else ():
            clicked = column.left <= x < column.left + column.width
            if clicked and column.head.filter and line is not None and line.cells[column.at].text:
                self.post_message(self.Counted(line, column.head.filter))


_BARE = Looks(
    plain=False,
    dense=False,
    local=False,
    cursor=cursor_of(dark=True),
    colour=lambda tone: colour_of(tone, Palette.DEFAULT, dark=True),
)
