"""Nested columns through the life of a table: shared files, overwrites, changed columns, compaction."""

from __future__ import annotations

import pytest
from service_kit import World, fails

TABLE = """CREATE MATERIALIZED TABLE daily PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-05'{more})
AS SELECT d, {columns} FROM 'data/in.csv'
"""
COLUMNS = (
    "{'v': v, 'l': [v, NULL]} AS st, MAP {'k': [{'x': v * 0.5}]} AS m, "
    "'POINT (1 2)'::GEOMETRY AS g, to_days(v::INTEGER) AS iv"
)
ROWS = "SELECT d, st, m, g, iv FROM daily ORDER BY d"


def row(day: int, v: int) -> tuple[str, ...]:
    half = f"{v / 2}"
    unit = "day" if v == 1 else "days"
    text = f"{{'v': {v}, 'l': [{v}, NULL]}}"
    return (f"2013-01-0{day}", text, f"{{k=[{{'x': {half}}}]}}", "POINT (1 2)", f"{v} {unit}")


@pytest.fixture
def filled(world: World) -> World:
    world.days({f"2013-01-0{day}": [day] for day in range(1, 5)})
    world.table("daily", TABLE.format(columns=COLUMNS, more=""))
    world.apply()
    world.fill("daily")
    return world


def test_an_overwrite_in_a_shared_file_keeps_the_other_rows(filled: World):
    filled.days({f"2013-01-0{day}": [day * 11 if day == 3 else day] for day in range(1, 5)})
    filled.fill("daily", intervals=("2013-01-03",), force=True)
    assert filled.rows(ROWS) == [row(1, 1), row(2, 2), row(3, 33), row(4, 4)]
    assert filled.rows("SELECT d FROM daily WHERE st.v = 33") == [("2013-01-03",)]
    assert filled.app.verify(()).findings == ()


def test_a_nested_column_is_added_beside_files_without_it(filled: World):
    filled.table(
        "daily", TABLE.format(columns=f"MAP {{'a': {{'b': v}}}} AS later, {COLUMNS}", more=", 'evolve' = 'keep'")
    )
    filled.apply()
    filled.fill("daily", intervals=("2013-01-02",), force=True)
    assert filled.rows("SELECT d, later['a'].b FROM daily WHERE later IS NOT NULL") == [("2013-01-02", "2")]
    assert [found[:5] for found in filled.rows(ROWS)] == [row(day, day) for day in range(1, 5)]
    assert filled.app.verify(()).findings == ()


def test_a_change_inside_of_a_nested_column_is_a_changed_type(filled: World):
    filled.table("daily", TABLE.format(columns=COLUMNS.replace("'v': v,", "'v': v, 'w': v,"), more=""))
    change = filled.change("daily")
    assert "st" in repr(change)
    assert "STRUCT(v BIGINT, w BIGINT, l BIGINT[])" in repr(change)


def test_a_nested_column_is_no_partition(filled: World):
    filled.table("other", TABLE.format(columns=COLUMNS, more="").replace("daily", "other").replace("(d)", "(st)"))
    with fails("partition_type", "'st'"):
        raise filled.problem()
