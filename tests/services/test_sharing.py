"""The shared copy of the catalog: what is in it, who may read it, when it is made and when it goes."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import apsw
import pytest
from service_kit import DAILY, World, fails

from mtctl.clock import SystemClock
from mtctl.lake.files import LakeFiles
from mtctl.services.sharing import Sharer, settle
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from pathlib import Path

DAYS = {"2013-01-01": [1], "2013-01-02": [2], "2013-01-03": [3], "2013-01-04": [4]}


@pytest.fixture
def shop(world: World) -> World:
    """A project that shares with everybody, filled, closed."""
    settings(world, "all")
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    world.close()
    return world


def settings(world: World, share: str) -> None:
    world.settings(f"name = 'shop'\n[lake]\nshare = '{share}'\n" if share else "name = 'shop'\n")


def copy_of(world: World) -> Path:
    return world.root / "lake" / "catalog.db"


def asked(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def newest(path: Path) -> object:
    return asked(path, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0]


def modes(world: World) -> tuple[set[int], set[int]]:
    lake = world.root / "lake"
    found = [path for path in (lake, *lake.rglob("*")) if "_staging" not in path.parts]
    return (
        {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file() and path.suffix == ".parquet"},
        {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()},
    )


def test_the_copy_holds_the_catalog_and_nothing_else(shop: World) -> None:
    path = copy_of(shop)
    tables = {name for (name,) in asked(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert len(tables) == 28
    assert all(str(name).startswith("ducklake_") for name in tables)
    assert asked(path, "PRAGMA journal_mode") == [("delete",)]
    assert asked(path, "PRAGMA integrity_check") == [("ok",)]
    assert newest(path) == newest(shop.root / ".mtctl" / "state.db")


def test_nothing_can_be_written_into_the_copy(shop: World) -> None:
    connection = apsw.Connection(str(copy_of(shop)))
    with pytest.raises(apsw.ConstraintError, match="copy of the catalog"):
        connection.execute("DELETE FROM ducklake_snapshot")
    connection.close()


@pytest.mark.parametrize(("share", "file", "folder"), [("group", 0o640, 0o750), ("all", 0o644, 0o755)])
def test_others_may_read_what_is_published_and_the_state_stays_private(
    shop: World, share: str, file: int, folder: int
) -> None:
    settings(shop, share)
    shop.table("top", "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS m FROM daily")
    shop.up()
    shop.close()

    assert modes(shop) == ({file}, {folder})
    assert stat.S_IMODE(copy_of(shop).stat().st_mode) == file
    assert stat.S_IMODE((shop.root / "lake" / "_staging").stat().st_mode) == 0o700
    assert stat.S_IMODE((shop.root / ".mtctl").stat().st_mode) == 0o700


def test_a_project_that_shares_no_longer_takes_everything_back(shop: World) -> None:
    settings(shop, "")
    shop.status("daily")
    shop.close()
    assert not copy_of(shop).exists()
    assert modes(shop) == ({0o600}, {0o700})


def test_who_reads_an_old_copy_goes_on(shop: World) -> None:
    reader = apsw.Connection(str(copy_of(shop)), flags=apsw.SQLITE_OPEN_READONLY)
    rows = reader.execute("SELECT snapshot_id FROM ducklake_snapshot")
    first = next(rows)
    shop.fill("daily", force=True)
    shop.close()
    assert first == (0,)
    before = len(rows.fetchall()) + 1
    assert asked(copy_of(shop), "SELECT count(*) FROM ducklake_snapshot") == [(before + 1,)]
    reader.close()


def test_a_burst_is_shared_at_most_once_a_second_and_its_end_for_certain(shop: World) -> None:
    shop.fill("daily", force=True)
    project, store = shop.app.project, open_store(shop.root / ".mtctl" / "state.db", SystemClock())
    lake = LakeFiles(project.lake, project.share)
    assert settle(project, store, lake, even_if_new=True)
    shop.fill("daily", force=True)
    settle(project, store, lake, even_if_new=True)
    with store.write() as tx:
        tx.drop_tables([1])
    assert not settle(project, store, lake), "less than a second after the last"

    said: list[str] = []
    with Sharer(project, lambda: open_store(shop.root / ".mtctl" / "state.db", SystemClock()), lake, SystemClock(),
                said.append) as sharer:
        sharer.poke()
    assert newest(copy_of(shop)) == newest(shop.root / ".mtctl" / "state.db")
    assert said == []
    store.close()


def test_attaching_names_the_copy_where_there_is_one(shop: World) -> None:
    assert shop.app.lake.shared_statement() == f"ATTACH 'ducklake:sqlite:{copy_of(shop)}' AS shop (READ_ONLY);"
    settings(shop, "")
    with fails("lake_not_shared", "share"):
        shop.app.lake.shared_statement()


def test_an_unknown_word_is_refused(world: World) -> None:
    settings(world, "world")
    with fails("config_value", "group"):
        world.status("daily")
