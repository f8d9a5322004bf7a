"""Floor 4. What a list is made of: columns, cells, lines, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.app import App
    from mtctl.core.listing import Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnHead:
    """One column: `key` names it for sorting, `width` in cells, 0 takes what is left; numbers stand right.

    Where there is no room, columns of the greatest `rank` are left out first; those of rank 0 stay. A click on a cell
    of a column with a `filter` (`state:failed`) opens the instances of that line narrowed by it.
    """

    key: str
    title: str
    width: int
    right: bool = False
    sortable: bool = True
    rank: int = 0
    filter: str = ""


class Cell(NamedTuple):
    """Text in one tone; `state` puts the state's glyph before it (and nothing else where the text is empty).

    `parts` are pairs of text and tone, drawn one after the other instead of the text, and cut to the width.
    """

    text: str
    tone: str = ""
    state: str = ""
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `key` names the thing that it shows, `kind` what sort of thing (table, workflow, instance …).

    `facts` are what verbs and the line at the bottom take of it.
    """

    kind: str
    key: str
    cells: tuple[Cell, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A part of a list: what it is narrowed to, in which order, from which line on, how many at most."""

    wanted: Filter
    order: str
    descending: bool
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The part that was asked for, with the length of the whole list."""

    total: int
    offset: int
    lines: tuple[Line, ...]


class Listing(Protocol):
    """One list of the dashboard."""

    name: str
    heads: Sequence[ColumnHead]
    order: str
    descending: bool

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a part of the list; `mark` changes when the store has. Runs in the reading thread."""
