"""The real extension on a lake whose state file was restored, and on one that was damaged and repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lake_kit import Duck, Project, lake_python, small_example

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Project:
    lake_python()
    return small_example(tmp_path_factory.mktemp("restored") / "flights")


def same(duck: Duck, project: Project, versions: list[int]) -> None:
    """Demand that the extension shows at each version what mtctl's own view is."""
    for version in versions:
        for name, files in project.tables_at(version).items():
            assert duck.content(f"{name} AT (VERSION => {version})") == duck.content(files), (name, version)
    shown = [row[0] for row in duck.rows("SELECT snapshot_id FROM ducklake_snapshots('nycflights13')")]
    assert shown == project.versions()


def test_a_restored_state_is_a_lake_like_any_other_for_open_sessions_too(small: Project, tmp_path: Path) -> None:
    backup = tmp_path / "kept.db"
    small.mtctl("state", "backup", str(backup))
    small.mtctl("refresh", "flights_daily", "--interval", "2013-01-04", "--force")
    before = small.versions()
    with small.attached() as old:
        old.content("flights_daily")
        small.mtctl("state", "restore", str(backup))
        same(old, small, small.versions()[-3:])

    restored = small.versions()
    assert restored[-1] == before[-1] + 1
    with small.attached() as duck:
        same(duck, small, restored[-3:])
        small.mtctl("refresh", "flights_daily", "--interval", "2013-01-05", "--force")
        duck.rows("SELECT count(*) FROM flights_daily")
        same(duck, small, small.versions()[-2:])
    small.mtctl("verify")


def test_a_repaired_lake_reads_as_mtctl_says(small: Project) -> None:
    victims = sorted((small.root / "lake" / "data").glob("flights_daily-*/*.parquet"))[:2]
    victims[0].unlink()
    victims[1].write_bytes(victims[1].read_bytes()[:-40])
    before = small.versions()[-1]

    small.mtctl("lake", "check", code=1)
    small.mtctl("lake", "repair")
    small.mtctl("refresh", "--all")

    with small.attached() as duck:
        same(duck, small, [one for one in small.versions() if one > before + 1])
    small.mtctl("verify")
