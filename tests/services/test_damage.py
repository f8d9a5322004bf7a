"""Files of the lake that are missing, cut, changed or replaced: named by readers and checks, and made anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, World, fails

from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from collections.abc import Callable

ALONE = "name = 'shop'\n[lake]\ntarget_file_rows = 1\n"
DAYS = {"2013-01-01": [1], "2013-01-02": [2], "2013-01-03": [3], "2013-01-04": [4]}
FRESH = dict.fromkeys(DAYS, "fresh")


def missing(path: Path) -> None:
    path.unlink()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (missing, "missing"),
    "truncated": (truncated, "truncated"),
}


def changed(path: Path) -> None:
    """Change one byte in the middle of the data."""
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(bytes(content))


@pytest.fixture
def shop(world: World) -> World:
    """Four days, all in one file."""
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


@pytest.fixture
def apart(world: World) -> World:
    """Four days, each in a file of its own."""
    world.settings(ALONE)
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def data(world: World) -> list[Path]:
    return sorted((world.root / "lake" / "data").rglob("*.parquet"))


def file_of(world: World, label: str) -> Path:
    [row] = [one for one in world.app.partitions("daily", missing=False, stale=False) if one.interval == label]
    return next(path for path in data(world) if path.name == Path(row.file or "").name)


def total(world: World) -> str | None:
    [[found]] = world.rows("SELECT sum(total) FROM daily")
    return found


@pytest.mark.parametrize("row", DAMAGE)
def test_a_damaged_file_is_named_marked_and_made_anew(apart: World, row: str) -> None:
    spoil, check = DAMAGE[row]
    path = file_of(apart, "2013-01-02")
    spoil(path)

    with fails("file_damaged", "daily", str(path), "lake repair"):
        apart.rows("SELECT * FROM daily")
    [found] = apart.app.lake.checker.check(deep=False).found
    assert (found.table, found.check, found.intervals, found.path) == ("daily", check, "2013-01-02", str(path))

    assert apart.app.lake.checker.repair(deep=False, dry_run=True).stale == (("daily", "2013-01-02"),)
    assert apart.states("daily") == FRESH, "a dry run changes nothing"
    assert apart.app.lake.checker.repair(deep=False, dry_run=False).stale == (("daily", "2013-01-02"),)
    assert apart.states("daily") == FRESH | {"2013-01-02": "file damaged"}

    before = apart.attempts("daily")
    apart.fill(everything=True)
    after = apart.attempts("daily")
    assert [day for day in after if after[day] != before[day]] == ["2013-01-02"]
    assert total(apart) == "10"
    assert [one for one in apart.app.lake.checker.check(deep=True).found if one.mends] == []


def test_a_changed_byte_is_found_by_a_deep_check_and_by_its_reader(apart: World) -> None:
    path = file_of(apart, "2013-01-03")
    changed(path)

    assert apart.app.lake.checker.check(deep=False).found == ()
    [found] = apart.app.lake.checker.check(deep=True).found
    assert (found.check, found.intervals) == ("changed", "2013-01-03")
    with fails("file_damaged", str(path), "repair --deep"):
        apart.rows("SELECT * FROM daily")

    apart.app.lake.checker.repair(deep=True, dry_run=False)
    apart.fill(everything=True)
    assert total(apart) == "10"


def test_no_row_is_carried_out_of_a_damaged_file(shop: World) -> None:
    [path] = data(shop)
    truncated(path)
    shop.app.lake.checker.repair(deep=False, dry_run=False)
    assert set(shop.states("daily").values()) == {"file damaged"}

    shop.fill("daily", intervals=("2013-01-02",))

    assert shop.states("daily") == dict.fromkeys(DAYS, "missing") | {"2013-01-02": "fresh"}
    assert total(shop) == "2", "the table can be read again"
    shop.fill(everything=True)
    assert shop.states("daily") == FRESH
    assert total(shop) == "10"
    assert shop.app.verify(()).findings == ()


def test_a_refresh_that_meets_a_damaged_file_says_so(shop: World) -> None:
    shop.table("top", "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS m FROM daily")
    shop.apply()
    [path] = data(shop)
    missing(path)

    [table] = shop.refresh("top").tables

    assert f"a file of table daily is not there – {path}" in (table.error or "")


def test_an_error_of_the_query_itself_stays_as_it_is(shop: World) -> None:
    with pytest.raises(MtctlError) as caught:
        shop.rows("SELECT error('broken parquet') FROM daily")
    assert caught.value.code == "query_failed"


def test_what_only_older_versions_read_is_told_and_left(apart: World) -> None:
    path = file_of(apart, "2013-01-01")
    apart.fill("daily", intervals=("2013-01-01",), force=True)
    missing(path)

    [found] = apart.app.lake.checker.check(deep=False).found
    assert (found.check, found.intervals, found.mends) == ("missing", "", "")
    assert "older versions" in found.detail
    assert apart.app.lake.checker.repair(deep=False, dry_run=False).stale == ()
    assert apart.states("daily") == FRESH


def test_a_whole_table_is_marked_as_a_whole_and_what_reads_it_is_not(shop: World) -> None:
    shop.table("top", "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS m FROM daily")
    shop.table("next", "CREATE MATERIALIZED TABLE next AS SELECT m + 1 AS n FROM top")
    shop.up()
    [path] = (shop.root / "lake" / "data").glob("top-*/*.parquet")
    missing(path)

    assert shop.app.lake.checker.repair(deep=False, dry_run=False).stale == (("top", "whole table"),)

    assert (shop.states("top"), shop.states("next")) == ({"whole table": "file damaged"}, {"whole table": "fresh"})
    shop.fill(everything=True)
    assert shop.rows("SELECT n FROM next") == [("5",)]
