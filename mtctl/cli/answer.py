"""Floor 4. What a command answers, before anyone chose a format: records for machines, blocks for people.

Both are made from the same report in one function, so that a format never knows more than another.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeAlias

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | dict[str, Json] | None"
"""A value that JSON can say."""

Record: TypeAlias = "dict[str, Json]"
"""One object of an answer; its first key is `kind`."""


class Later(Collection["Record"]):
    """Records that are made when a format first asks for them: an answer for people never does."""

    def __init__(self, make: Callable[[], Iterable[Record]]) -> None:
        """Keep the function that makes them."""
        self._make = make
        self._made: tuple[Record, ...] | None = None

    def __iter__(self) -> Iterator[Record]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, record: object) -> bool:
        """Return whether an equal record is among them."""
        return record in self._all()

    def _all(self) -> tuple[Record, ...]:
        if self._made is None:
            self._made = tuple(self._make())
        return self._made


@frozen(kw_only=False)
class State:
    """A cell that holds a state word: shown with glyph and colour."""

    word: str


Cell: TypeAlias = "str | int | float | State | None"
"""One cell for people; None is shown as nothing. Numbers stand on the right."""


@frozen
class Grid:
    """A table for people: headings and rows of cells."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    right: frozenset[str] = frozenset()


@frozen(kw_only=False)
class Lines:
    """Running text for people, a line each."""

    lines: tuple[str, ...]


@frozen(kw_only=False)
class Facts:
    """Names and values under each other, for `show`."""

    pairs: tuple[tuple[str, Cell], ...]


Block: TypeAlias = "Grid | Lines | Facts"


@frozen
class Answer:
    """A whole answer.

    `schema` is `mtctl.<noun>.<verb>/v<n>`; `fields` are the columns of the CSV form, keys of the records (what a record
    lacks is empty; nested values stand there as JSON); `warnings` go to stderr for people and into the JSON envelope;
    `limit` and `total` describe a page.
    """

    schema: str
    records: tuple[Record, ...] | Later
    fields: tuple[str, ...]
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()
    limit: int | None = None
    total: int | None = None
