"""Rows that another DuckLake client has deleted from our tables: every question leaves them out, of now and of then."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, fails

from mtctl.store.catalog import Commit

if TYPE_CHECKING:
    from service_kit import World

DAYS = {"2013-01-01": [1], "2013-01-02": [2], "2013-01-03": [3], "2013-01-04": [4]}
ODD = DAILY.replace("AS total FROM", 'AS total, 7 AS filename, 8 AS "file_row_number" FROM')
ALL = "SELECT total FROM daily ORDER BY d"
DUCK = """
import duckdb, json, sys
connection = duckdb.connect()
for sql in json.load(sys.stdin):
    rows = connection.execute(sql).fetchall()
print(json.dumps(rows))
"""


@pytest.fixture(params=[DAILY, ODD], ids=["plain", "names that DuckDB gives to columns of its own"])
def shop(world: World, request) -> World:
    """Four days, all in one file."""
    world.days(DAYS)
    world.table("daily", request.param)
    world.apply()
    world.fill("daily")
    return world


def duck(*statements: str) -> list[list[object]]:
    """Run statements in a plain DuckDB; return the rows of the last one."""
    done = subprocess.run(
        [sys.executable, "-c", DUCK], input=json.dumps(statements), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[list[object]] = json.loads(done.stdout)
    return found


def newest(world: World) -> int:
    return world.app.status(()).snapshot_id


def delete(world: World, *positions: int, later: tuple[int, ...] = (), spelled: str = "parquet") -> int:
    """Delete rows of the one data file as DuckLake does, `later` ones one snapshot later; return the first snapshot."""
    [data] = [one for one in (world.root / "lake" / "data").rglob("*.parquet") if not one.name.startswith("ducklake-")]
    path = data.with_name("ducklake-x-delete.parquet")
    with world.app._store.write() as tx:
        [(file, lake)] = tx.session.connection.execute(
            "SELECT data_file_id, table_id FROM ducklake_data_file WHERE path = ?", (data.name,)
        )
        snapshots = []
        for _ in range(2 if later else 1):
            commit = Commit(tx.session)
            snapshots.append(commit.snapshot)
            if len(snapshots) == 1:
                row = (900, lake, commit.snapshot, None, file, path.name, 1, spelled, 1, 10, 10, None, None)
                marks = ", ".join("?" * len(row))
                tx.session.connection.execute(f"INSERT INTO ducklake_delete_file VALUES ({marks})", row)
            commit.note(f"deleted_from_table:{lake}")
            commit.close(message="theirs")
        if later:
            tx.session.connection.execute("UPDATE ducklake_delete_file SET partial_max = ?", (snapshots[1],))
    told = {**dict.fromkeys(positions, snapshots[0]), **dict.fromkeys(later, snapshots[-1])}
    rows = ", ".join(f"('{data}', {at}, {snapshot})" for at, snapshot in sorted(told.items()))
    when = ', s AS "_ducklake_internal_snapshot_id"' if later else ""
    duck(f"COPY (SELECT f AS file_path, p AS pos{when} FROM (VALUES {rows}) AS v(f, p, s) ORDER BY p) TO '{path}'")
    return snapshots[0]


def at(world: World, sql: str, snapshot: int) -> list[tuple[str | None, ...]]:
    past = world.app.lake.past
    return [tuple(row) for chunk in past.query(sql, None, past.moment(str(snapshot))).chunks for row in chunk]


def test_questions_of_now_and_of_then_leave_them_out(shop: World) -> None:
    every = shop.rows("FROM daily ORDER BY d")
    deleted = delete(shop, 1, 2)
    assert shop.rows(ALL) == at(shop, ALL, deleted) == [("1",), ("4",)]
    assert shop.rows("FROM daily ORDER BY d") == [every[0], every[3]]
    assert at(shop, ALL, deleted - 1) == [("1",), ("2",), ("3",), ("4",)]
    assert shop.rows("SELECT count(*) FROM shop.main.daily WHERE total = 2") == [("0",)]
    views = shop.app.lake.view_statements()
    assert duck(*views, ALL) == [[1], [4]]


def test_rows_that_went_later_are_there_at_the_snapshot_between(shop: World) -> None:
    first = delete(shop, 0, later=(2,))
    assert at(shop, ALL, first) == [("2",), ("3",), ("4",)]
    assert at(shop, ALL, first + 1) == shop.rows(ALL) == [("2",), ("4",)]
    assert [one.kind for one in shop.app.lake.differ.diff("daily", str(first), str(first + 1)).intervals] == [
        "changed"
    ] * 4, "which of them the deletion touched only the rows tell"
    assert changed(shop, first, first + 1) == {"2013-01-03": (0, 1)}


def changed(world: World, earlier: int, later: int) -> dict[str, tuple[int | None, int | None]]:
    """Return the intervals with rows that differ, with how many came and went."""
    differ = world.app.lake.differ
    found = differ.summary(differ.diff("daily", str(earlier), str(later)))
    return {one.label: (one.added, one.removed) for one in found if one.added or one.removed or one.changed}


def test_a_comparison_of_two_moments_shows_them(shop: World) -> None:
    before = newest(shop)
    deleted = delete(shop, 1)
    assert changed(shop, before, deleted) == {"2013-01-02": (0, 1)}
    assert changed(shop, deleted, deleted) == {}
    shop.app.lake.checker.repair(deep=False, dry_run=False)
    assert changed(shop, deleted, newest(shop)) == {"2013-01-02": (1, 0)}
    assert changed(shop, before, newest(shop)) == {}
    assert shop.rows(ALL) == at(shop, ALL, before)


def test_a_refresh_goes_by_the_ledger(shop: World) -> None:
    delete(shop, 3)
    shop.table("top", "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS best FROM daily\n")
    shop.apply()
    shop.fill("top")
    assert shop.rows("FROM top") == [("4",)]
    shop.app.lake.checker.repair(deep=False, dry_run=False)
    assert set(shop.states("top").values()) == {"fresh"}


def test_deletions_of_another_form_are_refused_everywhere(shop: World) -> None:
    deleted = delete(shop, 1, spelled="puffin")
    for ask in (lambda: shop.rows(ALL), lambda: at(shop, ALL, deleted), shop.app.lake.view_statements):
        with fails("foreign_rows", "daily", "attach"):
            ask()
    assert len(at(shop, ALL, deleted - 1)) == 4


def test_the_views_for_others_show_the_version_that_readers_see(world: World) -> None:
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    world.table("daily", DAILY.replace("sum(v)::BIGINT", "sum(v)::VARCHAR"))
    world.apply()
    world.fill("daily", intervals=("2013-01-02",))
    assert duck(*world.app.lake.view_statements(), ALL) == [[1], [2], [3], [4]]


def test_a_table_with_columns_of_such_names_is_verified_rewritten_and_compacted(world: World) -> None:
    world.days(DAYS)
    world.table("daily", ODD)
    world.apply()
    world.fill("daily")
    world.fill("daily", intervals=("2013-01-02",), force=True)
    assert world.app.verify(()).findings == ()
    world.app.lake.compact((), dry_run=False)
    assert world.app.verify(()).findings == ()
    assert world.rows("FROM daily ORDER BY d")[1] == ("2013-01-02", "1", "2", "7", "8")
