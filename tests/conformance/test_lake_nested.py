"""Nested columns beside the real extension: added, dropped and changed in a table that lives."""

from __future__ import annotations

import pytest
from lake_kit import Duck, Project, empty, lake_python

TABLE = """CREATE MATERIALIZED TABLE nest
PARTITIONED BY (ds)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-04'{more})
AS SELECT (DATE '2013-01-01' + i::INTEGER) AS ds, {columns} FROM range(3) AS r(i)
"""
FIRST = "{'a': i, 'tags': ['x' || i, NULL]} AS st, i AS n"
ADDED = "MAP {'k': [{'d': i * 0.5}]} AS m, {'a': i, 'tags': ['x' || i, NULL]} AS st, i AS n"


@pytest.fixture
def nest(tmp_path) -> Project:
    lake_python()
    project = empty(tmp_path / "nest")
    project.define("nest", TABLE.format(columns=FIRST, more=""))
    project.mtctl("up", "--once")
    return project


@pytest.mark.campaign
def test_a_nested_column_comes_and_goes_under_an_open_session(nest):
    with nest.attached() as lake, Duck() as own:
        assert lake.types("nest")[1:] == [("st", "STRUCT(a BIGINT, tags VARCHAR[])"), ("n", "BIGINT")]
        first = nest.versions()[-1]
        before = lake.content("nest")

        nest.define("nest", TABLE.format(columns=ADDED, more=", 'evolve' = 'keep'"))
        nest.mtctl("apply")
        nest.mtctl("refresh", "nest", "--interval", "2013-01-02", "--force")
        assert agree(nest, lake, own)
        assert lake.types("nest")[1] == ("m", "MAP(VARCHAR, STRUCT(d DECIMAL(21,1))[])")
        assert lake.rows("SELECT count(m), sum(st.a), max(m['k'][1].d)::VARCHAR FROM nest") == [(1, 3, "0.5")]
        assert lake.rows("SELECT ds::VARCHAR FROM nest WHERE st.a = 2") == [("2013-01-03",)]
        assert lake.content(f"nest AT (VERSION => {first})") == before

        nest.define("nest", TABLE.format(columns="i AS n", more=", 'evolve' = 'keep'"))
        nest.mtctl("apply")
        assert [name for name, _ in lake.types("nest")] == ["ds", "n"]
        assert agree(nest, lake, own)
        nest.mtctl("verify")
        assert lake.content(f"nest AT (VERSION => {first})") == before

        # Ids are never used again: what comes under the old name is another column.
        nest.define("nest", TABLE.format(columns="i AS n, {'a': -i} AS st", more=", 'evolve' = 'keep'"))
        nest.mtctl("apply")
        nest.mtctl("refresh", "nest", "--interval", "2013-01-03", "--force")
        assert lake.rows("SELECT count(st), min(st.a) FROM nest") == [(1, -2)]
        assert agree(nest, lake, own)
        nest.mtctl("verify")


def agree(project: Project, lake: Duck, own: Duck) -> bool:
    plain = project.tables_at(project.versions()[-1])["nest"]
    return lake.content("nest") == own.content(plain) and lake.types("nest") == own.types(plain)
