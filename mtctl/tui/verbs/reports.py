"""Floor 4. What verbs answer, as the lines of a page: grids of text, and what became of several things at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.names import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_WIDEST = 60


def grid(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under their heads, columns as wide as what stands in them; long cells are cut."""
    cells = [tuple(_cell(value) for value in row) for row in rows]
    widths = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(heads)]
    lines = [tuple(heads), *cells]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip


def each(keys: Sequence[str], act: Callable[[str], str]) -> str:
    """Do it to each; trouble with one of several is told with what became of the others.

    Raises what the only one raises, and the first trouble where all have some.
    """
    told: list[str] = []
    troubles: list[MtctlError] = []
    for key in keys:
        try:
            told.append(act(key))
        except MtctlError as error:
            troubles.append(error)
            told.append(f"{key}: {error.what}")
    if troubles and len(troubles) == len(keys):
        raise troubles[0]
    return "; ".join(told)


def _cell(value: object) -> str:
    text = "" if value is None else printable(str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
