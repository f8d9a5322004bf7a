"""The shape of a query: equal where two versions differ in whole columns only, none where that cannot be said."""

from __future__ import annotations

import pytest
from contract.engine_kit import Bench, bench_in

BASE = "SELECT d, count(*) AS n, sum(v) AS total FROM t WHERE v > 1 GROUP BY d"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from bench_in(tmp_path_factory.mktemp("shape") / "p")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT d, count(*) AS n, sum(v) AS total FROM t WHERE v > 1 GROUP BY 1 -- the first",
        "select d , count(*) n, sum(v) as total\nfrom t where v > 1 group by d order by d",
    ],
)
def test_spelling_place_and_order_do_not_matter(bench: Bench, query):
    first, second = bench.client.shapes([BASE.replace("GROUP BY d", "GROUP BY 1") if "BY 1" in query else BASE, query])
    assert first == second is not None


def test_an_added_column_leaves_the_others_and_the_rest(bench: Bench):
    first, second = bench.client.shapes([BASE, BASE.replace("AS total", "AS total, max(v) AS top")])
    assert (first.rest, first.aggregated) == (second.rest, second.aggregated)
    assert first.outputs == second.outputs[:3]
    assert second.outputs[3].name == "top"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v > 1", "v > 2"), ("FROM t", "FROM u"), ("GROUP BY d", "GROUP BY d, v"), ("GROUP BY d", "GROUP BY 1, 2"),
        ("GROUP BY d", "GROUP BY d HAVING count(*) > 1"),
    ],
)  # fmt: skip
def test_what_decides_about_rows_is_in_the_rest(bench: Bench, old, new):
    first, second = bench.client.shapes([BASE, BASE.replace(old, new)])
    assert first.rest != second.rest


def test_a_number_in_group_by_means_its_item(bench: Bench):
    first, second = bench.client.shapes(["SELECT a, b FROM t GROUP BY 1, b", "SELECT b, a FROM t GROUP BY 1, b"])
    assert first.rest != second.rest


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t", "SELECT t.* FROM t", "SELECT COLUMNS('x.*') FROM t", "SELECT DISTINCT a FROM t",
        "SELECT a FROM t LIMIT 5", "SELECT a FROM t GROUP BY ALL", "SELECT a FROM t UNION ALL SELECT a FROM u",
        "PIVOT t ON a USING sum(b)", "VALUES (1)",
    ],
)  # fmt: skip
def test_where_a_column_may_decide_about_others_there_is_no_shape(bench: Bench, query):
    assert bench.client.shapes([query]) == [None]


def test_items_that_decide_how_many_rows_there_are_are_marked(bench: Bench):
    [many] = bench.client.shapes(["SELECT a, unnest(b) AS u FROM t"])
    assert [one.multiplies for one in many.outputs] == [False, True]
    one, single, window, inner = bench.client.shapes(
        [
            "SELECT sum(a) AS s FROM t", "SELECT a FROM t", "SELECT sum(a) OVER (ORDER BY b) AS s FROM t",
            "SELECT (SELECT max(x) FROM u) AS m, a FROM t",
        ]
    )  # fmt: skip
    assert [one.aggregated, single.aggregated, window.aggregated, inner.aggregated] == [True, False, False, False]
