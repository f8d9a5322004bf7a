"""Floor 4. How the lines of a list are drawn: which columns have room, in which styles, cut to which width.

Nothing here knows the terminal or the store: values in, strips out. It runs for every line of every redraw, so widths
and styles are kept until something changes that they depend on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mtctl.tui.drawn.ascii import ascii_of
from mtctl.tui.drawn.palette import look_of
from mtctl.tui.drawn.zones import localised

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mtctl.tui.drawn.lines import Cell, ColumnHead, Line

NARROWEST = 16
"""The least width of a column that takes what is left, in cells."""

GAP = 2
"""Cells between columns, and before the first one: cursor and mark."""

_DENSE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How everything is drawn now: ASCII only, glyphs without words, in local time, the ground of the cursor's line.

    `cursor` is a background as `#rrggbb`, empty where there are only 16 colours: the line is turned round then.
    `colour` gives the colour of a tone.
    """

    plain: bool
    dense: bool
    local: bool
    cursor: str
    colour: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A column that has room: its place in a line's cells, its head, where it begins, how many cells it has."""

    at: int
    head: ColumnHead
    left: int
    width: int


class Pen:
    """Draws the header and the lines of one list."""

    def __init__(self, heads: Sequence[ColumnHead]) -> None:
        """Draw these columns."""
        self.heads = tuple(heads)
        self.hidden: frozenset[str] = frozenset()
        self._stateful: set[int] = set()
        self._laid: tuple[object, list[Placed]] = (None, [])
        self._styles: dict[tuple[str, bool], Style] = {}
        self._dressed: tuple[object, ...] = ()

    def look_at(self, line: Line) -> None:
        """Learn which columns hold states: they get narrow where words are dropped."""
        for at, cell in enumerate(line.cells):
            if cell.state and at not in self._stateful:
                self._stateful.add(at)
                self._laid = (None, [])

    def placed(self, width: int, *, dense: bool) -> list[Placed]:
        """Return the columns that have room in so many cells."""
        key = (width, dense, self.hidden)
        if self._laid[0] != key:
            narrow = self._stateful if dense else ()
            self._laid = key, lay_out(self.heads, width, hidden=self.hidden, narrow=narrow)
        return self._laid[1]

    def header(self, width: int, order: str, *, descending: bool, base: Style, looks: Looks) -> Strip:
        """Draw the line of titles."""
        style = base + Style(bold=True)
        segments = [Segment(" " * GAP, style)]
        for column in self.placed(width, dense=looks.dense):
            head = column.head
            title = ascii_of(head.title) if looks.plain else head.title
            if head.key == order:
                title += ("v" if descending else "^") if looks.plain else ("▼" if descending else "▲")
            fitted = _fitted(title, column.width, right=head.right, plain=looks.plain)
            text = fitted.lstrip(" ")  # a picture of the screen drops spaces that a text begins with
            segments += [
                Segment(" " * (len(fitted) - len(text)), style),
                Segment(text, style),
                Segment(" " * GAP, style),
            ]
        return Strip(segments).adjust_cell_length(width, style)

    def body(self, line: Line, width: int, signs: str, *, here: bool, base: Style, looks: Looks) -> Strip:
        """Draw one line; `signs` are the two cells before it: cursor and mark."""
        plain = self._style("", base, looks, here=here)
        segments = [Segment(signs, plain)]
        gap = Segment(" " * GAP, plain)
        for column in self.placed(width, dense=looks.dense):
            segments += self._cell(line.cells[column.at], column, base, looks, here)
            segments.append(gap)
        return Strip(segments).adjust_cell_length(width, plain)

    def rest(self, text: str, width: int, *, here: bool, base: Style, looks: Looks) -> Strip:
        """Draw a line that has not been read yet."""
        style = self._style("", base, looks, here=here)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _cell(self, cell: Cell, column: Placed, base: Style, looks: Looks, here: bool) -> list[Segment]:  # noqa: FBT001 - drawn a thousand times
        if cell.parts:
            return self._parts(cell, column, base, looks, here)
        text, tone = cell.text, cell.tone
        if looks.local and text:
            text = localised(text)
        if cell.state:
            look = look_of(cell.state)
            glyph = look.ascii if looks.plain else look.glyph
            text = glyph if looks.dense else f"{glyph} {text}".rstrip()
            tone = tone or look.tone
        if looks.plain and not text.isascii():
            text = ascii_of(text)
        fitted = _fitted(text, column.width, right=column.head.right, plain=looks.plain)
        return [Segment(fitted, self._style(tone, base, looks, here=here))]

    def _parts(self, cell: Cell, column: Placed, base: Style, looks: Looks, here: bool) -> list[Segment]:  # noqa: FBT001 - as above
        segments, left = [], column.width
        for text, tone in cell.parts:
            shown = ascii_of(text) if looks.plain else text
            size = cell_len(shown)
            if size > left:
                shown, size = set_cell_size(shown, left), left
            segments.append(Segment(shown, self._style(tone, base, looks, here=here)))
            left -= size
            if not left:
                break
        blank = Segment(" " * left, self._style("", base, looks, here=here))
        return [blank, *segments] if column.head.right else [*segments, blank]

    def _style(self, tone: str, base: Style, looks: Looks, *, here: bool) -> Style:
        dressed = (base, looks.cursor, looks.colour)
        if self._dressed != dressed:
            self._dressed = dressed
            self._styles.clear()
        found = self._styles.get((tone, here))
        if found is None:
            found = base
            if tone:
                found += Style(color=looks.colour(tone))
            if here:
                found += Style(bgcolor=looks.cursor, bold=True) if looks.cursor else Style(reverse=True, bold=True)
            self._styles[tone, here] = found
        return found


def lay_out(
    heads: Sequence[ColumnHead], width: int, *, hidden: Collection[str] = (), narrow: Collection[int] = ()
) -> list[Placed]:
    """Leave out the columns of the greatest rank until the rest has room; those of width 0 share what is left.

    `hidden` columns (by key) are left out anyway, but never all; `narrow` ones (by place) are as wide as their title.
    """
    kept = [(at, head) for at, head in enumerate(heads) if head.key not in hidden] or list(enumerate(heads))[:1]
    sizes = {at: _size(head, narrow=at in narrow) for at, head in kept}
    while True:
        room = width - GAP - sum((sizes[at] or NARROWEST) + GAP for at, _ in kept)
        most = max((head.rank for _, head in kept), default=0)
        if room >= 0 or not most:
            break
        kept.pop(max(place for place, (_, head) in enumerate(kept) if head.rank == most))
    free = sum(1 for at, _ in kept if not sizes[at])
    more = max(0, room) // free if free else 0
    placed, left = [], GAP
    for at, head in kept:
        size = sizes[at] or NARROWEST + more
        placed.append(Placed(at=at, head=head, left=left, width=size))
        left += size + GAP
    return placed


def _size(head: ColumnHead, *, narrow: bool) -> int:
    """Return the width of a column; without words a state needs its glyph, its title and the sign of the order."""
    return min(head.width, max(_DENSE, len(head.title) + 1)) if narrow else head.width


def _fitted(text: str, size: int, *, right: bool, plain: bool) -> str:
    """Return the text in exactly so many cells."""
    wide = len(text) if text.isascii() else cell_len(text)
    if wide > size:
        return set_cell_size(text, size - 1) + ("~" if plain else "…")
    return " " * (size - wide) + text if right else text + " " * (size - wide)
