"""Definitions as they are checked: lineage, partition formats, zones, bounds, types, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY

if TYPE_CHECKING:
    from service_kit import World

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}


def full(name: str, query: str, options: str = "") -> str:
    """Return a statement without intervals."""
    return f"CREATE MATERIALIZED TABLE {name}{f' WITH ({options})' if options else ''} AS {query}\n"


def by(columns: str, options: str, query: str, name: str = "t") -> str:
    """Return a statement with partition columns."""
    return f"CREATE MATERIALIZED TABLE {name} PARTITIONED BY ({columns}) WITH ({options}) AS {query}\n"


# --- lineage ---------------------------------------------------------------------------------------------------


def test_a_pivot_needs_its_upstream_declared(world: World) -> None:
    world.table("a", full("a", "SELECT 1 AS k, 'x' AS kind, 2 AS v"))
    query = "PIVOT a ON kind IN ('x', 'y') USING sum(v) GROUP BY k"
    world.table("wide", full("wide", f"FROM ({query})"))
    problem = world.problem()
    assert problem.code == "lineage_unknown"
    assert "'upstream' = 'a,b'" in problem.fix
    world.table("wide", full("wide", f"FROM ({query})", "'upstream' = 'a'"))
    world.apply()
    world.fill("a", "wide")
    assert world.rows("SELECT k, x FROM wide") == [("1", "2")]
    assert world.app.show("wide").upstream == ("a",)


def test_a_circle_is_refused_with_its_path(world: World) -> None:
    world.table("a", full("a", "SELECT * FROM c"))
    world.table("b", full("b", "SELECT * FROM a"))
    world.table("c", full("c", "SELECT * FROM b"))
    problems = world.plan().problems
    assert {problem.code for problem in problems} == {"cycle"}
    path = problems[0].what.rpartition(": ")[2].split(" → ")
    assert len(path) == 4
    assert path[0] == path[-1]
    assert {*path} == {"a", "b", "c"}


@pytest.mark.parametrize("spelling", ["t", "main.t", "shop.main.t", "T", '"t"'])
def test_a_table_that_reads_itself_is_refused_by_every_spelling(world: World, spelling: str) -> None:
    world.table("t", full("t", f"SELECT * FROM {spelling}"))
    problem = world.problem()
    assert (problem.code, problem.what) == ("cycle", "t reads itself: t → t")


def test_a_circle_through_a_table_in_force_is_refused(world: World) -> None:
    world.table("a", full("a", "SELECT 1 AS x"))
    world.table("b", full("b", "SELECT x FROM a"))
    world.apply()
    world.table("a", full("a", "SELECT x FROM b"))
    assert {problem.code for problem in world.plan().problems} == {"cycle"}


def test_a_circle_by_the_command_line_is_refused(world: World) -> None:
    world.app.create_table(full("a", "SELECT 1 AS x"), "<stdin>")
    world.app.create_table(full("b", "SELECT x FROM a"), "<stdin>")
    with pytest.raises(Exception, match="in a circle: a → b → a"):
        world.app.create_table(full("a", "SELECT x FROM b").replace("CREATE", "CREATE OR ALTER"), "<stdin>")


def test_a_circle_of_a_file_through_the_command_line_is_refused(world: World) -> None:
    world.table("a", full("a", "SELECT 1 AS x"))
    world.apply()
    world.app.create_table(full("b", "SELECT x FROM a"), "<stdin>")
    world.table("a", full("a", "SELECT x FROM b"))
    problem = world.problem()
    assert (problem.code, problem.where) == ("cycle", "tables/a.sql")
    assert "a → b → a" in problem.what


def test_an_unknown_upstream_names_the_nearest(world: World) -> None:
    world.table("daily_sales", full("daily_sales", "SELECT 1 AS x"))
    world.table("t", full("t", "SELECT * FROM daily_sale"))
    problem = world.problem()
    assert (problem.code, problem.fix) == ("upstream_unknown", "did you mean 'daily_sales'?")
    assert problem.where.startswith("tables/t.sql")


def test_a_name_of_a_cte_is_no_upstream(world: World) -> None:
    world.table("a", full("a", "SELECT 1 AS x"))
    world.table("t", full("t", "WITH a AS (SELECT 2 AS x) SELECT * FROM a"))
    world.apply()
    assert world.app.show("t").upstream == ()
    world.fill("t")
    assert world.rows("FROM t") == [("2",)]


def test_options_about_tables_that_are_not_read_are_refused(world: World) -> None:
    world.table("a", full("a", "SELECT 1 AS x"))
    world.table("t", full("t", "SELECT x FROM a", "'upstream.b.wait' = 'off'"))
    assert world.problem().code == "option_target"


# --- partition formats and zones -----------------------------------------------------------------------------------


def test_two_text_columns_together_form_one_interval(world: World) -> None:
    world.data("h.csv", "ts,v\n2013-01-01 05:10:00,1\n2013-01-01 05:50:00,2\n2013-01-02 00:00:00,4\n")
    options = (
        "'partition.fields.day.date-formatter' = 'yyyy-MM-dd', 'partition.fields.hour.date-formatter' = 'HH', "
        "'start' = '2013-01-01', 'end' = '2013-01-03'"
    )
    query = """SELECT strftime(ts, '%Y-%m-%d') AS day, strftime(ts, '%H') AS hour, sum(v)::BIGINT AS v
    FROM 'data/h.csv' GROUP BY ALL"""
    world.table("t", by("day, hour", options, query))
    change = world.change("t")
    assert change.intervals == 48
    world.apply()
    world.fill("t")
    assert world.rows("FROM t ORDER BY ALL") == [("2013-01-01", "05", "3"), ("2013-01-02", "00", "4")]
    world.data("h.csv", "ts,v\n2013-01-01 05:10:00,1\n2013-01-01 05:50:00,20\n2013-01-02 00:00:00,4\n")
    report = world.fill("t", partition=(("day", "2013-01-01"), ("hour", "05")))
    assert sum(found.intervals for found in report.tables) == 1
    assert world.rows("FROM t ORDER BY ALL") == [("2013-01-01", "05", "21"), ("2013-01-02", "00", "4")]


def test_a_timestamp_column_by_the_hour(world: World) -> None:
    world.data("h.csv", "ts,v\n2013-01-01 05:10:00,1\n2013-01-01 06:50:00,2\n")
    options = "'partition.grain' = 'hour', 'start' = '2013-01-01', 'end' = '2013-01-02'"
    world.table("t", by("h", options, "SELECT date_trunc('hour', ts) AS h, v FROM 'data/h.csv'"))
    world.apply()
    world.fill("t")
    assert len(world.states("t")) == 24
    assert world.rows("FROM t ORDER BY ALL") == [("2013-01-01 05:00:00", "1"), ("2013-01-01 06:00:00", "2")]


@pytest.mark.parametrize(
    ("day", "after", "hours"), [("2013-03-10", "2013-03-11", 23), ("2013-11-03", "2013-11-04", 25)]
)
def test_a_day_of_changing_clocks_has_its_real_hours(world: World, day: str, after: str, hours: int) -> None:
    query = f"""SELECT unnest(generate_series(TIMESTAMPTZ '{day} 00:00:00 America/New_York',
    TIMESTAMPTZ '{after} 00:00:00 America/New_York' - INTERVAL 1 HOUR, INTERVAL 1 HOUR)) AS h"""
    options = f"'partition.grain' = 'hour', 'start' = '{day}', 'end' = '{after}', 'time-zone' = 'America/New_York'"
    world.table("t", by("h", options, f"SELECT h, count(*) AS n FROM ({query}) GROUP BY h"))
    assert world.change("t").intervals == hours
    world.apply()
    world.fill("t", batch=5)
    assert len(world.states("t")) == hours
    assert world.rows("SELECT count(*), sum(n), count(DISTINCT h) FROM t") == [(str(hours),) * 3]
    assert world.app.verify(()).findings == ()


@pytest.mark.parametrize(
    ("pattern", "likely"),
    [("YYYY-MM-dd", "yyyy"), ("yyyy-MM-DD", "dd"), ("yyyy-MM-dd hh", "HH")],
)
def test_letters_that_java_reads_otherwise_are_refused_with_the_likely_one(
    world: World, pattern: str, likely: str
) -> None:
    options = f"'partition.fields.d.date-formatter' = '{pattern}', 'start' = '2013-01-01'"
    world.table("t", by("d", options, "SELECT 'x' AS d"))
    problem = world.problem()
    assert problem.code == "date_formatter"
    assert likely in str(problem)


def test_a_format_that_does_not_tell_the_interval_is_refused(world: World) -> None:
    options = "'partition.fields.d.date-formatter' = 'MM-dd', 'start' = '2013-01-01'"
    world.table("t", by("d", options, "SELECT '01-01' AS d"))
    assert world.problem().code == "partition_undetermined"


# --- bounds --------------------------------------------------------------------------------------------------------


def test_intervals_need_a_start(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY.replace("'start' = '2013-01-01', ", ""))
    problem = world.problem()
    assert problem.code == "start_missing"
    assert "'start'" in problem.fix


def test_bounds_come_from_the_upstream_rounded_outward(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY.replace("2013-01-01", "2013-01-15").replace("2013-01-05", "2013-03-10"))
    query = "SELECT date_trunc('month', d)::DATE AS m, sum(n)::BIGINT AS n FROM daily GROUP BY 1"
    world.table("monthly", by("m", "'partition.grain' = 'month'", query, "monthly"))
    change = world.change("monthly")
    assert (change.wanted, change.intervals) == ("2013-01..2013-03", 3)


def test_bounds_of_several_upstreams_are_what_they_share(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.table("other", DAILY.replace("TABLE daily", "TABLE other").replace("2013-01-01", "2013-01-03"))
    query = "SELECT d, a.n + b.n AS n FROM daily a JOIN other b USING (d)"
    world.table("pair", by("d", "'partition.grain' = 'day'", query, "pair"))
    assert world.change("pair").wanted == "2013-01-03..2013-01-04"


def test_an_end_before_the_start_is_refused(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY.replace("2013-01-05", "2012-01-05"))
    assert world.problem().code == "time_range"


# --- types and notes ---------------------------------------------------------------------------------------------


def test_a_huge_integer_is_stored_as_a_decimal_and_told(world: World) -> None:
    world.table("t", full("t", "SELECT sum(x) AS s FROM (VALUES (1), (2)) v(x)"))
    assert any(note.startswith("s: ") and "DECIMAL(38,0)" in note for note in world.change("t").notes)
    world.apply()
    world.fill("t")
    assert world.rows("SELECT typeof(s), s FROM t") == [("DECIMAL(38,0)", "3")]


def test_a_huge_integer_that_does_not_fit_fails_and_is_not_rounded(world: World) -> None:
    world.table("t", full("t", "SELECT 170141183460469231731687303715884105727::HUGEINT AS s"))
    world.apply()
    report = world.refresh("t")
    assert report.tables[0].state == "failed"
    assert world.rows("SELECT count(*) FROM t") == [("0",)]


def test_volatile_functions_are_told(world: World) -> None:
    world.table("t", full("t", "SELECT random() AS r, now() AS w"))
    note = next(note for note in world.change("t").notes if note.startswith("volatile: "))
    assert "random" in note
    assert "now" in note


def test_a_named_interval_is_told_to_cost_a_statement_each(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY.replace("SELECT d", "SELECT $interval_start AS since, d"))
    assert "one interval a statement: the query names $interval_start" in world.change("daily").notes


@pytest.mark.parametrize(
    "query", ["SELECT union_value(n := 1) AS u", "SELECT '101'::BIT AS b", "SELECT [1::HUGEINT] AS l"]
)
def test_a_type_that_is_not_stored_is_refused_with_a_cast(world: World, query: str) -> None:
    world.table("t", full("t", query))
    problem = world.problem()
    assert problem.code.startswith("type_")
    assert "CAST" in str(problem).upper()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT 1 AS a, 2 AS a", "schema_duplicate_column"),
        ("SELECT 1 AS a, 2 AS A", "schema_duplicate_column"),
        ("SELECT 1 AS _mtctl_x", "schema_reserved_column"),
        ("SELECT * FROM df", "upstream_unknown"),
        ("SELECT nosuch(1) AS x", "sql_bind"),
    ],
)
def test_queries_that_cannot_become_tables_are_refused(world: World, query: str, code: str) -> None:
    df = [1]
    world.table("t", full("t", query))
    assert world.problem().code == code
    assert df == [1]


def test_a_partition_column_that_the_query_lacks_is_named(world: World) -> None:
    world.table("t", by("d", "'partition.grain' = 'day', 'start' = '2013-01-01'", "SELECT 1 AS x"))
    problem = world.problem()
    assert "'d'" in problem.what
    assert problem.where.startswith("tables/t.sql")


def test_an_error_inside_the_query_names_its_line_of_the_file(world: World) -> None:
    world.table("t", "-- one\n-- two\nCREATE MATERIALIZED TABLE t AS\nSELECT\n  nothing AS x\n")
    assert world.problem().where == "tables/t.sql:5:3"
