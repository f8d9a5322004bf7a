"""Copies of the state file: whole, private, one a day; and the way back, with a lake that is newer or older."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, World, fails

from mtctl.clock import SystemClock
from mtctl.parts import Parts
from mtctl.restoring import restore_state

if TYPE_CHECKING:
    from mtctl.services.reports.backup import RestoreReport

DAYS = {"2013-01-01": [1], "2013-01-02": [2], "2013-01-03": [3], "2013-01-04": [4]}
HOLD = """
import sys
import apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shop(world: World) -> World:
    """Four days in files of their own, two of them filled, closed."""
    world.settings("name = 'shop'\n[lake]\ntarget_file_rows = 1\n")
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily", intervals=("2013-01-01", "2013-01-02"))
    return world


def state(world: World) -> Path:
    return world.root / ".mtctl" / "state.db"


def copy(world: World, target: Path | None = None, *, keep: int = 7) -> Path:
    return Path(world.app.back_up(target, keep=keep).path)


def restore(world: World, file: Path, *, force: bool = False) -> RestoreReport:
    world.close()
    return restore_state(world.root, world.notices.append, file, force=force)


def snapshot(world: World) -> int:
    return world.app.status(()).snapshot_id


def test_a_backup_is_whole_private_and_of_one_moment(shop: World) -> None:
    first = copy(shop)
    assert first.parent == shop.root / ".mtctl" / "backups"
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    found = Parts(shop.app.project, SystemClock(), print).backups().inspect(first)
    assert (found.project, found.tables, found.snapshot_id) == ("shop", 1, snapshot(shop))

    named = copy(shop, shop.root / "kept.db")
    with fails("backup_exists", str(named)):
        copy(shop, named)
    assert [path.name for path in first.parent.iterdir()] == [first.name], "no draft is left"


def test_the_state_file_itself_is_no_backup(shop: World) -> None:
    path = shop.app.project.state_file
    before = shop.app.status(()).tables
    with fails("backup_is_state"):
        restore_state(shop.root, lambda _: None, path, force=True)
    assert shop.app.status(()).tables == before


def test_only_so_many_dated_copies_stay_and_those_before_upgrades_do_too(shop: World) -> None:
    folder = copy(shop).parent
    for day in range(1, 5):
        (folder / f"state-2020010{day}T000000Z.db").write_text("old")
    (folder / "state-v2-20200101T000000Z.db").write_text("older")

    newest = max(folder.glob("state-20[2-9]*.db"))
    newest.unlink()  # two in one second would have one name
    made = copy(shop, keep=2)

    assert sorted(path.name for path in folder.glob("*.db")) == sorted(
        [made.name, "state-20200104T000000Z.db", "state-v2-20200101T000000Z.db"]
    )


def test_a_lake_newer_than_the_backup_is_refreshed_again(shop: World) -> None:
    file = copy(shop, shop.root / "kept.db")
    shop.fill("daily")
    shop.fill("daily", intervals=("2013-01-01",), force=True)
    before, newer = snapshot(shop), set((shop.root / "lake" / "data").rglob("*.parquet"))

    report = restore(shop, file)

    assert report.repair.check.found == ()
    assert shop.states("daily") == dict.fromkeys(DAYS, "missing") | {"2013-01-01": "fresh", "2013-01-02": "fresh"}
    assert snapshot(shop) > before, "no snapshot id means two things"
    shop.fill("daily")
    assert shop.rows("SELECT sum(total) FROM daily") == [("10",)]
    assert shop.app.verify(()).findings == ()
    strays = shop.app.gc(grace_seconds=0, dry_run=False).removed
    assert {Path(path) for path in strays} < newer
    assert len(strays) == 3
    assert shop.app.lake.checker.check(deep=True).found == ()


def test_a_lake_older_than_the_backup_has_its_lost_intervals_named_and_made_anew(shop: World) -> None:
    file = copy(shop, shop.root / "kept.db")
    row = next(one for one in shop.app.partitions("daily", missing=False, stale=False) if one.interval == "2013-01-02")
    next((shop.root / "lake").rglob(Path(row.file or "").name)).unlink()

    report = restore(shop, file)

    assert report.repair.stale == (("daily", "2013-01-02"),)
    assert shop.states("daily")["2013-01-02"] == "file damaged"
    shop.fill("daily")
    assert shop.rows("SELECT sum(total) FROM daily") == [("10",)]


@pytest.mark.parametrize("spoil", ["missing", "noise", "folder gone"])
def test_a_restore_needs_no_state_file_that_can_be_read(shop: World, spoil: str) -> None:
    file = copy(shop, shop.root / "kept.db")
    shop.close()
    if spoil == "folder gone":
        shutil.rmtree(state(shop).parent)
    elif spoil == "missing":
        state(shop).unlink()
    else:
        state(shop).write_bytes(b"noise" * 1000)

    report = restore(shop, file)

    assert (report.former is not None) == (spoil == "noise")
    assert snapshot(shop) > 1_000_000, "nobody knows how far the ids had come"
    assert stat.S_IMODE(state(shop).stat().st_mode) == 0o600
    shop.fill("daily")
    assert shop.rows("SELECT sum(total) FROM daily") == [("10",)]


def test_a_restore_is_refused_while_others_have_the_file_open_unless_forced(shop: World) -> None:
    file = copy(shop, shop.root / "kept.db")
    shop.close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state(shop))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with fails("state_held", str(other.pid), "--force"):
            restore(shop, file)
        before = state(shop).stat().st_ino
        report = restore(shop, file, force=True)
        assert state(shop).stat().st_ino != before
        assert report.former is not None
        assert Path(report.former).stat().st_ino == before
        other.communicate()


def test_what_is_no_backup_of_this_project_is_refused_and_nothing_changes(shop: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    theirs = copy(other, tmp_path / "theirs.db")
    other.close()
    mine = copy(shop, tmp_path / "mine.db")
    shop.close()
    damaged = tmp_path / "damaged.db"
    content = bytearray(mine.read_bytes())
    content[8192:12288] = os.urandom(4096)
    damaged.write_bytes(content)
    (tmp_path / "text.db").write_text("once upon a time " * 100)
    before = state(shop).stat().st_ino

    for name, code in {
        "theirs.db": "backup_foreign",
        "damaged.db": "state_corrupt",
        "text.db": "state_not_sqlite",
        "nothing.db": "backup_missing",
    }.items():
        with fails(code):
            restore(shop, tmp_path / name)
    assert theirs.exists()
    assert state(shop).stat().st_ino == before


def test_upkeep_takes_one_copy_a_day(shop: World) -> None:
    parts = Parts(shop.app.project, SystemClock(), print)
    store = parts.open_store()
    folder = shop.root / ".mtctl" / "backups"

    parts.tend(store, shop.notices.append)
    assert len(list(folder.glob("*.db"))) == 1
    parts.tend(store, shop.notices.append)
    assert len(list(folder.glob("*.db"))) == 1

    [first] = folder.glob("*.db")
    first.rename(folder / "state-20200101T000000Z.db")
    os.utime(shop.root / ".mtctl" / "copied", (0, 0))
    parts.tend(store, shop.notices.append)
    assert len(list(folder.glob("*.db"))) == 2
    assert shop.notices == []
    store.close()
