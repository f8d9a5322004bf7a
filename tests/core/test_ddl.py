from __future__ import annotations

import pytest
from hypothesis import given
from strategies import statements

from mtctl.core.ddl import ColumnSpec, Option, check_columns, parse_statement, render
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.freshness import Freshness, FreshnessUnit

FULL = """\
-- flights of a day
CREATE OR ALTER MATERIALIZED TABLE demo.main.Flights_Daily (
  flight_date,
  carrier VARCHAR COMMENT 'two letters',
  avg_delay DECIMAL( 10,2 ),
  CONSTRAINT pk PRIMARY KEY (flight_date, "carrier") NOT ENFORCED
)
COMMENT 'it''s daily' /* ; */
partitioned by (`flight_date`)
WITH (
  'partition.grain' = 'day',
  'start' = '2013-01-01'
)
FRESHNESS = INTERVAL '1' DAYS
REFRESH_MODE = full
AS
  -- kept; with its semicolon
  SELECT flight_date, carrier, avg(delay) AS avg_delay
  FROM 'data/flights.parquet' -- end
  WHERE note <> 'a;b' AND x = $interval_start
  ;
-- after
"""


def parse(text: str) -> object:
    return parse_statement(text, file="tables/x.sql")


def refused(text: str) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        parse(text)
    assert caught.value.kind is Kind.INVALID
    assert str(caught.value).isprintable()
    return caught.value


def test_a_statement_with_every_clause():
    statement = parse(FULL)
    assert (statement.name, statement.catalog, statement.or_alter) == ("flights_daily", "demo", True)
    assert statement.columns == (
        ColumnSpec(name="flight_date"),
        ColumnSpec(name="carrier", type="VARCHAR", comment="two letters"),
        ColumnSpec(name="avg_delay", type="DECIMAL(10, 2)"),
    )
    assert statement.primary_key == ("flight_date", "carrier")
    assert statement.comment == "it's daily"
    assert statement.partition_columns == ("flight_date",)
    assert statement.options == (
        Option(key="partition.grain", value="day"),
        Option(key="start", value="2013-01-01"),
    )
    assert [(option.line, option.column) for option in statement.options] == [(11, 3), (12, 3)]
    assert statement.freshness == Freshness(1, FreshnessUnit.DAY)
    assert statement.refresh_mode == "FULL"
    assert statement.query.startswith("-- kept; with its semicolon\n  SELECT")
    assert statement.query.endswith("x = $interval_start")
    assert (statement.query_line, statement.query_column) == (17, 3)
    assert statement.ddl.startswith("CREATE OR ALTER")
    assert FULL.splitlines()[statement.query_line - 1][statement.query_column - 1 :].startswith("-- kept")


def test_the_least_statement():
    statement = parse("create materialized table t as from x")
    assert (statement.name, statement.query) == ("t", "from x")
    assert statement.freshness is None
    assert statement.refresh_mode is None
    assert statement.query_position(1, 6) == (1, 37)
    assert statement.query_position(2, 6) == (2, 6)


@given(statements())
def test_render_and_parse_are_inverse(statement):
    again = parse(render(statement))
    assert again == statement
    assert render(again) == render(statement)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t", (None, "t")),
        ("main.t", (None, "t")),
        ("p.main.t", ("p", "t")),
        ('"T"', (None, "t")),
        ("`Main`.`T`", (None, "t")),
        ('"select"', (None, "select")),
    ],
)
def test_spellings_of_a_name(name, expected):
    statement = parse(f"CREATE MATERIALIZED TABLE {name} AS SELECT 1")
    assert (statement.catalog, statement.name) == expected


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ('"a""; DROP TABLE x; --"', "identifier"),
        ('""', "identifier"),
        ('"' + "x" * 65536 + '"', "identifier"),
        ('".."', "identifier"),
        ('"../../etc/passwd"', "identifier"),
        ('"a/b"', "identifier"),
        ('"-rf"', "identifier"),
        ('"\u202eabc"', "identifier"),
        ('"a\nb"', "identifier"),
        ('"\x1b[31m"', "identifier"),
        ("caf\u00e9", "identifier"),
        ("_mtctl", "identifier_reserved"),
        ("ducklake_table", "identifier_reserved"),
        ("select", "identifier_reserved"),
        ("main.information_schema.x", "identifier_reserved"),
        ("information_schema.x", "identifier_reserved"),
        ("memory.t", "identifier_reserved"),
        ("a.b.main.t", "ddl_syntax"),
        ("--help", "ddl_syntax"),
        ("-rf", "ddl_syntax"),
        ("'t'", "ddl_syntax"),
    ],
)
def test_names_that_are_refused(name, code):
    assert refused(f"CREATE MATERIALIZED TABLE {name} AS SELECT 1").code == code


CREATE = "CREATE MATERIALIZED TABLE t "
POSITIVE = "The freshness interval currently only supports positive integer type values. But was: "
DEFINE = (
    "MATERIALIZED TABLE only supports define interval type FRESHNESS, please refer to the materialized table document."
)


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("CREATE TEMPORARY MATERIALIZED TABLE t AS SELECT 1", "ddl_unsupported",
         "CREATE TEMPORARY MATERIALIZED TABLE is not supported."),
        ("CREATE OR REPLACE MATERIALIZED TABLE t AS SELECT 1", "ddl_unsupported",
         "REPLACE MATERIALIZED TABLE is not supported."),
        (CREATE + "(CONSTRAINT c UNIQUE(a)) AS SELECT 1", "ddl_unsupported", "UNIQUE constraint is not supported yet"),
        (CREATE + "FRESHNESS = 123 AS SELECT 1", "ddl_syntax", DEFINE),
        (CREATE + "FRESHNESS = INTERVAL 1 DAY AS SELECT 1", "ddl_syntax", DEFINE),
        (CREATE + "FRESHNESS = INTERVAL -'30' SECOND AS SELECT 1", "freshness", POSITIVE + "-30"),
        (CREATE + "FRESHNESS = INTERVAL '2.5' MINUTE AS SELECT 1", "freshness", POSITIVE + "2.5"),
        (CREATE + "FRESHNESS = INTERVAL '30' DAY TO HOUR AS SELECT 1", "freshness_unit",
         "Materialized table freshness only supports SECOND, MINUTE, HOUR, DAY as the time unit."),
        (CREATE + "REFRESH_MODE = NONE AS SELECT 1", "ddl_syntax", "REFRESH_MODE is not NONE"),
        (CREATE + "REFRESH_MODE = FULL FRESHNESS = INTERVAL '1' DAY AS SELECT 1", "ddl_syntax",
         "AS is expected, not FRESHNESS"),
        (CREATE + "DISTRIBUTED BY HASH(a) AS SELECT 1", "ddl_unsupported", None),
        (CREATE + "START_MODE = FROM_BEGINNING AS SELECT 1", "ddl_unsupported", None),
        (CREATE + "(WATERMARK FOR ts AS ts) AS SELECT 1", "ddl_unsupported", None),
        (CREATE + "WITH ('a'='1', 'a'='2') AS SELECT 1", "option_duplicate", "the option 'a' stands twice"),
        (CREATE + "WITH () AS SELECT 1", "ddl_syntax", None),
        (CREATE + "WITH (a='1') AS SELECT 1", "ddl_syntax", None),
        (CREATE + "(a, A) AS SELECT 1", "schema_duplicate_column", None),
        (CREATE + "(a INT NOT NULL) AS SELECT 1", "ddl_unsupported", None),
        (CREATE + "(_mtctl_x) AS SELECT 1", "schema_reserved_column", None),
        (CREATE + "(a, PRIMARY KEY (a)) AS SELECT 1", "ddl_syntax", None),
        (CREATE + "PARTITIONED BY (a, a) AS SELECT 1", "schema_duplicate_column", None),
        (CREATE + "PARTITIONED BY () AS SELECT 1", "ddl_syntax", None),
        (CREATE + "SELECT 1", "ddl_syntax", "AS is expected, not SELECT"),
        (CREATE, "ddl_syntax", "AS is expected, not the end of the text"),
        (CREATE + "AS", "sql_empty", None),
        (CREATE + "AS ;", "sql_empty", None),
        (CREATE + "AS -- nothing\n/* at all */", "sql_empty", None),
        (CREATE + "AS SELECT 1; DROP TABLE t", "ddl_multiple", "there are 2 statements"),
        (CREATE + "AS SELECT 1;; SELECT 2; SELECT 3;", "ddl_multiple", "there are 3 statements"),
        (CREATE + "AS SELECT 'never", "ddl_syntax", None),
        (CREATE + "AS SELECT $$never", "ddl_syntax", None),
        (CREATE + "/* never", "ddl_syntax", None),
        (CREATE + "(a DECIMAL(10", "ddl_syntax", None),
        ("", "sql_empty", None),
        ("-- only\n/* comments */", "sql_empty", None),
        (" ; ; ", "sql_empty", None),
        ("SELECT 1", "ddl_syntax", "CREATE is expected, not SELECT"),
        ("DROP TABLE t", "ddl_syntax", "CREATE is expected, not DROP"),
        ("CREATE MATERIALIZED TABLE t AS SELECT '\0'", "ddl_syntax", None),
        (CREATE + "AS SELECT " + "1+" * 600_000 + "1", "sql_too_large", None),
    ],
)  # fmt: skip
def test_bad_statements(text, code, what):
    error = refused(text)
    assert error.code == code
    assert what is None or error.what == what
    assert error.where.startswith("tables/x.sql")


def test_an_error_points_at_its_place_with_a_caret():
    error = refused("CREATE MATERIALIZED TABLE t\r\n\tWITH (\r\n\t'a' 'b')\r\nAS SELECT 1")
    assert error.where == "tables/x.sql:3:6"
    assert error.excerpt == " 'a' 'b')\n     ^"


def test_a_long_line_is_cut_around_the_caret():
    error = refused(CREATE + "WITH (" + "'k' = 'v', " * 1 + "'x' = '" + "y" * 500 + "', ? ) AS SELECT 1")
    line, caret = error.excerpt.split("\n")
    assert len(line) <= 100
    assert line[len(caret) - 1] == "?"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ';' AS a",
        'SELECT 1 AS ";"',
        "SELECT $$ ; $$",
        "SELECT $tag$ ; $$ ; $tag$",
        "SELECT /* ; /* ; */ ; */ 1",
        "SELECT E'it\\'s ; '",
        "SELECT 1 -- ;",
        "SELECT $interval_start, $1",
        "SELECT a['x;'], 'it''s;'",
        "WITH x AS (SELECT 1) SELECT * FROM x",
    ],
)
def test_the_query_is_kept_verbatim_to_its_own_semicolon(query):
    assert parse(f"{CREATE}AS {query}\n;\n").query == query


def test_crlf_and_a_byte_order_mark_are_accepted():
    statement = parse("\ufeffCREATE MATERIALIZED TABLE t\r\nAS\r\nSELECT 1,\r\n2;\r\n")
    assert statement.query == "SELECT 1,\r\n2"
    assert (statement.query_line, statement.query_column) == (3, 1)


def test_half_a_megabyte_is_read_quickly():
    query = "SELECT " + ", ".join(f"a{i} + 'x;y'" for i in range(30_000))
    assert parse(CREATE + "AS " + query).query == query


ABCD = [("a", "BIGINT", False), ("b", "INTEGER", True), ("c", "INTEGER", True), ("d", "VARCHAR", True)]
SHOP = [("shop_id", "INTEGER", False), ("user_id", "INTEGER", False)]


@pytest.mark.parametrize(
    ("clauses", "described", "what"),
    [
        ("PARTITIONED BY (a, e)", ABCD,
         "Partition column 'e' not defined in the query's schema. Available columns: ['a', 'b', 'c', 'd']."),
        ("PARTITIONED BY (b, c) WITH ('partition.fields.ds.date-formatter'='yyyy-MM-dd')", ABCD,
         ("Column 'ds' referenced by materialized table option 'partition.fields.ds.date-formatter' isn't a partition "
          "column. Available partition columns: ['b', 'c'].")),
        ("WITH ('partition.fields.c.date-formatter'='yyyy-MM-dd')", ABCD,
         ("Column 'c' referenced by materialized table option 'partition.fields.c.date-formatter' isn't a partition "
          "column. Available partition columns: [''].")),
        ("PARTITIONED BY (b, c) WITH ('partition.fields.c.date-formatter'='yyyy-MM-dd')", ABCD,
         ("Materialized table option 'partition.fields.c.date-formatter' only supports referring to char, varchar and "
          "string type partition column. Column `c` type is INTEGER.")),
        ("(shop_id)", SHOP,
         "The number of columns in the column list must match the number of columns in the source schema."),
        ("(id, name)", SHOP, "Column 'id' not found in the source schema."),
        ("(shop_id STRING, user_id STRING)", SHOP,
         ("Incompatible types for sink column 'shop_id' at position 1. The source column has type 'INTEGER', while the "
          "target column has type 'STRING'.")),
        ("(a, b, c, d, PRIMARY KEY(e) NOT ENFORCED)", ABCD,
         "Primary key column 'e' is not defined in the schema at line 1, column 54"),
        ("", [("a", "INTEGER", True), ("A", "INTEGER", True)], "the query yields the column 'A' twice"),
        ("", [("_mtctl_x", "INTEGER", True)], "the column name '_mtctl_x' is kept for mtctl"),
        ("", [], "the query yields no columns"),
    ],
)  # fmt: skip
def test_statements_that_disagree_with_their_query(clauses, described, what):
    statement = parse(f"{CREATE}{clauses} AS SELECT 1")
    with pytest.raises(MtctlError) as caught:
        check_columns(statement, described)
    assert caught.value.what == what
    assert caught.value.kind is Kind.INVALID
    assert caught.value.where


@pytest.mark.parametrize(
    ("clauses", "described"),
    [
        ("(d, c, b, a) PARTITIONED BY (A)", ABCD),
        ("(shop_id BIGINT, user_id DOUBLE)", SHOP),
        ("(shop_id INT, user_id DECIMAL(10,2), PRIMARY KEY (user_id) NOT ENFORCED)", SHOP),
        ("PARTITIONED BY (d) WITH ('partition.fields.d.date-formatter'='yyyy')", ABCD),
    ],
)
def test_statements_that_agree_with_their_query(clauses, described):
    check_columns(parse(f"{CREATE}{clauses} AS SELECT 1"), described)
