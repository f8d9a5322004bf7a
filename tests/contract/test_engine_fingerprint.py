"""The row hash: whatever changes in a row changes its hash, whichever columns hold equal values."""

from __future__ import annotations

import itertools

import pytest
from engine_kit import plain

from mtctl.core.model import Column
from mtctl.engine.fingerprint import row_hash

TYPES = {
    "BIGINT": ("1", "2", "3"),
    "DOUBLE": ("2.0", "3.5", "4.5"),
    "VARCHAR": ("'a'", "'b'", "'c'"),
    "DATE": ("DATE '2024-01-01'", "DATE '2024-01-02'", "DATE '2024-01-03'"),
}


def columns(stored_type: str, count: int) -> list[Column]:
    return [
        Column(name=f"c{i}", type=stored_type, stored_type=stored_type, lake_type="", field_id=i + 1)
        for i in range(count)
    ]


def hashes(stored_type: str, rows: list[tuple[str, ...]]) -> list[str | None]:
    """Return the hash of each row, computed by an independent DuckDB."""
    names = ", ".join(f"c{i}" for i in range(len(rows[0])))
    values = ", ".join(f"({n}, {', '.join(f'{v}::{stored_type}' for v in row)})" for n, row in enumerate(rows))
    sql = f"SELECT {row_hash(columns(stored_type, len(rows[0])))} FROM (VALUES {values}) t(n, {names}) ORDER BY n"
    return [row[0] for row in plain(sql)]


@pytest.mark.parametrize("stored_type", TYPES)
@pytest.mark.parametrize("width", [2, 3, 4])
def test_rows_of_the_same_values_in_any_arrangement_hash_apart(stored_type: str, width: int):
    rows = list(itertools.product((*TYPES[stored_type], "NULL"), repeat=width))
    found = hashes(stored_type, rows)
    assert len(set(found)) == len(rows)


def test_the_same_value_in_two_columns_does_not_cancel():
    before, after = hashes("DOUBLE", [("2.0", "2.0"), ("3.5", "3.5")])
    assert before != after


def test_a_null_column_more_changes_nothing():
    [[narrow]] = plain(f"SELECT {row_hash(columns('BIGINT', 1))} FROM (SELECT 7::BIGINT c0)")
    [[wide]] = plain(f"SELECT {row_hash(columns('BIGINT', 2))} FROM (SELECT 7::BIGINT c0, NULL::BIGINT c1)")
    assert narrow == wide
