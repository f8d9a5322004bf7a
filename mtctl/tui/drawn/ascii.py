"""Floor 4. ASCII for terminals that have nothing else: each sign has its like, cell for cell.

Lists, bars and legends choose their own signs. `Ascii` is for all the rest, whoever drew it: borders, scrollbars, tabs,
toasts, and text of the project itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.filter import LineFilter

from mtctl.tui.drawn.palette import LOOKS

if TYPE_CHECKING:
    from textual.color import Color

SIGNS = str.maketrans(
    {look.glyph: look.ascii for look in LOOKS.values()}
    | {"•": "+", "…": "~", "–": "-", "→": ">", "←": "<", "↑": "^", "↓": "v", "░": "."}
    | {"├": "|", "└": "`", "┌": ",", "│": "|", "─": "-"}
    | dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True))
    | dict.fromkeys("━—▔", "-")
    | dict.fromkeys("╸╺╴╶", " ")  # the ends of the line below the tab that is seen
    | dict.fromkeys("┃▊▎▌▐▏▕", "|")
    | dict.fromkeys("┐┘╭╮╯╰", "+")
    | {"‹": "<", "›": ">", "×": "x", "❯": ">", "◀": "<", "▼": "v", "▲": "^", "▾": "v", "▸": ">"}
    | {"\N{NO-BREAK SPACE}": " "}
)
"""Signs of one cell and their likes."""


@lru_cache(4096)
def ascii_of(text: str) -> str:
    """Return a text of as many cells in ASCII; what has no like is a question mark for each of its cells."""
    shown = text.translate(SIGNS)
    if not shown.isascii():
        shown = "".join(one if one.isascii() else "?" * cell_len(one) for one in shown)
    return set_cell_size(shown, cell_len(text))  # signs that are joined to one are narrower than their parts


class Ascii(LineFilter):
    """Draws everything in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the same segments in ASCII."""
        _ = background
        return [one if one.text.isascii() else Segment(ascii_of(one.text), one.style, one.control) for one in segments]
