"""A lake belongs to one project: moved, copied, mounted elsewhere, not mounted at all."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, World, fails

from mtctl.app import init_project

if TYPE_CHECKING:
    from pathlib import Path

DAYS = {"2013-01-01": [1], "2013-01-02": [2], "2013-01-03": [3], "2013-01-04": [4]}
MARK = "mtctl-lake.json"


@pytest.fixture
def shop(world: World) -> World:
    """A filled project whose lake lies elsewhere, closed."""
    world.settings(f"name = 'shop'\n[lake]\npath = '{world.root.parent / 'disk' / 'lake'}'\n")
    anew(world)
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    world.close()
    return world


def at(root: Path) -> World:
    """Return the project that stands in a folder."""
    found = World.__new__(World)
    found.root, found.notices, found._app = root, [], None
    return found


def anew(world: World) -> None:
    """Let the state begin with what the settings say now."""
    shutil.rmtree(world.root / ".mtctl")
    init_project(world.root, name=None, example=False)


def total(world: World) -> list[tuple[str | None, ...]]:
    return world.rows("SELECT sum(total) FROM daily")


def test_a_moved_project_takes_its_lake_along(shop: World, tmp_path: Path) -> None:
    moved = at(shop.root.rename(tmp_path / "elsewhere"))
    assert total(moved) == [("10",)]
    moved.fill("daily", force=True)
    assert json.loads((tmp_path / "disk" / "lake" / MARK).read_text())["state"].startswith(str(moved.root))
    assert moved.app.verify(()).findings == ()
    moved.close()


def test_a_copied_project_cannot_write_the_lake_of_the_first(shop: World, tmp_path: Path) -> None:
    copied = at(shutil.copytree(shop.root, tmp_path / "copied"))
    before = sorted((tmp_path / "disk").rglob("*"))
    assert total(copied) == [("10",)], "reading is free"
    for verb in (
        lambda: copied.fill("daily", force=True),
        lambda: copied.app.gc(grace_seconds=0, dry_run=False),
        lambda: copied.app.lake.checker.repair(deep=False, dry_run=False),
    ):
        with fails("lake_shared", str(shop.root / ".mtctl" / "state.db"), "[lake] path"):
            verb()
    assert sorted((tmp_path / "disk").rglob("*")) == before
    copied.close()
    shop.fill("daily", force=True)


def test_another_project_cannot_write_it_either(shop: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    other.settings(f"name = 'other'\n[lake]\npath = '{tmp_path / 'disk' / 'lake'}'\n")
    anew(other)
    with fails("lake_shared"):
        other.app.gc(grace_seconds=0, dry_run=False)
    other.close()
    shutil.rmtree(shop.root)
    with fails("lake_shared", MARK):
        other.app.gc(grace_seconds=0, dry_run=False)
    other.close()


def test_a_lake_that_was_moved_is_found_where_the_settings_say(shop: World, tmp_path: Path) -> None:
    (tmp_path / "other disk").mkdir()
    (tmp_path / "disk" / "lake").rename(tmp_path / "other disk" / "lake")
    shop.settings(f"name = 'shop'\n[lake]\npath = '{tmp_path / 'other disk' / 'lake'}'\n")
    assert total(shop) == [("10",)]
    shop.fill("daily", force=True)
    assert shop.app.verify(()).findings == ()


def test_settings_that_name_another_place_while_the_lake_stands_are_refused(shop: World, tmp_path: Path) -> None:
    shop.settings(f"name = 'shop'\n[lake]\npath = '{tmp_path / 'nowhere'}'\n")
    with fails("project_mismatch", str(tmp_path / "nowhere")):
        total(shop)


def test_a_disk_that_is_not_mounted_is_not_filled_anew(shop: World, tmp_path: Path) -> None:
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    with fails("lake_missing", "mount", "lake repair"):
        shop.fill("daily", force=True)
    with fails("lake_missing"):
        shop.app.gc(grace_seconds=0, dry_run=False)
    shop.close()
    shutil.rmtree(tmp_path / "disk", ignore_errors=True)
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    shop.fill("daily", force=True)
    assert total(shop) == [("10",)]


def test_a_lost_lake_is_made_anew_after_a_repair(shop: World, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "disk")
    report = shop.app.lake.checker.repair(deep=False, dry_run=False)
    assert report.stale == (("daily", "2013-01-01..2013-01-04"),)
    shop.fill("daily")
    assert total(shop) == [("10",)]
