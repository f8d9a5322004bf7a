from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from importlib.metadata import version
from itertools import pairwise

import pytest
from contract.engine_kit import (
    Bench,
    bench_in,
    content,
    day_intervals,
    error_of,
    native,
    plain,
    relation,
    strings,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtctl.core.errors import Kind
from mtctl.core.interval import WHOLE, Grain
from mtctl.core.model import EmptyPolicy, NullPolicy
from mtctl.core.values import replace

EVENTS = (
    "SELECT TIMESTAMP '2013-03-01' + INTERVAL (i * 37) MINUTE AS ts, i AS n, i % 7 AS k, 'é' || (i % 5) AS s, "
    "i / 3.0::DOUBLE AS v FROM range(4000) t(i)"
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    for bench in bench_in(tmp_path_factory.mktemp("stage") / "p"):
        bench.file("data/events.parquet", EVENTS)
        yield bench


def test_a_whole_table_is_one_file_with_field_ids_digest_and_statistics(bench: Bench):
    staged = bench.stage("SELECT n, s FROM 'data/events.parquet'")
    [file], [whole] = staged.files, staged.intervals
    assert (whole.interval, whole.rows, staged.rows) == (WHOLE, 4000, 4000)
    assert plain(f"SELECT name, field_id FROM parquet_schema('{file.path}') WHERE field_id IS NOT NULL") == [
        ["n", "1"],
        ["s", "2"],
    ]
    assert plain(f"SELECT count(*), sum(n) FROM '{file.path}'") == [["4000", str(sum(range(4000)))]]
    assert [(s.field_id, s.value_count, s.null_count, s.min, s.max) for s in file.stats] == [
        (1, 4000, 0, "0", "3999"),
        (2, 4000, 0, "é0", "é4"),
    ]
    [source] = staged.sources
    assert source.path.endswith("data/events.parquet")
    assert len(source.sha256) == 64
    measured = bench.measure(staged, 0, bench.columns("SELECT n, s FROM 'data/events.parquet'"))
    assert (measured.sha256, measured.bytes, measured.footer_bytes) == (file.sha256, file.bytes, file.footer_bytes)
    assert measured.fingerprints == (whole.fingerprint,)


def test_an_empty_result_leaves_no_file_or_fails(bench: Bench):
    query = "SELECT n FROM 'data/events.parquet' WHERE n < 0"
    staged = bench.stage(query)
    assert staged.files == ()
    assert [(i.file, i.rows) for i in staged.intervals] == [(None, 0)]
    error = error_of(lambda: bench.stage(query, on_empty=EmptyPolicy.FAIL, prefix="gone"))
    assert (error.code, error.kind) == ("result_empty", Kind.FAILED)
    assert not list((bench.root / "lake/_staging").glob("gone-*"))


def test_days_come_out_sorted_with_exact_row_ranges(bench: Bench):
    query = "SELECT CAST(ts AS DATE) AS d, k, count(*) AS c FROM 'data/events.parquet' GROUP BY ALL"
    days = day_intervals("2013-02-27", "2013-04-01")
    staged = bench.stage(query, native("d", "DATE"), days)
    assert [i.interval for i in staged.intervals] == days
    assert [i.rows for i in staged.intervals][:2] == [0, 0]
    assert {i.file for i in staged.intervals} == {None, 0}
    [file] = staged.files
    rows = plain(f"SELECT d, file_row_number FROM read_parquet('{file.path}', file_row_number = true) ORDER BY 2")
    for found in staged.intervals:
        if found.file is not None:
            day = datetime.fromtimestamp(found.interval.start / 1e6, UTC).date().isoformat()
            assert {row[0] for row in rows[found.row_start : found.row_start + found.rows]} == {day}
    assert sum(i.rows for i in staged.intervals) == len(rows) == file.rows


def test_files_split_on_interval_borders_at_the_target(bench: Bench):
    days = day_intervals("2013-03-01", "2013-03-21")
    staged = bench.stage("SELECT ts, n FROM 'data/events.parquet'", native("ts", "TIMESTAMP"), days, target_rows=100)
    assert len(staged.files) == 10
    assert all(file.rows <= 100 for file in staged.files)
    assert [i.file for i in staged.intervals] == [n // 2 for n in range(20)]
    big = bench.stage("SELECT ts, n FROM 'data/events.parquet'", native("ts", "TIMESTAMP"), days, target_rows=5)
    assert len(big.files) == 20
    assert content(big) == content(staged)


@pytest.mark.parametrize(
    ("query", "partition"),
    [
        ("SELECT CAST(ts AS DATE) AS d, k, count(*) AS c, sum(n) AS t FROM {} GROUP BY ALL", native("d", "DATE")),
        ("SELECT ts, n, s, v FROM {} ORDER BY hash(n)", native("ts", "TIMESTAMP")),
        ("SELECT strftime(ts, '%Y%m%d') AS d, max(v) AS m FROM {} GROUP BY ALL", strings(Grain.DAY, d="yyyyMMdd")),
        ("SELECT strftime(ts, '%d.%m.%Y') AS d, k FROM {}", strings(Grain.DAY, d="dd.MM.yyyy")),
    ],
)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, 39), max_size=4), target=st.sampled_from([40, 90, 10_000]))
def test_any_split_into_batches_gives_equal_content(bench: Bench, query, partition, cuts, target):
    query = query.format("'data/events.parquet'")
    days = day_intervals("2013-03-10", "2013-04-19")
    whole = content(bench.stage(query, partition, days))
    edges = [0, *sorted(cuts), len(days)]
    parts = {}
    for first, last in pairwise(edges):
        parts |= content(bench.stage(query, partition, days[first:last], target_rows=target))
    assert parts == whole


def test_interval_parameters_are_bound_per_statement(bench: Bench):
    days = day_intervals("2013-03-01", "2013-03-06")
    params = tuple(
        {"interval_start": datetime(2013, 3, n), "interval_end": datetime(2013, 3, n + 1)}  # noqa: DTZ001 - wall time
        for n in range(1, 6)
    )
    query = "SELECT $interval_start AS h, count(*) AS c FROM 'data/events.parquet' WHERE ts < $interval_end"
    statements = tuple((n, n + 1) for n in range(5))
    staged = bench.stage(query, native("h", "TIMESTAMP"), days, params=params, statements=statements)
    [file] = staged.files
    assert [i.rows for i in staged.intervals] == [1] * 5
    assert [row[1] for row in plain(f"FROM '{file.path}' ORDER BY 1")] == ["39", "78", "117", "156", "195"]
    one = bench.stage(query, native("h", "TIMESTAMP"), days[2:3], params=params[2:3], statements=((0, 1),))
    assert content(one)[days[2]] == content(staged)[days[2]]


def test_hours_of_new_york_follow_real_instants(bench: Bench):
    query = "SELECT TIMESTAMPTZ '2013-11-03 00:00:00-04' + INTERVAL (i * 20) MINUTE AS ts, i FROM range(90) t(i)"
    zone = "America/New_York"
    hours = day_intervals("2013-11-03", "2013-11-04", zone, Grain.HOUR)
    assert len(hours) == 25
    staged = bench.stage(query, native("ts", "TIMESTAMP WITH TIME ZONE", Grain.HOUR), hours, zone=zone)
    assert [i.rows for i in staged.intervals] == [3] * 25
    days = day_intervals("2013-03-09", "2013-03-12", zone)
    query = "SELECT TIMESTAMPTZ '2013-03-09 00:00:00-05' + INTERVAL (i) HOUR AS ts FROM range(80) t(i)"
    staged = bench.stage(query, native("ts", "TIMESTAMP WITH TIME ZONE"), days, zone=zone)
    assert [i.rows for i in staged.intervals] == [24, 23, 24]


def test_months_over_a_date_and_a_day_that_begins_at_one(bench: Bench):
    query = "SELECT DATE '2013-01-01' + CAST(i AS INTEGER) AS d FROM range(365) t(i)"
    months = day_intervals("2013-01-01", "2014-01-01", "America/New_York", Grain.MONTH)
    staged = bench.stage(query, native("d", "DATE", Grain.MONTH), months, zone="America/New_York")
    assert [i.rows for i in staged.intervals] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    # In Sao Paulo clocks went from 2013-10-20 00:00 to 01:00; a naive 00:30 belongs to that day all the same.
    zone = "America/Sao_Paulo"
    query = "SELECT TIMESTAMP '2013-10-19' + INTERVAL (i * 30) MINUTE AS ts FROM range(144) t(i)"
    staged = bench.stage(query, native("ts", "TIMESTAMP"), day_intervals("2013-10-19", "2013-10-22", zone), zone=zone)
    assert [i.rows for i in staged.intervals] == [48, 48, 48]


def test_two_string_columns_name_one_hour(bench: Bench):
    partition = strings(Grain.HOUR, d="yyyy-MM-dd", h="HH")
    hours = day_intervals("2013-03-02", "2013-03-04", grain=Grain.HOUR)[5:40]
    query = "SELECT strftime(ts, '%Y-%m-%d') AS d, strftime(ts, '%H') AS h, n FROM 'data/events.parquet'"
    staged = bench.stage(query, partition, hours)
    expected = plain(
        f"SELECT count(*) FROM '{bench.root}/data/events.parquet' "
        "WHERE ts >= TIMESTAMP '2013-03-02 05:00' AND ts < TIMESTAMP '2013-03-03 16:00'"
    )
    assert [[str(staged.rows)]] == expected
    assert all(i.rows in {1, 2} for i in staged.intervals)


@pytest.mark.parametrize(
    ("partition", "query"),
    [
        (native("d", "DATE"), "SELECT CASE WHEN n % 2 = 0 THEN CAST(ts AS DATE) END AS d, n FROM {}"),
        (
            strings(Grain.DAY, d="yyyy-MM-dd"),
            "SELECT CASE WHEN n % 2 = 0 THEN strftime(ts, '%Y-%m-%d') END AS d, n FROM {}",
        ),
    ],
)
def test_null_partition_values_fail_or_drop(bench: Bench, partition, query):
    query = query.format("'data/events.parquet'")
    days = day_intervals("2013-03-01", "2013-03-03")
    error = error_of(lambda: bench.stage(query, partition, days))
    assert (error.code, error.kind) == ("partition_null", Kind.FAILED)
    assert "2,000 rows" in error.what
    assert bench.stage(query, partition, days, null_policy=NullPolicy.DROP).rows == 39


@pytest.mark.parametrize(
    ("pattern", "written"), [("yyyy-MM-dd", "%Y/%m/%d"), ("yyyy-MM-dd", "%Y-%m-%d "), ("dd.MM.yyyy", "%d-%m-%Y")]
)
def test_a_partition_value_of_another_shape_fails(bench: Bench, pattern, written):
    query = f"SELECT strftime(ts, '{written}') AS d, n FROM 'data/events.parquet'"
    error = error_of(
        lambda: bench.stage(query, strings(Grain.DAY, d=pattern), day_intervals("2013-03-01", "2013-03-03"))
    )
    assert error.code == "partition_foreign"
    assert "2013" in error.what


def test_a_range_of_strings_lets_nothing_in_between(bench: Bench):
    query = "SELECT unnest(['2013-03-01', '2013-03-0a', '2013-03-02']) AS d"
    days = day_intervals("2013-03-01", "2013-03-11")
    assert error_of(lambda: bench.stage(query, strings(Grain.DAY, d="yyyy-MM-dd"), days)).code == "partition_foreign"


@pytest.mark.parametrize(
    ("partition", "rows"),
    [
        (strings(Grain.DAY, d="yyyy-MM-dd"), "['2013-02-27', '2013-02-30', '2013-03-02']"),
        (strings(Grain.DAY, d="yyyyMMdd"), "['20130227', 'infinity', '20130302']"),
        (strings(Grain.DAY, d="dd.MM.yyyy"), "['27.02.2013', '30.02.2013', '02.03.2013']"),
        (strings(Grain.DAY, d="yyyy-MM-dd"), "['2013-02-27', '2013/02/28', '2013-03-02']"),
    ],
)
def test_a_foreign_value_gives_the_same_answer_in_every_batch_of_any_split(bench: Bench, partition, rows):
    query = f"SELECT unnest({rows}) AS d"
    days = day_intervals("2013-02-26", "2013-03-04")
    batches = [days, *([day] for day in days)]
    assert [error_of(lambda b=b: bench.stage(query, partition, b)).code for b in batches] == (
        ["partition_foreign"] * len(batches)
    )
    whole = content(bench.stage(query, partition, days, null_policy=NullPolicy.DROP))
    parts = {}
    for day in days:
        parts |= content(bench.stage(query, partition, [day], null_policy=NullPolicy.DROP))
    assert parts == whole
    assert sum(count for count, _ in whole.values()) == 2


def test_columns_that_name_no_date_together_fail_in_every_batch(bench: Bench):
    partition = strings(Grain.DAY, m="yyyy-MM", d="dd")
    query = "SELECT * FROM (VALUES ('2013-02', '27'), ('2013-02', '30')) t(m, d)"
    days = day_intervals("2013-02-26", "2013-03-01")
    for batch in (days, days[:1], days[1:2]):
        error = error_of(lambda b=batch: bench.stage(query, partition, b))
        assert (error.code, error.kind) == ("partition_foreign", Kind.FAILED)
        assert "m = '2013-02', d = '30'" in error.what


def test_a_foreign_value_that_the_query_drops_itself_is_none(bench: Bench):
    rows = "SELECT unnest(['2013-03-01', '2013-03-01', 'junk']) AS d"
    query = f"SELECT d, count(*) AS c FROM ({rows}) GROUP BY d HAVING c > 1"
    assert bench.stage(query, strings(Grain.DAY, d="yyyy-MM-dd"), day_intervals("2013-03-01", "2013-03-02")).rows == 1


def test_foreign_rows_beyond_memory_fail_before_they_are_staged(tmp_path):
    query = "SELECT i || repeat('x', 200) AS d, repeat(i::VARCHAR, 40) AS s FROM range(4000000) t(i)"
    days = day_intervals("2013-03-01", "2013-03-03")
    for small in bench_in(tmp_path / "p", memory=400 << 20):
        error = error_of(lambda: small.stage(query, strings(Grain.DAY, d="yyyy-MM-dd"), days))  # noqa: B023
        assert error.code == "partition_foreign"
        assert len(error.what) < 200


def test_a_null_column_added_later_and_another_column_order_keep_fingerprints(bench: Bench):
    a, b = bench.columns("SELECT 1 AS a, 'x' AS b")
    extra = replace(a, name="extra", field_id=3)
    first = bench.stage("SELECT 1 AS a, 'x' AS b", columns=(a, b))
    second = bench.stage("SELECT 'x' AS b, NULL::INTEGER AS extra, 1 AS a", columns=(b, extra, a))
    third = bench.stage("SELECT 'x' AS b, 2 AS extra, 1 AS a", columns=(b, extra, a))
    assert first.intervals[0].fingerprint == second.intervals[0].fingerprint != third.intervals[0].fingerprint
    assert bench.measure(first, 0, (a, b, extra)).fingerprints == (second.intervals[0].fingerprint,)


def test_fingerprints_count_duplicates_and_round_doubles(bench: Bench):
    def of(query: str) -> str:
        return bench.stage(query).intervals[0].fingerprint

    assert of("SELECT 1 AS a FROM range(2)") != of("SELECT 2 AS a FROM range(2)")
    assert of("SELECT 0.1::DOUBLE + 0.2::DOUBLE AS a") == of("SELECT 0.3::DOUBLE AS a")
    assert of("SELECT 0.3::DOUBLE AS a") != of("SELECT 0.30000000001::DOUBLE AS a")
    assert of("SELECT -0.0::DOUBLE AS a") == of("SELECT 0.0::DOUBLE AS a")
    assert of("SELECT 'inf'::DOUBLE AS a") != of("SELECT '-inf'::DOUBLE AS a") != of("SELECT 'nan'::DOUBLE AS a")
    assert of("SELECT 1e308::DOUBLE AS a") != of("SELECT 1.5e308::DOUBLE AS a")
    assert of("FROM (VALUES (1, 'a'), (2, 'b')) t(a, b)") == of("FROM (VALUES (2, 'b'), (1, 'a')) t(a, b)")
    assert of("FROM (VALUES (1, 'a'), (2, 'b')) t(a, b)") != of("FROM (VALUES (2, 'a'), (1, 'b')) t(a, b)")


def test_upstream_files_are_read_by_field_id(bench: Bench):
    columns = bench.columns("SELECT 1 AS a, 'x' AS b")
    first = bench.stage("SELECT 1 AS a, 'x' AS b", columns=columns)
    renamed = (replace(columns[1], name="beta"), replace(columns[0], name="alpha", stored_type="BIGINT", type="BIGINT"))
    table = relation("up", renamed, first.files[0].path)
    assert bench.query("SELECT alpha, beta FROM shop.main.up", table) == [["1", "x"]]
    staged = bench.stage("SELECT alpha + 1 AS n FROM up", relations=(table,))
    assert plain(f"FROM '{staged.files[0].path}'") == [["2"]]
    empty = relation("none", renamed)
    assert bench.query("SELECT count(*), max(alpha) FROM none", empty) == [["0", None]]


def test_a_source_that_changes_while_it_is_read_fails_the_attempt(bench: Bench):
    path = bench.file("data/change.parquet", "SELECT i FROM range(3000000) t(i)")
    touched = []

    def touch(_):
        if not touched:
            touched.append(True)
            path.touch()

    query = "SELECT count(*) AS c FROM 'data/change.parquet' a, range(40) b WHERE a.i % 7 + b.range > 3"
    error = error_of(lambda: bench.stage(query, on_progress=touch, prefix="chg"))
    assert touched
    assert (error.code, error.kind) == ("source_changed", Kind.FAILED)
    assert not list((bench.root / "lake/_staging").glob("chg-*"))


def test_known_files_are_not_hashed_again(bench: Bench):
    query = "SELECT count(*) AS c FROM 'data/events.parquet'"
    [source] = bench.stage(query).sources
    trusted = replace(source, sha256="0" * 64)
    assert bench.stage(query, known=(trusted,)).sources == (trusted,)
    older = replace(trusted, mtime_ns=1)
    assert bench.stage(query, known=(older,)).sources == (source,)


def test_a_failing_row_is_told_with_its_place(bench: Bench):
    error = error_of(lambda: bench.stage("SELECT n,\n CAST(s AS INTEGER) AS x FROM 'data/events.parquet'"))
    assert (error.code, error.kind) == ("query_failed", Kind.FAILED)
    assert error.where == "line 2, column 2"


_PLAN = """
import duckdb, json, sys
from mtctl.core.interval import Grain, Interval
from mtctl.core.model import NullPolicy, Partition, PartitionColumn
from mtctl.engine.predicate import predicate
from mtctl.ports import Slice
name, sql_type, formatter, query, slices = json.load(sys.stdin)
column = PartitionColumn(name=name, type=sql_type, formatter=formatter)
partition = Partition(columns=(column,), grain=Grain.DAY)
slices = [Slice(interval=Interval(a, b), values=tuple(v)) for a, b, v in slices]
where = predicate(partition, {name: sql_type}, "UTC", slices, NullPolicy(sys.argv[1]))
for row in duckdb.connect().execute(f"EXPLAIN SELECT * FROM ({query}) AS q WHERE {where}").fetchall():
    print(row[1])
"""


PLAN_DATA = (
    "SELECT DATE '2013-01-01' + i::INTEGER AS d, strftime(d, '%Y%m%d') AS s, strftime(d, '%d%m%Y') AS z, i "
    "FROM range(9) t(i)"
)


@pytest.mark.parametrize("policy", ["fail", "drop"])
@pytest.mark.parametrize(
    ("column", "sql_type", "formatter"),
    [("d", "DATE", None), ("s", "VARCHAR", "yyyyMMdd"), ("z", "VARCHAR", "ddMMyyyy")],
)
def test_the_predicate_reaches_the_scan_below_a_group_by(bench: Bench, policy, column, sql_type, formatter):
    if sql_type == "VARCHAR" and version("duckdb").startswith("2."):
        pytest.skip("DuckDB 2 holds strftime to fail, and leaves what may fail above a GROUP BY")
    path = bench.root / "data/plan.parquet"
    if not path.exists():
        bench.file("data/plan.parquet", PLAN_DATA)
    days = day_intervals("2013-01-03", "2013-01-06")
    values = ["20130103", "20130104", "20130105"] if formatter == "yyyyMMdd" else ["03012013", "04012013", "05012013"]
    slices = [[day.start, day.end, [value]] for day, value in zip(days, values, strict=True)]
    query = f"SELECT {column}, count(*) AS c FROM '{path}' GROUP BY {column}"
    done = subprocess.run(
        [sys.executable, "-c", _PLAN, policy],
        input=json.dumps([column, sql_type, formatter, query, slices]),
        capture_output=True,
        text=True,
        check=True,
    )
    plan = done.stdout.upper().replace("GROUP BY", "GROUP_BY")  # DuckDB 2 writes it in another hand
    below = plan[plan.index("GROUP_BY") :]
    assert "FILTER" in below
    above = plan[: plan.index("GROUP_BY")]
    assert "FILTER" not in above


def test_dates_of_parameters_may_be_dates(bench: Bench):
    days = day_intervals("2013-03-01", "2013-03-02")
    staged = bench.stage(
        "SELECT $interval_start AS d, count(*) AS c FROM 'data/events.parquet' WHERE ts::DATE = $interval_start",
        native("d", "DATE"),
        days,
        params=({"interval_start": date(2013, 3, 1)},),
    )
    assert [i.rows for i in staged.intervals] == [1]
