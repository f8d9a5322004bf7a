"""What `doctor` sees: a well project, and each thing that can be wrong with one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import apsw
import pytest
from service_kit import DAILY, World, fails

from mtctl.ports.lake_mark import FILE
from mtctl.services.reports.doctor import Verdict

if TYPE_CHECKING:
    from mtctl.services.reports.doctor import Examined

READ = """
import sys
import apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM project").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shop(world: World) -> World:
    """A filled project with a backup."""
    world.days({"2013-01-01": [1]})
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    world.app.back_up(None, keep=1)
    return world


def examined(world: World, name: str) -> Examined:
    return next(one for one in world.app.doctor.examine() if one.name == name)


def test_a_well_project_has_no_finding(shop: World) -> None:
    found = shop.app.doctor.examine()
    assert [one for one in found if one.verdict is not Verdict.OK and one.name != "disk space"] == []
    assert {"versions", "write guard", "write-ahead log", "clock", "leases", "lake", "backups"} <= {
        one.name for one in found
    }


def test_who_reads_now_is_named(shop: World) -> None:
    state = shop.root / ".mtctl" / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", READ, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert f"being read by {other.pid} ({sys.executable}" in examined(shop, "write-ahead log").detail
        assert str(other.pid) in examined(shop, "open by").detail
        other.communicate()
    assert "read by" not in examined(shop, "write-ahead log").detail


def test_open_permissions_a_foreign_mark_and_a_missing_backup_are_told(shop: World) -> None:
    (shop.root / ".mtctl" / "state.db").chmod(0o644)
    [backup] = (shop.root / ".mtctl" / "backups").iterdir()
    backup.unlink()
    mark = shop.root / "lake" / FILE
    mark.write_text('{"project": "another", "state": "/elsewhere/state.db", "lake": "%s"}' % mark.parent)  # noqa: UP031

    found = {one.name: one.verdict for one in shop.app.doctor.examine()}

    assert (found["permissions"], found["lake"], found["backups"]) == (
        Verdict.TROUBLE,
        Verdict.TROUBLE,
        Verdict.WARNING,
    )


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("DROP TRIGGER guard_ledger_insert", "write guard"),
        ("UPDATE ducklake_metadata SET value = '1.1' WHERE key = 'version'", "catalog"),
    ],
)
def test_what_another_program_did_to_the_state_is_told_and_reading_goes_on(
    shop: World, change: str, name: str
) -> None:
    shop.close()
    connection = apsw.Connection(str(shop.root / ".mtctl" / "state.db"))
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.execute(change)
    connection.close()

    assert examined(shop, name).verdict is Verdict.TROUBLE
    assert shop.rows("SELECT sum(total) FROM daily") == [("1",)]
    if name == "catalog":
        for verb in (
            lambda: shop.refresh("daily", force=True),
            lambda: shop.app.gc(grace_seconds=0, dry_run=False),
            lambda: shop.app.lake.checker.repair(deep=False, dry_run=False),
        ):
            with fails("catalog_version", "1.1"):
                verb()
