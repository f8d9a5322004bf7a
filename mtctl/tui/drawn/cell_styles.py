"""Floor 4. Signs, colours and rulers that the matrix of a range and the calendar of a table share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from mtctl.tui.drawn.palette import look_of

if TYPE_CHECKING:
    from textual.widget import Widget

    from mtctl.core.axis import Axis
    from mtctl.tui.drawn.drawing import Looks


_NEAR = 9


def looks_of(widget: Widget) -> Looks:
    """Return how the dashboard of a widget draws now."""
    found: Looks = widget.app.looks  # type: ignore[attr-defined]
    return found


def style_of(tone: str, looks: Looks) -> Style:
    """Return the style of a tone, the empty one for none."""
    return Style(color=looks.colour(tone)) if tone else Style()


def sign_of(state: str, *, plain: bool) -> tuple[str, str]:
    """Return tone and sign of a state."""
    look = look_of(state)
    return look.tone, look.ascii if plain else look.glyph


def fill_of(*, plain: bool) -> str:
    """Return what an interval is drawn with after its first column."""
    return "," if plain else "─"


def blank(size: int, style: Style) -> Segment:
    """Return so many empty cells."""
    return Segment(" " * size, style)


def ruler(axis: Axis, first: int, last: int, step: int) -> tuple[str, str]:
    """Return the two lines above columns: their groups, and the numbers that have room."""
    groups, numbers = "", ""
    size, group = (last - first) * step, None
    for column in range(first, last):
        at = (column - first) * step
        name = axis.group(column)
        if column == first and any(axis.group(near) != name for near in range(first, min(last, first + _NEAR // step))):
            group = name  # its name would take the place of the next one's, which begins here
        if name != group:
            group = name
            if name and len(groups) <= at and at + len(name) <= size:
                groups = groups.ljust(at) + name + " "
        number = str(axis.number(column))
        is_named = step > 2 or column == first or axis.is_marked(column)
        if is_named and len(numbers) <= at and at + len(number) <= size:
            numbers = numbers.ljust(at) + number + (" " if step < 3 else "")
    return groups.rstrip(), numbers.rstrip()
