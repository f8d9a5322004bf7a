"""Floor 4. The calendar of a table: one sign an interval, a line a month (a day where intervals are hours).

`CalendarStrip` is the widget with a cursor; only the lines that are seen are drawn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mtctl.tui.drawn.cell_styles import blank, looks_of, sign_of, style_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from mtctl.services.board import CalendarCell
    from mtctl.tui.near.details import Detail

STATES = ("fresh", "stale", "missing", "running", "failed")
"""How an interval of a table can be."""

_LABEL = 15
_DAY = 86_400_000_000
_EMPTY = "nothing is wanted of this table yet"


class _Row(NamedTuple):
    """One line: its label, the number of the first cell, and the column of each of its cells."""

    label: str
    first: int
    places: tuple[int, ...]


class CalendarStrip(Widget, can_focus=True):
    """All intervals of a table, a cursor, and with `pick` two ends that `space` sets."""

    DEFAULT_CSS = """
    CalendarStrip { height: 1fr; min-height: 4; background: $surface; color: $text; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Interval before", show=False, id="calendar.left"),
        Binding("right,l", "move(1)", "Next interval", show=False, id="calendar.right"),
        Binding("up,k", "line(-1)", "Line above", show=False, id="calendar.up"),
        Binding("down,j", "line(1)", "Line below", show=False, id="calendar.down"),
        Binding("pageup,ctrl+u", "page(-1)", "A page up", show=False, id="calendar.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "A page down", show=False, id="calendar.page_down"),
        Binding("home,g", "edge(0)", "First interval", show=False, id="calendar.first"),
        Binding("end,G", "edge(1)", "Last interval", show=False, id="calendar.last"),
        Binding("space", "pick", "Set an end", id="calendar.pick"),
    ]

    class Moved(Message):
        """The cursor stands on another interval, or that is otherwise now."""

        def __init__(self, strip: CalendarStrip, cell: CalendarCell | None) -> None:
            """Name the interval."""
            super().__init__()
            self.strip, self.cell = strip, cell

    class Picked(Message):
        """An end was set: `start` and `end` are the first and the last interval, `end` None until both are set."""

        def __init__(self, strip: CalendarStrip, start: CalendarCell | None, end: CalendarCell | None) -> None:
            """Name the ends."""
            super().__init__()
            self.strip, self.start, self.end = strip, start, end

    def __init__(self, *, pick: bool = False, id: str | None = None) -> None:  # noqa: A002 - as all widgets
        """Show nothing yet; `pick` lets two ends be chosen."""
        super().__init__(id=id)
        self.cells: tuple[CalendarCell, ...] = ()
        self.cursor = 0
        self.chosen: tuple[int, int] | None = None
        self._counts: Counter[str] = Counter()
        self._pick = pick
        self._half = False
        self._top = 0
        self._laid: tuple[int, int, list[_Row]] = (-1, -1, [])
        self._is_new = True

    def put(self, cells: Sequence[CalendarCell]) -> None:
        """Show these intervals; the cursor and the ends stay on theirs. At first it stands on the last one."""
        starts = [cell.start for cell in cells]
        stood = self.current
        ends = [self.cells[at] for at in self.chosen] if self.chosen is not None and self.cells else []
        self.cells = tuple(cells)
        self._counts = Counter(cell.state for cell in cells)
        self._laid = (-1, -1, [])
        if stood is not None:
            self.cursor = max(0, bisect_right(starts, stood.start) - 1)
        elif self._is_new and cells:
            self.cursor, self._is_new = len(cells) - 1, False
        if ends and cells:
            first, last = (max(0, bisect_right(starts, end.start) - 1) for end in ends)
            self.chosen = (first, last)
        self._show()

    @property
    def current(self) -> CalendarCell | None:
        """The interval under the cursor."""
        return self.cells[self.cursor] if self.cursor < len(self.cells) else None

    def choose(self, start: int, end: int) -> None:
        """Show the intervals within `[start, end)` as chosen; none when there are none."""
        starts = [cell.start for cell in self.cells]
        inside = [at for at in range(bisect_right(starts, start - 1), len(starts)) if self.cells[at].end <= end]
        self.chosen, self._half = ((inside[0], inside[-1]) if inside else None), False
        self.refresh()

    def clear(self) -> None:
        """Take the choice away."""
        self.chosen, self._half = None, False
        self.refresh()

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the choice of ends where there is one."""
        _ = parameters
        return self._pick if action == "pick" else True

    def action_move(self, step: int) -> None:
        """Move by intervals."""
        self._go(self.cursor + step)

    def action_line(self, step: int) -> None:
        """Move to the interval above or below."""
        rows = self._rows()
        if not rows:
            return
        at = self._row_of(self.cursor)
        to = max(0, min(len(rows) - 1, at + step))
        place = rows[at].places[self.cursor - rows[at].first]
        nearest = min(range(len(rows[to].places)), key=lambda one: abs(rows[to].places[one] - place))
        self._go(rows[to].first + nearest)

    def action_page(self, step: int) -> None:
        """Move by what is seen."""
        self.action_line(step * max(1, self._room() - 1))

    def action_edge(self, last: int) -> None:
        """Move to the first or the last interval."""
        self._go(len(self.cells) - 1 if last else 0)

    def action_pick(self) -> None:
        """Set an end: the first time one, then the other; the next time it begins anew."""
        if not self.cells:
            return
        if self.chosen is not None and self._half:
            low, high = sorted((self.chosen[0], self.cursor))
            self.chosen, self._half = (low, high), False
        else:
            self.chosen, self._half = (self.cursor, self.cursor), True
        first, last = self.chosen
        self.post_message(self.Picked(self, self.cells[first], None if self._half else self.cells[last]))
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a double click sets an end."""
        rows, at = self._rows(), self._top + event.y - 1
        if event.y == 0 or at >= len(rows):
            return
        place = (event.x - _LABEL) // self._step()
        if place in rows[at].places:
            self._go(rows[at].first + rows[at].places.index(place))
            if self._pick and event.chain > 1:
                self.action_pick()

    def on_mouse_scroll_down(self) -> None:
        """Go down."""
        self.action_line(1)

    def on_mouse_scroll_up(self) -> None:
        """Go up."""
        self.action_line(-1)

    def on_resize(self) -> None:
        """Lay it out anew."""
        self._show()

    def _go(self, at: int) -> None:
        self.cursor = max(0, min(len(self.cells) - 1, at))
        self._show()

    def _show(self) -> None:
        row = self._row_of(self.cursor) if self.cells else 0
        self._top = max(0, min(max(min(self._top, row), row - self._room() + 1), len(self._rows()) - self._room()))
        self.refresh()
        self.post_message(self.Moved(self, self.current))

    # --- drawing --------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the ruler, a line of intervals, or the legend."""
        base, width = self.rich_style, self.size.width
        if not self.cells:
            return Strip([Segment(_EMPTY if y == 0 else "", base)]).adjust_cell_length(width, base)
        rows = self._rows()
        if y == 0:
            style = base + style_of("muted", looks_of(self))
            return Strip([blank(_LABEL, base), Segment(self._ruler(), style)]).adjust_cell_length(width, base)
        at = self._top + y - 1
        if y == self.size.height - 1:
            return self._legend().adjust_cell_length(width, base)
        if at >= len(rows) or y > self._room():
            return Strip.blank(width, base)
        return self._line(rows[at]).adjust_cell_length(width, base)

    def _line(self, row: _Row) -> Strip:
        base, looks, step = self.rich_style, looks_of(self), self._step()
        segments = [Segment(f"{row.label:<{_LABEL}}", base)]
        at = 0
        for number, place in enumerate(row.places, start=row.first):
            if place > at:
                segments.append(Segment(" " * ((place - at) * step), base))
            tone, sign = sign_of(self.cells[number].state, plain=looks.plain)
            style = base + style_of(tone, looks)
            picked = self.chosen is not None and self.chosen[0] <= number <= self.chosen[1]
            if picked:
                style += Style(underline=True, bold=True)
                style += Style(bgcolor=looks.cursor) if looks.cursor else Style(reverse=True)
            here = number == self.cursor
            segments.append(Segment(sign, style + Style(reverse=not style.reverse) if here else style))
            if step > 1:
                gap = style if picked and self.chosen is not None and number < self.chosen[1] else base
                segments.append(Segment(" " * (step - 1), gap))
            at = place + 1
        return Strip(segments)

    def _legend(self) -> Strip:
        base, looks = self.rich_style, looks_of(self)
        segments = []
        for state in STATES:
            number = self._counts[state]
            if number:
                tone, sign = sign_of(state, plain=looks.plain)
                segments.append(Segment(f"{sign} {state} {number:,}   ", base + style_of(tone, looks)))
        return Strip(segments)

    def _ruler(self) -> str:
        """Return the numbers above the columns that have room for them."""
        first, last, every = _numbers(self.cells[0])
        step, text = self._step(), ""
        for place in range(last - first + 1 if last else 0):
            number = first + place
            if place * step >= len(text) and (step > 2 or number == first or number % every == 0):
                text = text.ljust(place * step) + str(number) + ("" if step > 2 else " ")
        return text[: max(0, self.size.width - _LABEL)]

    def _room(self) -> int:
        """Return how many lines of intervals are seen, between ruler and legend."""
        return max(1, self.size.height - 2)

    def _step(self) -> int:
        """Return the cells of an interval: three where the longest line has room for that."""
        if not self.cells:
            return 1
        first, last, _ = _numbers(self.cells[0])
        longest = last - first + 1 if last else max(1, min(53, len(self.cells)))
        room = max(1, self.size.width - _LABEL)
        return next((step for step in (3, 2) if longest * step <= room), 1)

    def _row_of(self, number: int) -> int:
        return bisect_right(self._rows(), number, key=lambda row: row.first) - 1

    def _rows(self) -> list[_Row]:
        """Return the lines for the present width; what does not fit into one goes on in the next."""
        room = max(1, (self.size.width - _LABEL) // self._step())
        if self._laid[:2] != (room, len(self.cells)):
            self._laid = room, len(self.cells), _lay_out(self.cells, room)
        return self._laid[2]


def told(cell: CalendarCell | None, screen: Detail) -> Text:
    """Return an interval in words: its name, how it is and why; empty for none."""
    if cell is None:
        return Text("")
    text = Text(f"{cell.label}  ").append_text(screen.state(cell.state))
    return text.append(f"  {cell.why}") if cell.why else text


def _is_long(cell: CalendarCell) -> bool:
    """Whether an interval named by a day is a week: a day has at most 25 hours."""
    return cell.end - cell.start > 2 * _DAY


def _line_of(cell: CalendarCell) -> str:
    """Return what the intervals of one line share: the month of a day, the day of an hour, the year of the rest."""
    label = cell.label
    if len(label) >= 16 and label[13] == ":" and cell.end - cell.start < _DAY // 24:
        return label[:13]
    if "T" in label:
        return label[:10]
    if len(label) == 10 and not _is_long(cell):
        return label[:7]
    return label[:4] if len(label) > 4 else ""


def _numbers(cell: CalendarCell) -> tuple[int, int, int]:
    """Return the first and last number of a line's columns and which of them a ruler names; last 0: no ruler."""
    label = cell.label
    if len(label) >= 16 and label[13] == ":" and cell.end - cell.start < _DAY // 24:
        return 0, 59, 5
    if "T" in label:
        return 0, 23, 6
    if "Q" in label:
        return 1, 4, 1
    if len(label) == 7:
        return 1, 12, 3
    return (1, 31, 5) if len(label) == 10 and not _is_long(cell) else (1, 0, 1)


def _place_of(cell: CalendarCell) -> int | None:
    """Return the column of an interval in its line, None where that is just the next."""
    label = cell.label
    first, last, _ = _numbers(cell)
    if not last:
        return None
    if "Q" in label:
        return int(label[-1]) - 1
    if "T" in label:
        return int(label[14:16]) if last == 59 else int(label[11:13])
    return int(label[5:7]) - first if len(label) == 7 else int(label[8:10]) - first


def _lay_out(cells: Sequence[CalendarCell], room: int) -> list[_Row]:
    rows: list[_Row] = []
    at = 0
    for label, group in groupby(cells, key=_line_of):
        first, folded, after = at, 0, -1
        places: list[int] = []
        for cell in group:
            place = _place_of(cell)
            after = max(after + 1, place) if place is not None else after + 1
            if after - folded >= room and places:
                rows.append(_Row(label if not folded else "", first, tuple(places)))
                first, places, folded = at, [], after
            places.append(after - folded)
            at += 1
        rows.append(_Row(label if not folded else "", first, tuple(places)))
    return rows
