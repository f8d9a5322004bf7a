"""A disk that is full: told in one line, nothing half done, and all is made good once there is room."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from e2e.kit import PATIENCE, books, check_rows, ok, project, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAYS = 30
_BYTES = 12 << 20
_LOG_INDEX = 32 << 10
"""What SQLite needs for the index of its log, to read as well."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of twelve megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_BYTES}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def _filled(disk: Path, free: int) -> Iterator[None]:
    """Leave so many bytes free."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    ballast.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - free)))
    yield
    ballast.unlink()


def _project(disk: Path, elsewhere: Path, what: str) -> Path:
    """Put all of a project, its lake only, or everything but the lake on the small disk."""
    lake = {"all": "", "lake": f"[lake]\npath = '{disk / 'lake'}'", "state": f"[lake]\npath = '{elsewhere / 'lake'}'"}
    return project((elsewhere if what == "lake" else disk) / "p", days=_DAYS, settings=lake[what])


@pytest.mark.parametrize(
    ("what", "free"),
    [
        ("all", 150_000),
        *(pytest.param("all", free, marks=pytest.mark.campaign) for free in (0, 30_000, 600_000)),
        *(pytest.param("state", free, marks=pytest.mark.campaign) for free in (0, 100_000, 600_000)),
        *(pytest.param("lake", free, marks=pytest.mark.campaign) for free in (0, 10_000, 40_000)),
    ],
)
def test_work_on_a_full_disk_is_told_in_a_line_and_made_good_later(
    disk: Path, tmp_path: Path, what: str, free: int
) -> None:
    root = _project(disk, tmp_path, what)
    with _filled(disk, free):
        done = run(root, "refresh", "--all", "--batch", "1")
        looked = run(root, "status")
    assert done.code in {1, 9}, "there was room enough: the test proves nothing"
    assert "Traceback" not in done.err
    assert "space" in done.err, done.err
    reads = free >= _LOG_INDEX or what == "lake"
    assert looked.code == (0 if reads else 9), looked.err

    ok(root, "up", "--once")
    _check(root)


def _check(root: Path) -> None:
    """Assert that each interval is there once, as its source says, that nothing is open and no file is left over."""
    found = books(root)
    assert not any(found["open"].values()), found["open"]
    assert [row[2:] for row in found["ledger"] if row[0] == "daily"] == [[1, 1]] * _DAYS
    check_rows(root, [path for name, path in found["files"] if name == "daily"])
    assert run(root, "verify").code == 0
    ok(root, "lake", "gc", "--grace", "0")
    data = Path(found["all_files"][0]).parents[1]
    assert {str(path) for path in data.rglob("*.parquet")} == set(found["all_files"])


@pytest.mark.campaign
def test_a_daemon_on_a_full_disk_waits_for_room_and_goes_on(disk: Path, tmp_path: Path) -> None:
    root = _project(disk, tmp_path, "all")
    with start(root, "up", "--no-apply", "-w", "1") as daemon:
        with _filled(disk, 300_000):
            end = time.monotonic() + 50  # longer than a holder is trusted without a beat
            while time.monotonic() < end and daemon.poll() is None:
                time.sleep(0.1)
        assert daemon.poll() is None, daemon.communicate()
        end = time.monotonic() + 3 * PATIENCE  # a task that met with a full disk again and again waits a minute
        while run(root, "status", "--check").code != 0:
            assert time.monotonic() < end, "it never made good"
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert 1 <= err.count("space") < 12, err  # told, and not over and over
    _check(root)
