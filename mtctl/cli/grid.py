"""Floor 4. Tables for people: aligned text without borders in a pipe, a Rich table on a terminal.

In a pipe nothing is cut and nothing wraps: a record is a line, columns are two spaces apart. Rich is imported only when
a terminal is there to draw on.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.cli.answer import Facts, Grid, Lines, State
from mtctl.core.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from mtctl.cli.answer import Block, Cell
    from mtctl.cli.paint import Paint

GAP = "  "

_BARS = str.maketrans("█░·▒", "#~.+")
"""The characters of coverage strips for a locale without them; `core.health` has the same pairs."""


_PROSE = frozenset({"COMMENT", "DETAIL", "ERROR", "FOUND", "FROM", "MEANING", "NOTE", "REASON", "TITLE", "WHY"})
"""Columns that may wrap on a narrow terminal; names and numbers never do."""

_PROSE_CELLS = 14
"""How narrow prose may become before a line is left to the terminal to wrap."""


def write_block(block: Block, stream: TextIO, paint: Paint, *, terminal: bool) -> None:
    """Write one block of an answer."""
    if isinstance(block, Lines):
        drawn = str if paint.unicode else _plain_bars
        stream.writelines(drawn(printable(line)) + "\n" for line in block.lines)
        return
    if isinstance(block, Facts):
        _write_facts(block, stream, paint)
        return
    if terminal:
        _write_rich(block, stream, paint)
    else:
        _write_plain(block, stream, paint)


def width(text: str) -> int:
    """Return how many terminal cells a text takes."""
    return len(text) if text.isascii() else _wide(text)


def pad(text: str, cells: int, *, right: bool) -> str:
    """Return the text filled with spaces to a width; longer text stays as it is."""
    if text.isascii():
        return text.rjust(cells) if right else text.ljust(cells)
    fill = " " * (cells - width(text))
    return fill + text if right else text + fill


def aligned(texts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """Return one line of cells, two spaces apart, without trailing spaces."""
    cells = (pad(text, cells, right=side) for text, cells, side in zip(texts, widths, right, strict=True))
    return GAP.join(cells).rstrip()


def cell_text(cell: Cell, paint: Paint) -> str:
    """Return what a cell says, without colour, on one line and safe for a terminal."""
    if isinstance(cell, str):
        return printable(cell)
    if cell is None:
        return ""
    if isinstance(cell, State):
        return paint.mark(cell.word)
    if isinstance(cell, float):
        return f"{cell:g}"
    return str(cell)


def _plain_bars(text: str) -> str:
    return text.translate(_BARS)


def _write_facts(block: Facts, stream: TextIO, paint: Paint) -> None:
    label = max((width(name) for name, _ in block.pairs), default=0)
    for name, cell in block.pairs:
        text = cell_text(cell, paint)
        shown = paint.tint(text, cell.word) if isinstance(cell, State) else text
        stream.write(f"{pad(name, label, right=False)}{GAP}{shown}".rstrip() + "\n")


def _write_plain(grid: Grid, stream: TextIO, paint: Paint) -> None:
    columns: list[tuple[Cell, ...]] = list(zip(*grid.rows, strict=True)) or [()] * len(grid.heads)
    texts = [[cell_text(cell, paint) for cell in column] for column in columns]
    filled = [
        _filled(head, column, right=right) for head, column, right in zip(grid.heads, texts, _right(grid), strict=True)
    ]
    if grid.title:
        stream.write(grid.title + "\n")
    heads, *lines = (GAP.join(cells).rstrip() for cells in zip(*filled, strict=True))
    stream.write(heads + "\n")
    for column, words in zip(columns, texts, strict=True) if paint.color else ():
        for number, cell in enumerate(column):
            if isinstance(cell, State):
                lines[number] = lines[number].replace(words[number], paint.tint(words[number], cell.word), 1)
    stream.writelines(line + "\n" for line in lines)


def _filled(head: str, texts: Sequence[str], *, right: bool) -> list[str]:
    """Return heading and texts of a column, filled with spaces to the widest."""
    column = [head, *texts]
    if all(map(str.isascii, column)):  # one cell a character, as in most columns: no call of ours for each text
        cells = max(map(len, column))
        return [text.rjust(cells) if right else text.ljust(cells) for text in column]
    cells = max(map(width, column))
    return [pad(text, cells, right=right) for text in column]


def _write_rich(grid: Grid, stream: TextIO, paint: Paint) -> None:
    from rich import box  # costs 80 ms, only a terminal pays
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, force_terminal=True, no_color=not paint.color, highlight=False, markup=False)
    shape = box.SIMPLE_HEAD if paint.unicode else box.ASCII2
    table = Table(title=grid.title or None, title_justify="left", box=shape, pad_edge=False, show_edge=False)
    table.padding = (0, 1, 0, 0)
    texts = zip(grid.heads, *([cell_text(cell, paint) for cell in row] for row in grid.rows), strict=True)
    for column, right in zip(texts, _right(grid), strict=True):
        head = column[0]
        longest = max(map(width, column))
        least = min(longest, _PROSE_CELLS) if head in _PROSE else longest
        table.add_column(head, justify="right" if right else "left", overflow="fold", min_width=least)
    for row in grid.rows:
        table.add_row(*(Text.from_ansi(_tinted(cell, paint)) for cell in row))
    # Names and numbers are never cut: where even they do not fit, the terminal wraps the line.
    least = Measurement.get(console, console.options, table).minimum
    console.print(table, width=max(console.width, least), crop=False)


def _tinted(cell: Cell, paint: Paint) -> str:
    text = cell_text(cell, paint)
    return paint.tint(text, cell.word) if isinstance(cell, State) else text


def _right(grid: Grid) -> list[bool]:
    columns: Iterable[tuple[Cell, ...]] = zip(*grid.rows, strict=True) if grid.rows else ((),) * len(grid.heads)
    return [
        head in grid.right or (bool(column) and all(isinstance(cell, (int, float)) for cell in column))
        for head, column in zip(grid.heads, columns, strict=True)
    ]


@lru_cache(maxsize=1024)
def _wide(text: str) -> int:
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
