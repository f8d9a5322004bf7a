"""A new version of a table is built beside the one that readers see, and takes its place when it holds as much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rebuild_kit import DOUBLED, SUM, begun
from service_kit import DAILY, fails

if TYPE_CHECKING:
    from service_kit import World

DAYS = {f"2013-01-0{number}": [number] for number in range(1, 6)}
"""One day more than the table wants."""
RETYPED = DAILY.replace("count(*) AS n", "count(*)::VARCHAR AS n").replace("sum(v)::", "sum(v * 2)::")
"""Another type of a column that nobody reads, and other values in one that is read."""
TOP = "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS best FROM daily\n"
EACH = """CREATE MATERIALIZED TABLE each PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-06') AS SELECT d, total FROM daily
"""


@pytest.fixture
def filled(world: World) -> World:
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def test_the_plan_says_that_nothing_is_lost_meanwhile(filled: World) -> None:
    filled.table("daily", DOUBLED)
    change = filled.change("daily")
    assert change.action == "rebuild"
    assert "built anew: column 'total' changes from BIGINT to DOUBLE" in change.notes
    assert change.stale == ""
    held = "4 intervals (2013-01-01..2013-01-04)"
    assert f"readers see the old version until the new one holds {held}" in change.notes
    assert (change.stale_intervals, change.stale_rows) == (4, 4)


def test_readers_see_the_old_version_until_the_new_one_holds_as_much(filled: World) -> None:
    begun(filled)
    assert filled.rows(SUM) == [("4", "10", "BIGINT")]
    assert filled.states("daily") == {
        "2013-01-01": "fresh", "2013-01-02": "fresh", "2013-01-03": "missing", "2013-01-04": "missing",
    }  # fmt: skip
    assert not filled.plan().pending
    filled.fill("daily")
    assert filled.rows(SUM) == [("4", "20.0", "DOUBLE")]
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.app.verify(()).findings == ()


def test_what_reads_the_table_reads_the_old_version_and_is_stale_by_the_new_one_only(filled: World) -> None:
    filled.table("top", TOP)
    filled.apply()
    filled.fill("top")
    begun(filled, RETYPED)
    filled.fill("top", force=True)
    assert filled.rows("FROM top") == [("4",)]
    assert set(filled.states("top").values()) == {"fresh"}
    filled.fill("daily")
    assert set(filled.states("top").values()) == {"upstream daily changed"}
    filled.fill("top")
    assert filled.rows("FROM top") == [("8",)]


def test_one_refresh_of_all_shows_the_new_version_before_its_readers_run(filled: World) -> None:
    filled.table("each", EACH.replace("2013-01-06", "2013-01-05"))
    filled.apply()
    filled.fill("each")
    filled.table("daily", RETYPED.replace("'start'", "'refresh.batch' = '1', 'start'"))
    filled.apply()
    filled.fill("daily", intervals=("2013-01-03",))
    filled.fill(everything=True)
    assert set(filled.states("each").values()) == {"fresh"}
    assert filled.rows("SELECT sum(total) FROM each") == [("20",)]


def test_a_version_with_the_same_content_makes_no_reader_stale(filled: World) -> None:
    filled.table("each", EACH.replace("2013-01-06", "2013-01-05"))
    filled.apply()
    filled.fill("each")
    filled.apply(rebuild=("daily",))
    assert set(filled.states("each").values()) == {"fresh"}
    filled.fill("daily")
    assert set(filled.states("each").values()) == {"fresh"}
    assert filled.rows("SELECT sum(total) FROM each") == [("10",)]


def test_a_reader_waits_for_what_only_the_new_version_holds(filled: World) -> None:
    longer = RETYPED.replace("'end' = '2013-01-05'", "'end' = '2013-01-06'")
    filled.table("each", EACH)
    filled.apply()
    begun(filled, longer)
    filled.fill("daily", intervals=("2013-01-05",))
    # The fifth day is there, but nobody sees it yet.
    assert filled.refresh("each").not_ready == ("each 2013-01-05: needs daily",)
    assert filled.rows("SELECT sum(total) FROM each") == [("10",)]
    filled.fill("daily")
    filled.fill("each")
    assert filled.rows("SELECT sum(total) FROM each") == [("30",)]


def test_a_reader_made_for_the_new_columns_waits_for_them(filled: World) -> None:
    filled.table("daily", DAILY.replace("sum(v)::BIGINT AS total", "sum(v)::VARCHAR AS total, min(v) AS low"))
    filled.table("each", EACH.replace("total FROM", "low FROM"))
    filled.apply()
    filled.fill("daily", intervals=("2013-01-01",))
    assert filled.refresh("each").not_ready
    filled.up(apply=False)
    assert filled.rows("SELECT sum(low) FROM each") == [("10",)]


def test_another_grain_is_built_beside_the_old_one(filled: World) -> None:
    text = "SELECT date_trunc('month', d::DATE)::DATE AS d, count(*) AS n FROM 'data/in.csv' GROUP BY 1"
    monthly = DAILY[: DAILY.index("AS SELECT")].replace("'day'", "'month'").replace("2013-01-05", "2013-03-01")
    filled.table("daily", f"{monthly}AS {text}")
    filled.apply()
    assert filled.rows("SELECT count(*) FROM daily") == [("4",)]
    filled.fill("daily", intervals=("2013-02",))
    assert filled.rows("SELECT count(*) FROM daily") == [("4",)]
    filled.fill("daily")
    assert filled.rows("FROM daily") == [("2013-01-01", "5")]


def test_a_whole_table_is_shown_at_its_first_publish(filled: World) -> None:
    filled.table("top", TOP)
    filled.apply()
    filled.fill("top")
    filled.table("top", TOP.replace("max(total)", "max(total)::VARCHAR"))
    filled.apply()
    assert filled.rows("SELECT best, typeof(best) FROM top") == [("4", "BIGINT")]
    filled.fill("top")
    assert filled.rows("SELECT best, typeof(best) FROM top") == [("4", "VARCHAR")]


def test_going_back_gives_the_half_built_version_up(filled: World) -> None:
    begun(filled)
    filled.table("daily", DAILY)
    assert "the version that was being built is given up" in filled.change("daily").notes
    filled.apply()
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.rows(SUM) == [("4", "10", "BIGINT")]
    assert not filled.plan().pending
    assert filled.app.verify(()).findings == ()
    filled.fill("daily", intervals=("2013-01-02",), force=True)
    assert filled.rows(SUM) == [("4", "10", "BIGINT")]


def test_a_third_version_takes_the_place_of_the_second_and_the_first_is_read_on(filled: World) -> None:
    begun(filled)
    filled.table("daily", DAILY.replace("sum(v)::BIGINT", "sum(v)::VARCHAR"))
    filled.apply()
    assert set(filled.states("daily").values()) == {"missing"}
    assert filled.rows(SUM.replace("sum(total)", "max(total)")) == [("4", "4", "BIGINT")]
    filled.fill("daily")
    assert filled.rows(SUM.replace("sum(total)", "max(total)")) == [("4", "4", "VARCHAR")]
    assert filled.app.verify(()).findings == ()


def test_columns_of_a_version_that_is_being_built_evolve_in_it(filled: World) -> None:
    begun(filled)
    filled.table("daily", DOUBLED.replace("AS total", "AS total, max(v) AS top"))
    assert filled.change("daily").action == "evolve"
    filled.apply()
    assert filled.rows(SUM) == [("4", "10", "BIGINT")]
    filled.fill("daily")
    assert filled.rows("SELECT sum(total), sum(top) FROM daily") == [("20.0", "7")]


def test_a_dropped_table_takes_both_versions_with_it(filled: World) -> None:
    begun(filled)
    (filled.root / "tables" / "daily.sql").unlink()
    filled.apply(prune=True)
    with fails("table_unknown"):
        filled.rows("FROM daily")
    filled.table("daily", DAILY)
    filled.apply()
    assert set(filled.states("daily").values()) == {"missing"}
    filled.fill("daily")
    assert filled.rows(SUM) == [("4", "10", "BIGINT")]


def test_a_table_that_gets_another_name_meanwhile_is_read_under_it(filled: World) -> None:
    begun(filled)
    (filled.root / "tables" / "daily.sql").unlink()
    named = DOUBLED.replace("TABLE daily", "TABLE days").replace("WITH (", "WITH ('renamed.from' = 'daily', ")
    filled.table("days", named)
    filled.apply()
    assert filled.rows(SUM.replace("daily", "days")) == [("4", "10", "BIGINT")]
    filled.fill("days")
    assert filled.rows(SUM.replace("daily", "days")) == [("4", "20.0", "DOUBLE")]


def test_an_empty_table_is_replaced_at_once(world: World) -> None:
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.table("daily", DOUBLED)
    world.apply()
    world.fill("daily", intervals=("2013-01-02",))
    assert world.rows(SUM) == [("1", "4.0", "DOUBLE")]


def test_status_tells_how_far_it_is(filled: World) -> None:
    begun(filled)
    assert filled.status("daily").rebuilding == (2, 4)
    assert filled.plan().rebuilding == (("daily", 2, 4),)
    filled.fill("daily")
    assert filled.plan().rebuilding == ()
    assert filled.status("daily").rebuilding is None
