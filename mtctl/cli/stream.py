"""Floor 4. Query results, written while they come: memory stays constant however long they are.

Only the table form looks ahead, at most `AHEAD` rows, to choose its widths; later rows that are wider simply push.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from mtctl.cli.answer import Grid
from mtctl.cli.grid import aligned, width, write_block
from mtctl.cli.output import Format, csv_line, envelope_head, to_json
from mtctl.core.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from mtctl.cli.answer import Json, Record
    from mtctl.cli.paint import Paint
    from mtctl.ports.engine import QueryResult

AHEAD = 1_000
"""Rows that the table form holds back to choose its column widths."""

NULL = "NULL"

_INTEGERS = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
})  # fmt: skip
_NUMBERS = _INTEGERS | {"FLOAT", "DOUBLE"}
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def write_result(  # noqa: PLR0913 - where and how, all named
    result: QueryResult,
    form: Format,
    stream: TextIO,
    paint: Paint,
    *,
    terminal: bool,
    generated_at: str | None,
    schema: str = "mtctl.query.result/v1",
) -> int:
    """Write a streamed result; return the number of rows."""
    rows = (row for chunk in result.chunks for row in chunk)
    if form is Format.JSON:
        return _write_json(result, rows, stream, envelope_head(schema, generated_at))
    if form is Format.NDJSON:
        keys = _keys(result.columns, taken={"kind"})
        return _each(stream, (to_json({"kind": "row", **_record(keys, result.types, row)}) + "\n" for row in rows))
    if form is Format.CSV:
        stream.write(csv_line(result.columns))
        return _each(stream, (csv_line(row) for row in rows))
    return _write_table(result, rows, stream, paint, terminal=terminal)


def value_of(text: str | None, type_name: str) -> Json:
    """Return a value for JSON: numbers and booleans as such, NULL as null, everything else as text."""
    if text is None:
        return None
    if type_name == "BOOLEAN":
        return text == "true"
    if type_name in _NUMBERS and _JSON_NUMBER.fullmatch(text):
        return int(text) if type_name in _INTEGERS else float(text)
    return text


def _write_json(result: QueryResult, rows: Iterator[list[str | None]], stream: TextIO, head: str) -> int:
    keys = _keys(result.columns, taken=set())
    columns: list[Json] = [{"name": key, "type": kind} for key, kind in zip(keys, result.types, strict=True)]
    stream.write(f'{head},"columns":{to_json(columns)},"data":[')
    total = 0
    for row in rows:
        stream.write((",\n " if total else "") + to_json(_record(keys, result.types, row)))
        total += 1
    stream.write('],"warnings":[]}\n')
    return total


def _write_table(
    result: QueryResult, rows: Iterator[list[str | None]], stream: TextIO, paint: Paint, *, terminal: bool
) -> int:
    heads = tuple(map(printable, result.columns))
    numeric = [kind in _NUMBERS or kind.startswith("DECIMAL") for kind in result.types]
    first = [_shown(row) for row in islice(rows, AHEAD)]
    if terminal and len(first) < AHEAD and len(set(heads)) == len(heads):
        right = frozenset(head for head, side in zip(heads, numeric, strict=True) if side)
        write_block(Grid(heads=heads, rows=tuple(map(tuple, first)), right=right), stream, paint, terminal=True)
        return len(first)
    widths = [max(map(width, column)) for column in zip(heads, *first, strict=True)]
    stream.write(aligned(heads, widths, numeric) + "\n")
    total = _each(stream, (aligned(row, widths, numeric) + "\n" for row in first))
    return total + _each(stream, (aligned(_shown(row), widths, numeric) + "\n" for row in rows))


def _each(stream: TextIO, lines: Iterator[str]) -> int:
    total = 0
    for line in lines:
        stream.write(line)
        total += 1
    return total


def _shown(row: Sequence[str | None]) -> list[str]:
    return [NULL if text is None else printable(text) for text in row]


def _record(keys: Sequence[str], types: Sequence[str], row: Sequence[str | None]) -> Record:
    return {key: value_of(text, kind) for key, text, kind in zip(keys, row, types, strict=True)}


def _keys(columns: Sequence[str], *, taken: set[str]) -> list[str]:
    """Return a distinct key for each column, none of `taken`: a repeated name gets `_2`, `_3`."""
    keys = []
    for name in columns:
        key, number = name, 1
        while key in taken:
            number += 1
            key = f"{name}_{number}"
        taken.add(key)
        keys.append(key)
    return keys
