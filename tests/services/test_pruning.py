"""Files that a query cannot see a row of are not opened, and nothing but that is changed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import World

from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = """name = "shop"
time_zone = "America/New_York"

[lake]
target_file_rows = 1
"""
VALUES = {
    "TINYINT": ("-128", "0", "127", "5"),
    "UBIGINT": ("0", "9007199254740992", "9007199254740993", "18446744073709551615"),
    "BIGINT": ("-9223372036854775808", "9007199254740993", "-1", "10", "9"),
    "DECIMAL(4,1)": ("-999.9", "0.5", "-0.1", "10.0", "9.9"),
    "DECIMAL(38,10)": ("-1234567890123456789012345678.0123456789", "0.0000000001", "10"),
    "DOUBLE": ("'nan'", "1e300", "-0.0", "0.1", "'-inf'"),
    "FLOAT": ("'nan'", "0.1", "3.4028235e+38", "-0.0"),
    "VARCHAR": ("''", "'a'", "'ab'", "'Z'", "'Zürich'", "repeat('z', 300)", "repeat('é', 200)", "'10'", "'9'"),
    "UUID": ("'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    "DATE": ("'0044-03-15 (BC)'", "'2013-02-28'", "'12024-01-01'", "'infinity'", "'-infinity'", "'2013-03-01'"),
    "TIME": ("'00:00:00'", "'23:59:59.999999'", "'24:00:00'", "'01:02:03.45'", "'01:02:03.5'"),
    "TIMESTAMP": (
        "'1969-12-31 23:59:59.999999'", "'2013-11-03 01:30:00'", "'infinity'", "'0044-03-15 (BC) 01:02:03'",
        "'2013-11-03 01:30:00.5'", "'2013-11-03 01:30:00.45'", "'294247-01-10 04:00:54.775806'",
    ),
    "TIMESTAMP_S": ("'1969-12-31 23:59:59'", "'2013-11-03 01:30:00'", "'2013-11-03 01:30:01'"),
    "TIMESTAMP_MS": ("'1969-12-31 23:59:59.999'", "'2013-11-03 01:30:00.001'", "'2013-11-03 01:30:00.1'"),
    "TIMESTAMP_NS": ("'2013-11-03 01:30:00.000000001'", "'2013-11-03 01:30:00.000001'", "'2013-11-03 01:30:00'"),
    "TIMESTAMP WITH TIME ZONE": ("'2013-11-03 01:30:00-04'", "'2013-11-03 01:30:00-05'", "'2013-11-03 05:30:00.5Z'"),
    "BOOLEAN": ("true", "false"),
    "JSON": ("'1'", "'[2]'"),
    "BLOB": ("'a'", "'b'"),
}  # fmt: skip
DAYS = 28
WIDE = f"""CREATE MATERIALIZED TABLE wide PARTITIONED BY (ds)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-29')
AS SELECT (DATE '2013-01-01' + i::INTEGER) AS ds, i, {{columns}} FROM range({DAYS}) AS r(i)
"""
COPY = """CREATE MATERIALIZED TABLE copied PARTITIONED BY (day)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-29')
AS SELECT w.ds AS day, sum(w.i)::BIGINT AS total FROM wide AS w GROUP BY 1
"""
NAMED = """CREATE MATERIALIZED TABLE named PARTITIONED BY (day)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-29')
AS SELECT DISTINCT ds AS day, i FROM wide WHERE ds >= $interval_start AND ds < $interval_end
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Iterator[World]:
    """Files of one row each with a column of every type whose values order files."""
    world = World(tmp_path_factory.mktemp("pruning") / "shop")
    world.settings(SETTINGS)
    columns = []
    for number, (sql_type, values) in enumerate(VALUES.items()):
        choice = " ".join(f"WHEN {at} THEN CAST({value} AS {sql_type})" for at, value in enumerate(values))
        columns.append(f"CASE i % {len(values) + 1} {choice} END AS c{number}")
    world.table("wide", WIDE.format(columns=", ".join(columns)))
    world.apply()
    world.fill("wide")
    assert len(data_files(world)) == DAYS
    yield world
    world.close()


def data_files(world: World) -> list[Path]:
    return sorted((world.root / "lake" / "data").rglob("*.parquet"))


def conditions() -> list[str]:
    """Return comparisons of every column with constants of its own type, and written as texts and numbers."""
    found = []
    for number, (sql_type, values) in enumerate(VALUES.items()):
        for value in values:
            texts = (value, f"CAST({value} AS {sql_type})")
            found += [f"c{number} {operator} {text}" for text in texts for operator in ("=", "<", ">", "<=", ">=")]
            found.append(f"c{number} BETWEEN {value} AND {values[0]}")
            found.append(f"c{number} IN ({value}, {values[-1]})")
    odd = ["c1 > -1", "c2 < 9.5", "c2 = 10.0", "c3 = 0.45", "c11 > DATE '2013-11-03'"]
    odd.append("c9 < TIMESTAMP '2013-02-28 12:00:00'")
    return [*found, *odd, "c12 = '2013-11-03 01:30:00.6'", "c13 <= '2013-11-03 01:30:00.0009'"]


def agree(world: World, asked: list[str]) -> None:
    """Ask each condition with files left out, and all in one scan of which nothing is proved."""
    filters = ", ".join(f"count(*) FILTER (WHERE {one}), sum(i) FILTER (WHERE {one})" for one in asked)
    [every] = world.rows(f"SELECT {filters} FROM wide")
    for number, condition in enumerate(asked):
        found = world.rows(f"SELECT count(*), sum(i) FROM wide WHERE {condition}")
        assert found == [every[number * 2 : number * 2 + 2]], condition


def test_answers_are_the_same_with_files_left_out(wide: World):
    agree(wide, conditions()[::23])


@pytest.mark.campaign
def test_every_answer_is_the_same_with_files_left_out(wide: World):
    agree(wide, conditions()[::2])


@pytest.fixture
def torn(world: World) -> World:
    """Four weeks of which only the files of ten days are there."""
    world.settings(SETTINGS)
    world.table("wide", WIDE.format(columns="i * 10 AS v, 'n' || (100 + i) AS name"))
    world.table("copied", COPY)
    world.table("named", NAMED)
    world.apply()
    world.fill("wide")
    for path in data_files(world):
        number = int(path.stem.rpartition("-")[2])
        if not 10 <= number < 20:
            path.unlink()
    return world


def test_a_file_that_cannot_matter_is_not_opened(torn: World):
    assert torn.rows("SELECT i FROM wide WHERE ds = '2013-01-13'") == [("12",)]
    assert torn.rows("SELECT count(*) FROM wide WHERE i BETWEEN 12 AND 14") == [("3",)]
    assert torn.rows("SELECT count(*) FROM wide w WHERE w.v IN (100, 190) AND w.name > 'n1'") == [("2",)]
    assert torn.rows("SELECT i FROM wide WHERE name = 'n115' ORDER BY v") == [("15",)]
    assert torn.rows("SELECT count(*) FROM wide WHERE ds < DATE '2012-01-01'") == [("0",)]
    with pytest.raises(MtctlError, match="parquet"):
        torn.rows("SELECT count(i) FROM wide WHERE i + 0 = 12")


def test_a_refresh_opens_the_files_around_its_intervals(torn: World):
    torn.fill("copied", intervals=("2013-01-15",))
    torn.fill("named", intervals=("2013-01-14", "2013-01-16"))
    assert torn.rows("SELECT day, total FROM copied") == [("2013-01-15", "14")]
    assert torn.rows("SELECT day, i FROM named ORDER BY 1") == [("2013-01-14", "13"), ("2013-01-16", "15")]
    report = torn.refresh("copied", intervals=("2013-01-26",))
    assert report.tables[0].error
