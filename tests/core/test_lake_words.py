"""Types of catalog columns as DuckDB spells them."""

from __future__ import annotations

import pytest

from mtctl.core.lake_types import LakeColumn, duckdb_type


@pytest.mark.parametrize(
    ("lake", "duckdb"),
    [
        ("int32", "INTEGER"),
        ("INT64", "BIGINT"),
        ("decimal(5, 2)", "DECIMAL(5, 2)"),
        ("varchar", "VARCHAR"),
        ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
        ("timestamp_ns", "TIMESTAMP_NS"),
        ("uint128", "UHUGEINT"),
    ],
)
def test_a_plain_type_has_one_name(lake: str, duckdb: str) -> None:
    column = LakeColumn(column_id=1, name="a", type=lake)
    assert duckdb_type(column, [column]) == duckdb


def test_a_nested_type_is_joined_from_its_rows() -> None:
    rows = [
        LakeColumn(column_id=5, name="st", type="struct"),
        LakeColumn(column_id=6, name="a b", type="int32", parent=5),
        LakeColumn(column_id=7, name="b", type="list", parent=5),
        LakeColumn(column_id=8, name="element", type="varchar", parent=7),
        LakeColumn(column_id=9, name="m", type="map"),
        LakeColumn(column_id=10, name="key", type="varchar", parent=9),
        LakeColumn(column_id=11, name="value", type="float64", parent=9),
    ]
    assert duckdb_type(rows[0], rows) == 'STRUCT("a b" INTEGER, "b" VARCHAR[])'
    assert duckdb_type(rows[4], rows) == "MAP(VARCHAR, DOUBLE)"
