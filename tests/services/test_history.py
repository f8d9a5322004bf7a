"""`table history`: which snapshots changed a table, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_kit import DAILY, fails

if TYPE_CHECKING:
    from service_kit import World

    from mtctl.services.reports.versions import Version

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}


def history(world: World, name: str = "daily", limit: int = 99) -> list[Version]:
    return list(world.app.lake.history.versions(name, limit).versions)


def test_each_version_says_what_it_was(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    world.days(FOUR_DAYS | {"2013-01-02": [5, 6]})
    world.fill("daily")
    world.table("other", "CREATE MATERIALIZED TABLE other AS SELECT 1 AS one\n")
    world.table("daily", DAILY.replace("AS total FROM", "AS total, max(v) AS most FROM"))
    world.apply()
    world.fill("other")
    world.table("daily", DAILY.replace("count(*) AS n", "count(*)::INTEGER AS n"))
    world.apply(rebuild=("daily",))
    world.fill("daily")
    world.app.drop_tables(["daily"])

    found = history(world)
    told = [(one.what, one.detail, one.intervals, one.rows_added, one.rows_removed) for one in reversed(found)]
    assert told[0] == ("create", "", None, None, None)
    assert told[1] == ("refresh", "4 intervals (2013-01-01..2013-01-04)", 4, 4, 0)
    assert told[2][0] == "refresh"
    assert told[3] == ("columns", "+most BIGINT", None, None, None)
    assert told[4] == ("rebuild", "begun beside the version that is shown", None, None, None)
    assert told[5][:3] == ("refresh", "4 intervals", 4)
    assert told[6] == ("rebuild", "the new version is shown", None, None, 4)
    assert [one[0] for one in told[7:]] == ["drop"]
    assert {one.author for one in found} == {"mtctl"}
    assert [one.snapshot_id for one in found] == sorted({one.snapshot_id for one in found}, reverse=True)

    refreshed = found[-2]
    assert refreshed.instance is not None
    detail = world.app.instance(refreshed.instance)
    assert [attempt.snapshot_id for attempt in detail.attempts] == [refreshed.snapshot_id]
    moment = world.app.lake.past.moment(str(refreshed.snapshot_id))
    assert moment.at == refreshed.at


def test_the_newest_come_first_and_older_ones_are_told_of(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    found = world.app.lake.history.versions("DAILY", 1)
    assert ([one.what for one in found.versions], found.more) == (["refresh"], True)
    assert not world.app.lake.history.versions("daily", 2).more
    with fails("table_unknown", "'dayly'", "daily"):
        history(world, "dayly")


def test_what_a_foreign_client_did_is_told_in_its_words(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    connection = world.app._store._connection
    [(lake,)] = connection.execute("SELECT lake_table_id FROM materialized_table").fetchall()
    copy = "SELECT 7, '2999-01-01 00:00:00.5+00', schema_version, next_catalog_id, next_file_id FROM ducklake_snapshot"
    connection.execute(f"INSERT INTO ducklake_snapshot {copy} ORDER BY snapshot_id DESC LIMIT 1")
    row = (7, f"deleted_from_table:{lake}", None, None, "no json")
    connection.execute("INSERT INTO ducklake_snapshot_changes VALUES (?, ?, ?, ?, ?)", row)
    [newest, *_] = history(world)
    assert (newest.snapshot_id, newest.what, newest.detail, newest.author) == (7, "foreign", row[1], None)
