"""Queries of earlier moments: names, columns and rows as they were at a snapshot or a time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, fails

from mtctl.core.calendar import iso_utc
from mtctl.core.values import replace

if TYPE_CHECKING:
    from service_kit import World

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}


@pytest.fixture
def filled(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def newest(world: World) -> int:
    return world.app.status(()).snapshot_id


def rows_at(world: World, sql: str, at: object) -> list[tuple[str | None, ...]]:
    past = world.app.lake.past
    result = past.query(sql, None, past.moment(str(at)))
    return [tuple(row) for chunk in result.chunks for row in chunk]


def pins(world: World) -> set[int]:
    return {one for (one,) in world.app._store._connection.execute("SELECT snapshot_id FROM pin")}


def test_an_earlier_moment_shows_the_rows_of_then(filled: World) -> None:
    before = newest(filled)
    filled.days(FOUR_DAYS | {"2013-01-02": [70]})
    filled.fill("daily")
    sql = "SELECT total FROM daily ORDER BY d"
    assert rows_at(filled, sql, before) == [("1",), ("2",), ("3",), ("4",)]
    assert rows_at(filled, sql, newest(filled)) == filled.rows(sql) == [("1",), ("70",), ("3",), ("4",)]
    assert rows_at(filled, "SELECT count(*) FROM daily", before - 1) == [("0",)]
    assert {before, before - 1, newest(filled)} <= pins(filled), "what is read may not expire"
    # A time means the newest snapshot at or before it.
    past = filled.app.lake.past
    moments = [past.moment(str(one)) for one in range(newest(filled) + 1)]
    for moment in moments:
        assert past.moment(iso_utc(moment.at)) == moment
    for earlier, later in pairwise(moments):
        assert past.moment(iso_utc(later.at - 1)) == earlier


def test_columns_and_names_are_those_of_then(filled: World) -> None:
    before = newest(filled)
    filled.table("daily", DAILY.replace("AS total FROM", "AS total, max(v) AS most FROM"))
    filled.apply()
    filled.table("daily", "CREATE MATERIALIZED TABLE other AS SELECT 1 AS one\n")
    filled.apply(prune=True)
    assert rows_at(filled, "SELECT * FROM daily WHERE d = '2013-01-03'", before) == [("2013-01-03", "1", "3")]
    assert rows_at(filled, "SELECT * FROM main.daily WHERE n = 1 LIMIT 1", before + 1)[0][3] is None
    assert rows_at(filled, "SELECT count(*) FROM shop.main.daily", before) == [("4",)]
    with fails("table_unknown", "daily", f"snapshot {newest(filled)}"):
        rows_at(filled, "FROM daily", newest(filled))
    with fails("table_unknown", "other", "snapshot 0"):
        rows_at(filled, "FROM other", 0)


def test_a_table_made_again_under_its_name_is_the_one_of_the_moment(filled: World) -> None:
    before = newest(filled)
    filled.app.drop_tables(["daily"])
    filled.table("daily", "CREATE MATERIALIZED TABLE daily AS SELECT 'new' AS word\n")
    filled.apply()
    filled.fill("daily")
    assert rows_at(filled, "SELECT count(*), sum(total) FROM daily", before) == [("4", "10")]
    assert rows_at(filled, "FROM daily", newest(filled)) == [("new",)]


NO_MOMENTS = {
    "99": "snapshot_future",
    "2999-01-01": "snapshot_future",
    "1999-01-01T10:00": "snapshot_before_first",
    "yesterday": "time_parse",
    "-1": "time_parse",
}


def test_a_moment_that_is_none_or_has_expired_is_told(filled: World) -> None:
    filled.fill("daily", force=True)
    filled.fill("daily", force=True)
    past = filled.app.lake.past
    for text, code in NO_MOMENTS.items():
        with fails(code, "--at"):
            past.moment(text)
    first = past.moment("0")
    with filled.app._store.write() as tx:
        for table in ("ducklake_snapshot", "ducklake_snapshot_changes"):
            tx.session.connection.execute(f"DELETE FROM {table} WHERE snapshot_id < 2 OR snapshot_id = 3")
    with fails("snapshot_expired", "snapshot 1", "snapshot 2 of"):
        past.moment("1")
    with fails("snapshot_expired", "snapshot 2 of"):
        past.moment(iso_utc(first.at))
    with fails("snapshot_expired", "not kept"):
        past.query("FROM daily", None, first)
    kept = past.moment("2")
    assert past.moment(iso_utc(kept.at)) == replace(kept, is_exact=False), "what came next may have been meant"
    assert past.moment(iso_utc(past.moment("4").at)).is_exact


def test_a_damaged_file_is_named(filled: World) -> None:
    [path] = (filled.root / "lake" / "data").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with fails("file_damaged", "daily", path.name):
        rows_at(filled, "FROM daily", newest(filled))
    with fails("file_damaged", "daily", path.name):
        filled.app.lake.differ.summary(filled.app.lake.differ.diff("daily", None, None))


def test_files_left_out_by_their_statistics_are_those_of_then(world: World) -> None:
    world.settings('name = "shop"\n\n[lake]\ntarget_file_rows = 1\n')
    days = {f"2013-01-{number:02d}": [number] for number in range(1, 31)}
    world.days(days)
    world.table("daily", DAILY.replace("2013-01-05", "2013-01-31"))
    world.apply()
    world.fill("daily")
    then = newest(world)
    world.days(days | {"2013-01-07": [700]})
    world.fill("daily")
    for total, before, after in ((7, 1, 0), (700, 0, 1), (8, 1, 1)):
        sql = f"SELECT count(*) FROM daily WHERE total = {total}"
        assert rows_at(world, sql, then) == [(str(before),)]
        assert rows_at(world, sql, newest(world)) == world.rows(sql) == [(str(after),)]
    assert rows_at(world, "SELECT total FROM daily WHERE d = DATE '2013-01-07'", then) == [("7",)]


def test_a_file_that_cannot_matter_is_not_opened_whatever_became_of_its_table(world: World) -> None:
    world.settings('name = "shop"\n\n[lake]\ntarget_file_rows = 1\n')
    world.days({f"2013-01-{number:02d}": [number] for number in range(1, 31)})
    text = DAILY.replace("2013-01-05", "2013-01-31")
    world.table("daily", text)
    world.apply()
    world.fill("daily")
    then = newest(world)
    for path in (world.root / "lake" / "data").rglob("*.parquet"):
        if int(path.stem.rpartition("-")[2]) < 10:
            path.unlink()
    asked = {
        "SELECT total FROM daily WHERE d = '2013-01-20'": [("20",)],
        "SELECT count(*) FROM main.daily WHERE total > 25": [("5",)],
        "SELECT sum(total) FROM daily WHERE d BETWEEN '2013-01-15' AND '2013-01-16' AND n = 1": [("31",)],
    }

    def agree() -> None:
        for sql, rows in asked.items():
            assert rows_at(world, sql, then) == rows
        with fails("file_damaged", "daily"):
            rows_at(world, "SELECT sum(total) FROM daily", then)

    agree()
    world.table("daily", text.replace("sum(v)::BIGINT", "sum(v)::VARCHAR"))
    world.apply()
    agree()
    world.fill("daily")
    agree()
    world.app.drop_tables(["daily"])
    for sql, rows in asked.items():
        assert rows_at(world, sql, then) == rows
