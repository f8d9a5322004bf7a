"""Columns that come, go, move and widen under data that is there; what becomes stale by it, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, fails

if TYPE_CHECKING:
    from service_kit import World

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
BELOW = {day: [-value for value in values] for day, values in FOUR_DAYS.items()}
WITH = "WITH ("


def optioned(text: str, **options: str) -> str:
    """Return the statement with more WITH pairs; `_` in a name means a dot."""
    pairs = "".join(f"'{key.replace('_', '.')}' = '{value}', " for key, value in options.items())
    return text.replace(WITH, WITH + pairs, 1)


@pytest.fixture
def filled(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def changed(world: World, text: str) -> None:
    """Apply another text of the table."""
    world.table("daily", text)
    world.apply()
    assert world.app.verify(()).findings == ()


TOPPED = DAILY.replace("AS total", "AS total, max(v) AS top")


def test_an_added_column_reads_null_and_leaves_the_intervals_fresh(filled: World) -> None:
    filled.table("daily", TOPPED)
    change = filled.change("daily")
    assert (change.action, change.stale) == ("evolve", "")
    assert "column top is added: what is there reads NULL in it" in change.notes
    assert "4 intervals (2013-01-01..2013-01-04) stay fresh: the query is otherwise the same" in change.notes
    filled.apply()
    assert set(filled.states("daily").values()) == {"fresh"}
    filled.fill("daily", intervals=("2013-01-02",), force=True)
    assert filled.rows("SELECT d, top FROM daily ORDER BY d LIMIT 2") == [("2013-01-01", None), ("2013-01-02", "2")]
    assert filled.app.verify(()).findings == ()


def test_restate_makes_them_stale_and_the_plan_tells_what_that_costs(filled: World) -> None:
    filled.table("daily", optioned(TOPPED, evolve="restate"))
    change = filled.change("daily")
    assert change.stale == "4 intervals (2013-01-01..2013-01-04): definition changed"
    assert (change.stale_intervals, change.stale_rows) == (4, 4)
    assert change.stale_seconds is not None
    assert change.stale_seconds > 0
    filled.apply()
    assert set(filled.states("daily").values()) == {"definition changed"}
    filled.fill("daily")
    assert filled.rows("SELECT sum(top) FROM daily") == [("10",)]


def test_a_query_that_changes_otherwise_restates_by_itself(filled: World) -> None:
    filled.table("daily", TOPPED.replace("GROUP BY d", "WHERE v > 1 GROUP BY d"))
    assert filled.change("daily").stale == "4 intervals (2013-01-01..2013-01-04): definition changed"
    filled.apply()
    assert set(filled.states("daily").values()) == {"definition changed"}


def test_keep_leaves_what_is_there_whatever_the_query_says(filled: World) -> None:
    filled.table("daily", optioned(DAILY.replace("sum(v)", "sum(v * 10)"), evolve="keep"))
    change = filled.change("daily")
    assert change.stale == ""
    assert "4 intervals (2013-01-01..2013-01-04) stay fresh: 'evolve' = 'keep'" in change.notes
    filled.apply()
    assert set(filled.states("daily").values()) == {"fresh"}
    filled.fill("daily", intervals=("2013-01-02",), force=True)
    assert filled.rows("SELECT total FROM daily ORDER BY d") == [("1",), ("20",), ("3",), ("4",)]


def test_off_refuses_any_change_of_columns(filled: World) -> None:
    filled.table("daily", optioned(TOPPED, evolve="off"))
    with fails("needs_rebuild", "'evolve' is off", "column top is added"):
        filled.apply()


def test_a_dropped_column_is_gone_and_nothing_is_stale(filled: World) -> None:
    changed(filled, DAILY.replace(", sum(v)::BIGINT AS total", ""))
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.rows("FROM daily ORDER BY d LIMIT 1") == [("2013-01-01", "1")]
    filled.fill("daily", intervals=("2013-01-02",), force=True)
    assert filled.rows("SELECT count(*) FROM daily") == [("4",)]
    assert filled.app.verify(()).findings == ()


def test_a_column_that_comes_back_does_not_show_what_an_older_one_held(filled: World) -> None:
    restating = optioned(DAILY, evolve="restate")
    changed(filled, restating.replace(", sum(v)::BIGINT AS total", ""))
    changed(filled, restating)
    # The definition is the first one again, its column another: what was computed for the first is not right.
    assert set(filled.states("daily").values()) == {"definition changed"}
    assert filled.rows("SELECT DISTINCT total FROM daily") == [(None,)]
    filled.fill("daily")
    assert filled.rows("SELECT sum(total) FROM daily") == [("10",)]


def test_a_rename_from_nowhere_is_refused(filled: World) -> None:
    renamed = DAILY.replace("AS total", "AS amount")
    filled.table("daily", optioned(renamed, renamed_column_amount="totl"))
    [problem] = filled.plan().problems
    assert problem.code == "option_target"
    assert "there was no column 'totl'" in str(problem)


def test_a_renamed_column_keeps_its_data(filled: World) -> None:
    renamed = DAILY.replace("AS total", "AS amount")
    filled.table("daily", renamed)
    hint = "is amount what total was? 'renamed.column.amount' = 'total' keeps its data"
    assert hint in filled.change("daily").notes
    changed(filled, optioned(renamed, renamed_column_amount="total"))
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.rows("SELECT sum(amount) FROM daily") == [("10",)]
    assert not filled.plan().pending


def test_a_rename_of_what_the_query_does_not_yield_is_refused(filled: World) -> None:
    filled.table("daily", optioned(DAILY, renamed_column_amount="total"))
    with fails("option_target", "renamed.column.amount", "yields no column"):
        filled.apply()


def test_columns_move_without_any_interval_becoming_stale(filled: World) -> None:
    changed(filled, DAILY.replace("d, count(*) AS n", "count(*) AS n, d"))
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.rows("FROM daily ORDER BY d LIMIT 1") == [("1", "2013-01-01", "1")]


def test_an_integer_widens_in_place(filled: World) -> None:
    narrow = DAILY.replace("sum(v)::BIGINT", "sum(v)::INTEGER")
    filled.days(BELOW)  # DuckDB hashes a negative number of another width to another value
    filled.table("narrow", narrow.replace("TABLE daily", "TABLE narrow"))
    filled.apply()
    filled.fill("narrow")
    filled.table("narrow", DAILY.replace("TABLE daily", "TABLE narrow"))
    change = filled.change("narrow")
    assert (change.action, change.stale) == ("evolve", "4 intervals (2013-01-01..2013-01-04): definition changed")
    assert "column total widens from INTEGER to BIGINT" in change.notes
    filled.apply()
    assert filled.rows("SELECT sum(total), typeof(first(total)) FROM narrow")[0][1] == "BIGINT"
    assert filled.app.verify(()).findings == ()
    filled.fill("narrow", intervals=("2013-01-02",))
    assert filled.rows("SELECT sum(total) FROM narrow") == [("-10",)]
    assert filled.app.verify(()).findings == ()


def test_readers_of_a_table_whose_columns_change_stay_as_they_are(filled: World) -> None:
    filled.table("top", "CREATE MATERIALIZED TABLE top AS SELECT max(n) AS best FROM daily\n")
    filled.apply()
    filled.fill("top")
    changed(filled, TOPPED)
    assert set(filled.states("top").values()) == {"fresh"}
