"""A state file that is missing, foreign, newer, cut, doubled or shut: refused by its own name, and left as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hostile_kit import Place, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = (("status",), ("refresh", "daily"), ("apply",), ("table", "list"), ("lake", "gc"), ("query", "FROM daily"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled project whose log is folded into the file; it stands elsewhere than where it was made."""
    place = Place(tmp_path_factory.mktemp("made") / "shop")
    fold = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()"
    subprocess.run([sys.executable, "-c", fold, str(place.root / ".mtctl" / "state.db")], check=True)
    return place.root.rename(tmp_path_factory.mktemp("kept") / "shop")


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Place:
    """A copy of the project, which counts as moved."""
    made = Place.__new__(Place)
    made.root = tmp_path / "shop"
    shutil.copytree(template, made.root)
    for path in (made.root / ".mtctl").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return made


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("once upon a time\n" * 50, encoding="utf-8")


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def newer(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(60)
        file.write(struct.pack(">I", 99))


def foreign(path: Path) -> None:
    path.unlink()
    make = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE t (a)'); c.commit()"
    subprocess.run([sys.executable, "-c", make, str(path)], check=True)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def hard_linked(path: Path) -> None:
    os.link(path, path.with_name("other.db"))


def noise(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 4096)


STATES: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (missing, "state_missing"),
    "empty": (empty, "state_empty"),
    "text": (text, "state_not_sqlite"),
    "half": (half, "state_corrupt"),
    "newer": (newer, "state_newer"),
    "foreign": (foreign, "state_foreign"),
    "directory": (directory, "state_directory"),
    "fifo": (fifo, "state_not_sqlite"),
    "hard-linked": (hard_linked, "state_hard_linked"),
}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else str(path.exists())


@pytest.mark.parametrize("row", STATES)
def test_a_state_file_that_is_not_ours_is_refused_and_left(place: Place, row: str) -> None:
    spoil, error = STATES[row]
    path = place.root / ".mtctl" / "state.db"
    spoil(path)
    before = (digest(path), sorted(found.name for found in path.parent.iterdir()))
    for words in CALLS:
        refused(place.call(*words), 9, error)
    assert (digest(path), sorted(found.name for found in path.parent.iterdir())) == before


def test_a_damaged_page_is_no_traceback(place: Place) -> None:
    noise(place.root / ".mtctl" / "state.db")
    for words in CALLS:
        told = place.call(*words)
        assert "Traceback" not in told.err
        assert told.code in {0, 9}, told.err
        assert told.error_codes in ([], ["state_corrupt"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_state_that_may_not_be_opened_is_refused(place: Place, what: str) -> None:
    path = place.root / ".mtctl" / ("state.db" if what == "file" else "")
    path.chmod(0 if what == "file" else 0o500)
    try:
        refused(place.call("status"), 9, "state_permission")
    finally:
        path.chmod(0o700)


def test_a_project_beside_a_state_of_another_lake_is_refused(place: Place, template: Path, tmp_path: Path) -> None:
    assert place.call("status").code == 0  # the copy has taken the state over
    shutil.copytree(place.root, tmp_path / "twin")
    twin = Place.__new__(Place)
    twin.root = tmp_path / "twin"
    with place.untouched():
        for words in CALLS:
            refused(twin.call(*words), 4, "project_mismatch")


def test_a_lake_that_is_gone_is_told_by_query_and_verify(place: Place) -> None:
    assert place.call("verify").code == 0
    shutil.rmtree(place.root / "lake" / "data")
    told = place.call("query", "SELECT sum(v) FROM daily")
    assert told.code == 8
    refused(told, 8, told.error_codes[0])
    found = place.call("verify")
    assert found.code == 1
    assert "2013-01-01" in found.out
    assert "Traceback" not in found.err


def test_a_changed_byte_of_data_is_told_by_query_or_verify(place: Place) -> None:
    [path] = (place.root / "lake" / "data").rglob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(bytes(content))
    told = place.call("query", "SELECT sum(v) FROM daily")
    assert "Traceback" not in told.err
    assert place.call("verify").code == 1


def test_a_log_that_was_cut_loses_nothing_acknowledged_before(place: Place) -> None:
    """A torn tail of the write-ahead log is a crash: what was committed before it stays."""
    (place.root / ".mtctl" / "state.db-wal").write_bytes(b"\x37\x7f\x06\x82garbage")
    told = place.call("query", "SELECT sum(v) AS v FROM daily", "-o", "csv")
    assert (told.code, told.out.split()) == (0, ["v", "3"]), told.err
