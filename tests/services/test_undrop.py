"""Dropped tables that come back, whole or in part, under their name or another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, books, fails

if TYPE_CHECKING:
    from pathlib import Path

    from service_kit import World

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
SUMS = "CREATE MATERIALIZED TABLE sums WITH ('schedule' = '0 2 * * *') AS SELECT sum(total)::BIGINT AS s FROM daily\n"
DAYS = "SELECT d, total FROM daily ORDER BY d"


@pytest.fixture
def filled(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def newest(world: World) -> int:
    return world.app.status(()).snapshot_id


def parquet(world: World) -> set[Path]:
    return set((world.root / "lake" / "data").rglob("*.parquet"))


def diff_of(world: World, name: str) -> int:
    """Return in how many intervals a table differs from what it was before it was dropped."""
    return len(world.app.lake.differ.diff(name, str(newest(world) - 2), None).intervals)


def test_a_dropped_table_comes_back_with_all_that_it_held(filled: World) -> None:
    filled.days(FOUR_DAYS | {"2013-01-02": [20]})
    filled.fill("daily")
    filled.table("sums", SUMS)
    filled.apply()
    filled.fill("sums")
    rows, attempts, then = filled.rows(DAYS), filled.attempts("daily"), newest(filled)
    filled.app.drop_tables(["daily", "sums"])
    dropped = newest(filled)

    with fails("upstream_unknown", "`mtctl table undrop daily`"):
        filled.app.lake.undropper.undrop("sums", None)
    back = filled.app.lake.undropper.undrop("DAILY", None)
    assert (back.table, back.intervals, back.rows, back.is_whole) == ("daily", 4, 4, True)
    assert (back.file, back.file_is_gone) == ("tables/daily.sql", False)
    filled.app.lake.undropper.undrop("sums", None)

    assert filled.rows(DAYS) == rows
    assert filled.attempts("daily") == attempts
    assert filled.status("daily").health == filled.status("sums").health == "fresh"
    assert not filled.plan().pending
    assert [one.state for one in filled.refresh("daily", "sums").tables] == ["up_to_date"] * 2
    with filled.app._store.read() as view:
        assert [row.definition.schedule is not None for row in view.workflows()] == [False, True]
    past = filled.app.lake.past
    for snapshot in (then, newest(filled)):
        found = past.query(DAYS, None, past.moment(str(snapshot)))
        assert [tuple(row) for chunk in found.chunks for row in chunk] == rows
    with fails("table_unknown"):
        past.query(DAYS, None, past.moment(str(dropped)))
    assert filled.app.verify(()).findings == ()

    # It lives on: what it reads, what reads it, and the next drop.
    filled.days(FOUR_DAYS | {"2013-01-02": [30]})
    filled.fill("sums", upstream=True)
    assert filled.rows("SELECT s FROM sums") == [("38",)]
    history = [one.what for one in filled.app.lake.history.versions("daily", 99).versions]
    assert history == ["refresh", "undrop", "drop", "refresh", "refresh", "create"]
    filled.app.drop_tables(["sums", "daily"])
    filled.app.lake.undropper.undrop("daily", None)
    assert filled.rows("SELECT sum(total) FROM daily") == [("38",)]


def test_every_path_stands_in_one_row_of_the_catalog(filled: World) -> None:
    before = parquet(filled)
    filled.app.drop_tables(["daily"])
    filled.app.lake.undropper.undrop("daily", None)
    found = books(filled.root)
    folders = {row[0]: row[6] for row in found["ducklake_table"]}
    paths = [folders[row[1]] + row[5] for row in found["ducklake_data_file"]]
    assert len(paths) == len(set(paths)) == 2
    new = parquet(filled) - before
    assert {one.stat().st_ino for one in new} == {one.stat().st_ino for one in before}
    # The old rows are history: none was changed, and their files may go without harm.
    assert [row[3] is None for row in found["ducklake_data_file"]] == [False, True]
    for path in before:
        path.unlink()
    assert filled.rows("SELECT sum(total) FROM daily") == [("10",)]


def test_a_table_comes_back_beside_one_that_took_its_name(filled: World) -> None:
    filled.app.drop_tables(["daily"])
    filled.apply()
    with fails("table_exists", "--as"):
        filled.app.lake.undropper.undrop("daily", None)
    with fails("identifier", "--as"):
        filled.app.lake.undropper.undrop("daily", "a b")
    back = filled.app.lake.undropper.undrop("daily", "Daily_Before")
    assert (back.table, back.file) == ("daily_before", None)
    assert filled.rows("SELECT sum(total) FROM daily_before") == [("10",)]
    assert filled.status("daily").health == "never"
    assert filled.status("daily_before").origin == "command"
    assert not filled.plan(prune=True).pending
    filled.app.lake.renamer.rename("main.daily_before", "archive.old")
    assert filled.rows("SELECT sum(total) FROM archive.old") == [("10",)]
    filled.app.drop_tables(["archive.old"])
    assert filled.app.lake.undropper.undrop("Archive.Old", "old").rows == 4
    past = filled.app.lake.past
    found = past.query("SELECT sum(total) FROM archive.old", None, past.moment(str(newest(filled) - 2)))
    assert [row for chunk in found.chunks for row in chunk] == [["10"]]
    assert diff_of(filled, "old") == 0


def test_intervals_whose_file_is_gone_are_missing_and_made_again(filled: World) -> None:
    filled.settings('name = "shop"\n\n[lake]\ntarget_file_rows = 1\n')
    filled.fill("daily", force=True)
    filled.app.drop_tables(["daily"])
    with filled.app._store.read() as view:
        [file, *_] = view.past().undropping().dropped("daily", "daily", "0" * 36).files
    (filled.root / file.path).unlink()
    back = filled.app.lake.undropper.undrop("daily", None)
    assert (back.intervals, back.rows, back.is_whole) == (3, 3, False)
    assert list(filled.states("daily").values()).count("missing") == 1
    filled.fill("daily")
    assert filled.rows("SELECT sum(total) FROM daily") == [("10",)]
    assert filled.app.verify(()).findings == ()


def test_when_nothing_is_kept_it_is_too_late(filled: World) -> None:
    filled.app.drop_tables(["daily"])
    for path in parquet(filled):
        path.unlink()
    before = books(filled.root)
    with fails("undrop_too_late", "daily"):
        filled.app.lake.undropper.undrop("daily", None)
    assert books(filled.root) == before
    with fails("table_unknown", "'daily'"):
        filled.app.lake.undropper.undrop("dayly", None)
    assert not parquet(filled)


def test_columns_dropped_before_never_lend_their_ids(filled: World) -> None:
    filled.table("daily", DAILY.replace("count(*) AS n, sum(v)::BIGINT AS total", "count(*) AS n"))
    filled.apply()
    filled.app.drop_tables(["daily"])
    filled.app.lake.undropper.undrop("daily", None)
    filled.table("daily", DAILY.replace("sum(v)::BIGINT AS total", "7::BIGINT AS seven"))
    filled.apply()
    # The files still hold `total` under its old field id.
    assert filled.rows("SELECT DISTINCT seven FROM daily") == [(None,)]


def test_a_table_that_never_held_anything_comes_back_too(world: World) -> None:
    world.app.create_table("CREATE MATERIALIZED TABLE none AS SELECT 1 AS one", "<stdin>")
    world.app.drop_tables(["none"])
    back = world.app.lake.undropper.undrop("none", None)
    assert (back.intervals, back.is_whole) == (0, True)
    world.fill("none")
    assert world.rows("FROM none") == [("1",)]
