"""What a query is proved to see of its tables, judged by DuckDB: rows that it says are not seen change no answer."""

from __future__ import annotations

import pytest
from contract.engine_kit import Bench, bench_in

from mtctl.core.pruning import Bound, Constant, Sight


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from bench_in(tmp_path_factory.mktemp("sight") / "p")


def number(text: str) -> Constant:
    return Constant(kind="number", text=text)


SEEN = {
    "SELECT * FROM t WHERE a = 5": [("t", "a", "5", "5")],
    "SELECT count(*) FROM main.t x WHERE x.a >= 5 AND b < 3 AND lower(s) = 'x'": [
        ("main.t", "a", "5", None),
        ("main.t", "b", None, "3"),
    ],
    "FROM t WHERE 5 < a AND (b = 1 OR c = 2) AND NOT (d = 3)": [("t", "a", "5", None)],
    "FROM t WHERE a BETWEEN -1.5 AND 100": [("t", "a", "-1.5", "100")],
    "SELECT (SELECT max(b) FROM t WHERE a = 1) FROM u WHERE u.c > 2": [("t", "a", "1", "1"), ("u", "c", "2", None)],
    "WITH q AS (SELECT * FROM t WHERE a = 5) SELECT * FROM q WHERE b = 6": [("t", "a", "5", "5")],
    "FROM t JOIN u USING (k) WHERE t.a = 5 AND u.b = 6 AND c = 7": [("t", "a", "5", "5"), ("u", "b", "6", "6")],
    "FROM t x LEFT JOIN u y ON x.k = y.k WHERE y.b = 6": [("u", "b", "6", "6")],
    "SELECT * FROM t WHERE a = 1 UNION ALL SELECT * FROM u WHERE a = 2": [("t", "a", "1", "1"), ("u", "a", "2", "2")],
    "SELECT a AS ds FROM t WHERE ds > 50": [("t", "ds", "50", None)],
    # Nothing is proved of these.
    "SELECT * FROM t": [],
    "FROM t WHERE a = 5 OR b = 6": [],
    "FROM t WHERE a <> 5": [],
    "FROM t WHERE a = b": [],
    "FROM t WHERE a + 1 = 5": [],
    "FROM t WHERE a = NULL": [],
    "FROM t WHERE a = 5 AND EXISTS (SELECT 1 FROM t AS other)": [],
    "FROM t TABLESAMPLE 10% WHERE a = 5": [],
    "SELECT * FROM t WHERE a = 5 USING SAMPLE 3": [],
    "FROM t ASOF JOIN u ON t.k >= u.k WHERE u.a = 5": [],
    "FROM t POSITIONAL JOIN u WHERE u.a = 5": [],
    "FROM t SEMI JOIN u USING (k) WHERE t.a = 5": [],
    "FROM t AS x(p, q) WHERE p = 5": [],
    "WITH t AS (SELECT 1 AS a) SELECT * FROM t WHERE a = 5": [],
    "FROM (SELECT * FROM t) AS q WHERE a = 5": [],
    "FROM t WHERE x.a = 5": [],
    "FROM t WHERE a = 5.5e3": [],
    "SELECT count(*) FILTER (WHERE a = 5) FROM t": [],
    "SELECT a FROM t GROUP BY a HAVING a = 5": [],
    "PIVOT t ON a USING sum(b)": [],
}


@pytest.mark.parametrize("query", SEEN)
def test_only_what_is_proved_is_seen(bench: Bench, query):
    found = bench.client.sight(query).bounds
    expected = [
        Bound(table=table, column=column, ranges=((low and number(low), high and number(high)),))
        for table, column, low, high in SEEN[query]
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_constants_are_told_with_what_they_are_cast_to(bench: Bench):
    query = (
        "FROM t WHERE d >= DATE '2013-01-05' AND s IN ('x', 'y') AND ts < $interval_end AND i = -3 AND u = 'a'::UUID"
    )
    kinds = {bound.column: bound.ranges for bound in bench.client.sight(query).bounds}
    assert kinds == {
        "d": ((Constant(kind="DATE", text="2013-01-05"), None),),
        "s": tuple((Constant(kind="string", text=one),) * 2 for one in "xy"),
        "ts": ((None, Constant(kind="parameter", text="interval_end")),),
        "i": ((number("-3"),) * 2,),
        "u": ((Constant(kind="UUID", text="a"),) * 2,),
    }


@pytest.mark.parametrize(
    ("query", "outputs"),
    [
        ("SELECT ds, x.a AS b, a + 1 AS c FROM t x", [("ds", "t", "ds"), ("b", "t", "a")]),
        ("SELECT ds, sum(a) FROM t GROUP BY 1 HAVING sum(a) > 2 ORDER BY ds", [("ds", "t", "ds")]),
        ("SELECT t.ds, u.k FROM t JOIN u ON t.k = u.k", [("ds", "t", "ds"), ("k", "u", "k")]),
        ("SELECT t.ds FROM t LEFT JOIN u ON t.k = u.k", []),
        ("SELECT ds FROM t LIMIT 5", []),
        ("SELECT DISTINCT ON (a) ds FROM t ORDER BY b", []),
        ("SELECT ds, row_number() OVER (ORDER BY a) FROM t", []),
        ("SELECT ds FROM t QUALIFY row_number() OVER (PARTITION BY a) = 1", []),
        ("SELECT ds, sum(a) FROM t GROUP BY ROLLUP (ds)", []),
        ("SELECT ds, a - (SELECT avg(a) FROM t) FROM t", []),
        ("SELECT ds FROM t UNION SELECT ds FROM u", []),
        ("WITH q AS (SELECT ds FROM t LIMIT 3) SELECT ds FROM q", []),
    ],
)
def test_a_result_column_is_a_tables_only_where_rows_of_other_values_do_not_matter(bench: Bench, query, outputs):
    assert [(one.output, one.table, one.column) for one in bench.client.sight(query).throughs] == outputs


def test_what_cannot_be_parsed_is_seen_whole(bench: Bench):
    assert bench.client.sight("SELEC") == Sight()
