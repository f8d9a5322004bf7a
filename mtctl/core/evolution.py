"""Floor 0. What becomes of a table's columns when its definition changes, and whether its data stay right.

In place is only what the files that are there can serve truly: columns added, dropped, renamed, reordered, and types
widened without loss. Everything else needs a new version of the table.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.errors import invalid
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.model import Column, TableDefinition

RENAMED_COLUMN = "renamed.column."
"""The key that says what a column was called: `'renamed.column.<new>' = '<old>'`."""


class Evolve(StrEnum):
    """What a changed definition does with the intervals that are there (`'evolve'`)."""

    ON = "on"  # columns change in place; intervals stay right while the query is otherwise the same
    OFF = "off"  # no column changes in place
    RESTATE = "restate"  # columns change in place; every change makes all intervals stale
    KEEP = "keep"  # columns change in place; what is published stays right, whatever the query says now


@frozen
class Evolution:
    """What becomes of each column.

    `kept` pairs each column that stays, as it was and as it is to be, in the new order. `problem` is why the files that
    are there cannot be read as the new columns, empty where they can.
    """

    kept: tuple[tuple[Column, Column], ...]
    added: tuple[Column, ...]
    dropped: tuple[Column, ...]
    reordered: bool
    problem: str

    @property
    def renamed(self) -> tuple[tuple[Column, Column], ...]:
        """The columns that get another name."""
        return tuple((old, new) for old, new in self.kept if old.name != new.name)

    @property
    def widened(self) -> tuple[tuple[Column, Column], ...]:
        """The columns that get another type."""
        return tuple((old, new) for old, new in self.kept if _type(old) != _type(new))

    @property
    def changes(self) -> tuple[str, ...]:
        """What changes, a line for each; empty where nothing does."""
        lines = [f"column {column.name} is added: what is there reads NULL in it" for column in self.added]
        lines += [f"column {column.name} is dropped: older versions keep it" for column in self.dropped]
        lines += [f"column {old.name} is now called {new.name}" for old, new in self.renamed]
        lines += [f"column {new.name} widens from {old.stored_type} to {new.stored_type}" for old, new in self.widened]
        return (*lines, "the columns stand in another order") if self.reordered else tuple(lines)


@frozen
class Output:
    """One item of a query's SELECT list.

    `name` is None where the engine makes one up. Equal expressions have equal digests. `multiplies` says that the item
    decides how many rows there are.
    """

    name: str | None
    digest: str
    multiplies: bool = False


@frozen
class Shape:
    """One SELECT taken apart: its items in order, and a digest of all else.

    `aggregated` says that all rows become one.
    """

    outputs: tuple[Output, ...]
    rest: str
    aggregated: bool = False


def evolution(old: TableDefinition, new: TableDefinition) -> Evolution:
    """Return what becomes of each column; names compare without case, as readers take them."""
    before = {column.name.casefold(): column for column in old.columns}
    names = {column.name.casefold() for column in new.columns}
    former = renames_of(new.options)
    kept: list[tuple[Column, Column]] = []
    added: list[Column] = []
    for column in new.columns:
        name = column.name.casefold()
        was = name if name in before else former.get(name, name)
        if was in before and (was == name or was not in names):
            kept.append((before.pop(was), column))
        else:
            added.append(column)
    places = {column.name: place for place, column in enumerate(old.columns)}
    order = [places[column.name] for column, _ in kept]
    return Evolution(
        kept=tuple(kept),
        added=tuple(added),
        dropped=tuple(before.values()),
        reordered=order != sorted(order),
        problem=_problem(kept),
    )


def renames_of(options: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return by a column's new name the old one, both folded: what the `renamed.column.<new>` keys say."""
    found = (pair for pair in options if pair[0].lower().startswith(RENAMED_COLUMN))
    return {key[len(RENAMED_COLUMN) :].casefold(): value.strip().casefold() for key, value in found}


def check_renames(definition: TableDefinition, written: Mapping[str, str]) -> None:
    """Raise `option_target` (INVALID) where a rename names a column that is not there, or an old one that still is."""
    names = {column.name.casefold() for column in definition.columns}
    for new, old in written.items():
        if new.casefold() not in names:
            what, fix = f"the query yields no column {new!r}", f"it yields {', '.join(sorted(names))}"
        elif old.casefold() in names:
            what, fix = f"column {old!r} is still there", "take the key out, or the old column"
        else:
            continue
        raise invalid("option_target", f"option {RENAMED_COLUMN}{new}: {what}", fix=fix)


def is_exact_promotion(old: Column, new: Column) -> bool:
    """Return whether each value of the old type is the same value of the new one, for every reader and filter.

    A DATE does not become a TIMESTAMP: it may lie beyond the last one, and reading it would fail. A FLOAT does not
    become a DOUBLE: over a file of FLOAT, DuckDB rounds what a filter compares with, and `> 0.1` misses 0.1::FLOAT.
    """
    before, after = _type(old), _type(new)
    if before in _LADDERS:
        return after in _LADDERS[before]
    narrow, wide = _DECIMAL.fullmatch(before), _DECIMAL.fullmatch(after)
    return narrow is not None and wide is not None and narrow[2] == wide[2] and int(narrow[1]) <= int(wide[1])


def tells_the_same(old: TableDefinition, new: TableDefinition) -> bool:
    """Return whether rows of the old version, read as the new one, still have the content fingerprint they had then.

    A column that came since is NULL in them and changes nothing; one that went or widened does.
    """
    now = {(column.field_id, column.stored_type) for column in new.columns}
    return all((column.field_id, column.stored_type) in now for column in old.columns)


def is_same_query(
    evolved: Evolution, old: tuple[TableDefinition, Shape | None], new: tuple[TableDefinition, Shape | None]
) -> bool:
    """Return whether two queries differ in nothing but whole columns: the others and all rows are the same.

    False where that is not proved.
    """
    before, after = old[0], new[0]
    if _surroundings(before) != _surroundings(after):
        return False
    if before.query == after.query:
        return True
    first, second = _named(*old), _named(*new)
    if first is None or second is None:
        return False
    if old[1] is None or new[1] is None or (old[1].rest, old[1].aggregated) != (new[1].rest, new[1].aggregated):
        return False
    changed = [first[column.name.casefold()] for column in evolved.dropped]
    changed += [second[column.name.casefold()] for column in evolved.added]
    if any(one.multiplies for one in changed):
        return False
    pairs = ((first[was.name.casefold()], second[column.name.casefold()]) for was, column in evolved.kept)
    return all(was.digest == one.digest for was, one in pairs)


_INTEGERS = ("int8", "int16", "int32", "int64")
_LADDERS = {
    **{name: frozenset(_INTEGERS[place + 1 :]) for place, name in enumerate(_INTEGERS)},
    "uint8": frozenset({"uint16", "uint32", "uint64", "int16", "int32", "int64"}),
    "uint16": frozenset({"uint32", "uint64", "int32", "int64"}),
    "uint32": frozenset({"uint64", "int64"}),
}
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")


def _type(column: Column) -> str:
    return column.lake_type.casefold()


def _problem(kept: Sequence[tuple[Column, Column]]) -> str:
    for old, new in kept:
        if (_type(old), old.stored_type) == (_type(new), new.stored_type):
            continue
        if not is_exact_promotion(old, new):
            return f"column {new.name!r} changes from {old.stored_type} to {new.stored_type}"
    return ""


def _surroundings(definition: TableDefinition) -> tuple[object, ...]:
    """Return what decides about rows and values beside the query itself."""
    return (
        definition.mode, definition.zone, definition.partition, definition.reads, definition.sources,
        definition.on_empty,
    )  # fmt: skip


def _named(definition: TableDefinition, shape: Shape | None) -> dict[str, Output] | None:
    """Return the query's items by the name of their column, None where that is not certain."""
    if shape is None or len(shape.outputs) != len(definition.columns):
        return None
    columns = [column.name.casefold() for column in definition.columns]
    items = [None if one.name is None else one.name.casefold() for one in shape.outputs]
    if None not in items and sorted(columns) == sorted(one or "" for one in items):
        return {one or "": output for one, output in zip(items, shape.outputs, strict=True)}
    if any(one not in {None, column} for one, column in zip(items, columns, strict=True)):
        return None
    return dict(zip(columns, shape.outputs, strict=True))
