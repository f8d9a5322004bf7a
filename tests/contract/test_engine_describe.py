from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from contract.engine_kit import Bench, bench_in, error_of, relation

from mtctl.core.errors import MtctlError
from mtctl.core.model import Column
from mtctl.core.storage import tree_of
from mtctl.ports import DescribeRequest, Description


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    for bench in bench_in(tmp_path_factory.mktemp("describe") / "p"):
        bench.file("data/a.parquet", "SELECT DATE '2013-01-01' AS d, 1 AS n, 'x' AS s")
        yield bench


SCALARS = {
    "BOOLEAN": "boolean",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "DECIMAL(5,2)": "decimal(5,2)",
    "DECIMAL(38,10)": "decimal(38,10)",
    "VARCHAR": "varchar",
    "JSON": "json",
    "UUID": "uuid",
    "BLOB": "blob",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp_s",
    "TIMESTAMP_MS": "timestamp_ms",
    "TIMESTAMP_NS": "timestamp_ns",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    "GEOMETRY": "geometry",
}


@pytest.mark.parametrize(("sql_type", "lake_type"), SCALARS.items())
def test_a_scalar_is_stored_as_it_is(bench: Bench, sql_type, lake_type):
    [column] = bench.columns(f"SELECT CAST(NULL AS {sql_type}) AS c")
    assert (column.type, column.stored_type, column.lake_type, column.note) == (sql_type, sql_type, lake_type, "")


def test_hugeint_and_enum_are_stored_otherwise_and_say_so(bench: Bench):
    total, kind = bench.columns(
        "SELECT sum(n) AS total, 'a'::ENUM('a', 'b') AS kind FROM 'data/a.parquet' GROUP BY ALL"
    )
    assert (total.type, total.stored_type, total.lake_type) == ("HUGEINT", "DECIMAL(38,0)", "decimal(38,0)")
    assert "HUGEINT is stored as DECIMAL(38,0)" in total.note
    assert (kind.stored_type, kind.lake_type) == ("VARCHAR", "varchar")
    assert "ENUM" in kind.note


@pytest.mark.parametrize(
    "expression",
    [
        "1::UHUGEINT", "1::BIGNUM", "'1'::BIT", "'01:00:00+01'::TIMETZ", "union_value(a := 1)", "'01:00'::TIME_NS",
        "NULL", "1::VARIANT", "[1::HUGEINT]", "{'a': {'b': 1::HUGEINT}}", "MAP {'a': '1'::BIT}", "[INTERVAL 1 DAY]",
        "['POINT(1 2)'::GEOMETRY]", "row(1, 'a')", "'POINT(1 2)'::GEOMETRY('OGC:CRS84')",
    ],
)  # fmt: skip
def test_what_cannot_be_stored_exactly_is_refused_with_the_cast_to_write(bench: Bench, expression):
    error = error_of(lambda: bench.columns(f"SELECT 1 AS ok, {expression} AS bad"))
    assert error.code == "type_unsupported"
    assert "'bad'" in error.what
    assert "CAST(" in error.fix


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("[1::HUGEINT]", "DECIMAL(38,0)[]"),
        ("{'a': {'b': 1::HUGEINT}, 'c': [1]}", 'STRUCT("a" STRUCT("b" DECIMAL(38,0)), "c" INTEGER[])'),
        ("MAP {'a': '1'::BIT}", "MAP(VARCHAR, VARCHAR)"),
        ("[union_value(a := 1)]", "JSON[]"),
        ("1::UHUGEINT", "DECIMAL(38,0)"),
        ("'POINT(1 2)'::GEOMETRY('OGC:CRS84')", "VARCHAR"),
    ],
)
def test_the_cast_that_is_advised_is_one_that_is_stored(bench: Bench, expression, advice):
    error = error_of(lambda: bench.columns(f"SELECT {expression} AS bad"))
    assert error.fix == f'write CAST("bad" AS {advice}) AS "bad" in the query'
    [column] = bench.columns(f"SELECT CAST(bad AS {advice}) AS bad FROM (SELECT {expression} AS bad)")
    assert tree_of(column.stored_type) == tree_of(advice)


def test_nested_types_are_stored_part_by_part(bench: Bench):
    query = "SELECT {'a': 'x'::ENUM('x'), 'b': [1, 2]::INTEGER[2]} AS s, MAP {'k': [DATE '2013-01-01']} AS m"
    struct, mapping = bench.columns(query)
    assert (struct.stored_type, struct.lake_type) == ('STRUCT("a" VARCHAR, "b" INTEGER[])', "struct")
    assert struct.note == "ENUM is stored as VARCHAR; ARRAY is stored as LIST, its length of 2 is not checked"
    assert (mapping.stored_type, mapping.lake_type, mapping.note) == ("MAP(VARCHAR, DATE[])", "map", "")


def test_a_typed_null_and_an_integer_beside_a_null_word_are_no_bare_nulls(bench: Bench):
    columns = bench.columns("SELECT CAST(NULL AS INTEGER) AS a, coalesce(n, NULL, 3) AS b FROM 'data/a.parquet'")
    assert [column.type for column in columns] == ["INTEGER", "INTEGER"]


def test_duplicate_names_are_reported_as_they_are(bench: Bench):
    assert [column.name for column in bench.columns("SELECT 1 AS a, 2 AS a")] == ["a", "a"]


@pytest.mark.parametrize(
    ("value", "sql_type"),
    [
        (datetime(2013, 1, 1, 5, tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
        (datetime(2013, 1, 1, 5), "TIMESTAMP"),  # noqa: DTZ001 - a naive value is the point
        (date(2013, 1, 1), "DATE"),
        ("20130101", "VARCHAR"),
        (5, "BIGINT"),
    ],
)
def test_parameters_keep_their_type(bench: Bench, value, sql_type):
    [column] = bench.columns("SELECT $interval_start AS c", params={"interval_start": value, "unused": 1})
    assert column.type == sql_type


def test_a_parameter_without_a_value_is_told(bench: Bench):
    error = error_of(lambda: bench.columns("SELECT $nope AS c", params={"interval_start": 1}))
    assert error.code == "sql_parameter"
    assert "$interval_start" in error.fix


def _request(query: str, **more) -> DescribeRequest:
    return DescribeRequest(query=query, zone="UTC", relations=more.pop("relations", ()), sources=(), params={}, **more)


def test_later_queries_see_earlier_ones_and_fail_with_them(bench: Bench):
    answers = bench.client.describe(
        [
            _request("SELECT d, sum(n) AS n FROM 'data/a.parquet' GROUP BY d", publish_as=("t", "main.t")),
            _request("SELECT max(d) AS last, max(n) AS n FROM main.t", publish_as=("u",)),
            _request("SELECT nope FROM t", publish_as=("v",)),
            _request("SELECT * FROM v", publish_as=("w",)),
            _request("SELECT * FROM w"),
            _request("SELECT last FROM U"),
        ]
    )
    kinds = [answer.code if isinstance(answer, MtctlError) else [c.type for c in answer.columns] for answer in answers]
    assert kinds == [
        ["DATE", "HUGEINT"],
        ["DATE", "DECIMAL(38,0)"],
        "sql_bind",
        "upstream_invalid",
        "upstream_invalid",
        ["DATE"],
    ]


def test_nothing_stays_behind_for_the_next_call(bench: Bench):
    bench.client.describe([_request("SELECT 1 AS a", publish_as=("ghost",)), _request("SELECT * FROM ghost")])
    assert error_of(lambda: bench.columns("SELECT * FROM ghost")).code == "sql_bind"


def test_relations_answer_to_all_their_names(bench: Bench):
    columns = (Column(name="x", type="DATE", stored_type="DATE", lake_type="date", field_id=1),)
    for name in ("t", "main.t", "shop.main.t", "T", 'main."t"'):
        found = bench.columns(f"SELECT t.x FROM {name}", relations=(relation("t", columns),))
        assert [column.type for column in found] == ["DATE"]


def test_declared_columns_reorder_and_cast(bench: Bench):
    query = "SELECT 1 AS a, 'x' AS b"
    names = bench.columns(query, declared=(("b", None), ("a", None)))
    assert [(c.name, c.type) for c in names] == [("b", "VARCHAR"), ("a", "INTEGER")]
    typed = bench.columns(query, declared=(("a", "BIGINT"), ("b", "VARCHAR")))
    assert [(c.name, c.stored_type, c.note) for c in typed] == [
        ("a", "BIGINT", "INTEGER is cast to BIGINT"),
        ("b", "VARCHAR", ""),
    ]


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ((("a", None),), "schema_column_count"),
        ((("a", None), ("c", None)), "schema_column_missing"),
        ((("a", "DATE"), ("b", None)), "schema_type"),
        ((("a", "INTEGER); DROP TABLE x; --"), ("b", None)), "type_unsupported"),
        ((("a", "INTEGER[]"), ("b", None)), "schema_type"),
        ((("a", "STRUCT(INTEGER, VARCHAR)"), ("b", None)), "type_unsupported"),
        ((("a", "NOTYPE"), ("b", None)), "schema_type"),
    ],
)
def test_a_column_list_that_does_not_fit_is_refused(bench: Bench, declared, code):
    assert error_of(lambda: bench.columns("SELECT 1 AS a, 'x' AS b", declared=declared)).code == code


def test_a_thousand_chained_tables_take_little_time(bench: Bench):
    requests = [_request("SELECT 1 AS a, 'x' AS b", publish_as=("t0",))]
    requests += [_request(f"SELECT a, b FROM t{n}", publish_as=(f"t{n + 1}",)) for n in range(1000)]
    answers = bench.client.describe(requests)
    assert all(isinstance(answer, Description) for answer in answers)
