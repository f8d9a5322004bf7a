"""Floor 2. Two states of one table compared: ranges of files as a relation, and the SQL that tells their rows apart.

Rows are compared as a multiset: what a row counts on one side is taken from what it counts on the other, so that
duplicates and NULLs come out exact. With a key, a row that went and one that came with the same key are one change.
"""

# ruff: noqa: S608 - names are quoted by core.names, values written by engine.literals

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.engine import literals

if TYPE_CHECKING:
    from mtctl.ports.engine import CompareRequest, FileRange, Relation

BEFORE, AFTER = "before_rows", "after_rows"
"""The names of the two relations in the SQL of this module."""

PART = "part"
"""The column that says which range a row comes from."""

_FEW = 100
"""Ranges of one file that each of its rows is compared with; for more, sorting the rows costs less."""


def ranged(relation: Relation) -> str:
    """Return the SELECT of a relation's ranges: their rows, each with the number of its range in `part`."""
    columns = relation.columns
    names = "".join(f", d.{quote(column.name)}" for column in columns)
    if not relation.ranges:
        typed = "".join(f", CAST(NULL AS {column.stored_type}) AS {quote(column.name)}" for column in columns)
        return f"SELECT CAST(0 AS INTEGER) AS {PART}{typed} LIMIT 0"
    whole = [one for one in relation.ranges if one.whole]
    cut = [one for one in relation.ranges if not one.whole]
    without = f" {literals.without(relation.deleted, relation.snapshot_id)}" if relation.deleted else ""
    selects = []
    if whole:
        files = literals.parquet([one.path for one in whole], columns)
        values = ", ".join(f"({literals.text(one.path)}, {int(one.part)})" for one in whole)
        selects.append(
            f"SELECT r.n AS {PART}{names} FROM {files} d JOIN (VALUES {values}) AS r(f, n) ON d.filename = r.f{without}"
        )
    if cut:
        ranges = Counter(one.path for one in cut)
        files = literals.parquet(list(ranges), columns)
        join = "JOIN" if max(ranges.values()) <= _FEW else "ASOF JOIN"
        selects.append(
            f"SELECT r.n AS {PART}{names} FROM {files} d {join} (VALUES {', '.join(map(_value, cut))}) "
            f"AS r(f, a, b, n) ON d.filename = r.f AND d.file_row_number >= r.a{without} WHERE d.file_row_number < r.b"
        )
    return " UNION ALL ".join(selects)


def comparison(request: CompareRequest) -> str:
    """Return the SELECT that a request asks for: its rows, or their counts by part."""
    net = _net(request)
    if request.summary:
        return f"{net} {_COUNTS}"
    shown = "".join(f", c{i} AS {quote(name)}" for i, name in enumerate(request.names))
    places = dict.fromkeys((*request.key, *range(len(request.names))))
    # With a key, what was before stands right above what is after. Qualified: the table may have a column named `d`.
    keys = [f"c{i}" for i in places]
    order = [*keys[: len(request.key)], "d", *keys[len(request.key) :]] if request.key else [PART, *keys, "d"]
    ordered = ", ".join(f"told.{one}" for one in order)
    return f"{net} SELECT change, abs(d) AS times{shown} FROM told ORDER BY {ordered}"


_COUNTS = f"""SELECT {PART}, coalesce(sum(abs(d)) FILTER (change = 'added'), 0)::BIGINT AS added,
coalesce(sum(abs(d)) FILTER (change = 'removed'), 0)::BIGINT AS removed,
count(*) FILTER (change = 'after') AS changed FROM told GROUP BY {PART} ORDER BY {PART}"""


def _net(request: CompareRequest) -> str:
    """Return the WITH clause that ends in `told`: every row that one side has more often, with its kind of change."""
    after = _side(request.after)
    # Both sides have the later one's types: a column that was widened compares as what it is now.
    before = "".join(
        f", {_comparable(f'TRY_CAST(c{i} AS {column.stored_type})', column.stored_type)} AS c{i}"
        for i, column in enumerate(request.after.columns)
    )
    named = "".join(f", c{i}" for i in range(len(request.names)))
    sides = f"SELECT {PART}{after}, 1 AS n FROM {AFTER} UNION ALL SELECT {PART}{before}, -1 AS n FROM {BEFORE}"
    net = f"SELECT {PART}{named}, sum(n)::BIGINT AS d FROM sides GROUP BY {PART}{named} HAVING sum(n) <> 0"
    plain = "CASE WHEN d > 0 THEN 'added' ELSE 'removed' END"
    if not request.key:
        return f"WITH sides AS ({sides}), net AS ({net}), told AS (SELECT *, {plain} AS change FROM net)"
    keys = ", ".join(f"c{i}" for i in request.key)
    window = (
        f"SELECT *, count(*) OVER k AS many, min(d) OVER k AS least, max(d) OVER k AS most FROM net "
        f"WINDOW k AS (PARTITION BY {keys})"
    )
    pair = "many = 2 AND least = -1 AND most = 1"
    told = f"SELECT *, CASE WHEN {pair} THEN CASE WHEN d > 0 THEN 'after' ELSE 'before' END ELSE {plain} END AS change"
    return f"WITH sides AS ({sides}), net AS ({net}), paired AS ({window}), told AS ({told} FROM paired)"


def _side(relation: Relation) -> str:
    return "".join(
        f", {_comparable(f'c{i}', column.stored_type)} AS c{i}" for i, column in enumerate(relation.columns)
    )


def _comparable(value: str, stored_type: str) -> str:
    """Return a value as it is compared; a month equals 30 days to DuckDB, but is not the same."""
    return f"CAST({value} AS VARCHAR)" if "INTERVAL" in stored_type else value


def _value(one: FileRange) -> str:
    return f"({literals.text(one.path)}, {int(one.start)}, {int(one.start + one.rows)}, {int(one.part)})"
