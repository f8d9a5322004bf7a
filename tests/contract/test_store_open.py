"""Opening and creating the state file: what is refused, and that nothing is written then."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from fakes import FakeClock
from store_kit import definition, kit_at, new, reopened

from mtctl.core.errors import Kind, MtctlError
from mtctl.store import check
from mtctl.store.connection import create, open_store

HOUR = 3600


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _closed(tmp_path: Path) -> Path:
    kit = kit_at(tmp_path)
    kit.store.close()
    return kit.path


def _text(path: Path) -> None:
    path.write_text("not a database, but long enough to hold a header of one hundred bytes. " * 4)


def _short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00")


def _foreign(path: Path) -> None:
    path.unlink()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA application_id = 42; CREATE TABLE theirs (x)")
    connection.close()


def _newer(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 7; PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _linked(path: Path) -> None:
    os.link(path, path.with_name("twin.db"))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


REFUSED = [
    (_text, "state_not_sqlite"),
    (_short, "state_not_sqlite"),
    (lambda path: path.write_bytes(b""), "state_empty"),
    (_foreign, "state_foreign"),
    (_newer, "state_newer"),
    (_half, "state_corrupt"),
    (_linked, "state_hard_linked"),
    (_directory, "state_directory"),
    (lambda path: path.unlink(), "state_missing"),
    (lambda path: (path.unlink(), path.parent.joinpath("create.lock").unlink(), path.parent.rmdir()), "state_missing"),
]


@pytest.mark.parametrize(("spoil", "code"), REFUSED)
def test_what_is_not_ours_or_not_whole_is_refused_untouched(tmp_path, spoil, code):
    path = _closed(tmp_path)
    spoil(path)
    before = _sha(path) if path.is_file() else None
    names = sorted(path.parent.iterdir()) if path.parent.exists() else []

    with pytest.raises(MtctlError) as caught:
        open_store(path, FakeClock())

    assert caught.value.code == code
    assert caught.value.kind is Kind.STATE
    assert caught.value.fix
    assert (_sha(path) if path.is_file() else None) == before
    assert (sorted(path.parent.iterdir()) if path.parent.exists() else []) == names


def test_a_newer_schema_names_both_versions(tmp_path):
    path = _closed(tmp_path)
    _newer(path)

    with pytest.raises(MtctlError, match=r"schema 7.*schema 4"):
        open_store(path, FakeClock())


def test_damage_inside_is_named_when_it_is_met(tmp_path):
    path = _closed(tmp_path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8000)

    with pytest.raises(MtctlError) as caught:
        open_store(path, FakeClock())
    assert caught.value.code == "state_corrupt"


AS_NOBODY = """
import os, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from fakes import FakeClock
from mtctl.core.errors import MtctlError
from mtctl.store.connection import open_store
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    open_store(Path(sys.argv[1]), FakeClock())
except MtctlError as error:
    print(error.code)
"""


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o000, 0o777), (0o444, 0o777), (0o666, 0o555), (0o666, 0o000)])
def test_a_file_or_folder_without_permission_is_named_so(tmp_path, file_mode, folder_mode):
    path = _closed(tmp_path)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and "pytest" in folder.name:
            folder.chmod(0o755)
    before = _sha(path)
    path.chmod(file_mode)
    path.parent.chmod(folder_mode)

    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path), *sys.path], capture_output=True, text=True, check=False
    )
    path.parent.chmod(0o700)
    path.chmod(0o600)

    assert done.stdout.strip() == "state_permission", done.stderr
    assert _sha(path) == before


def test_network_file_systems_are_refused_by_the_longest_mount_point():
    mounts = "/dev/vda / ext4 rw 0 0\nserver:/x /home nfs4 rw 0 0\n/dev/vdb /home/me\\040too ext4 rw 0 0\n"

    assert check.file_system_of(Path("/srv/x"), mounts) == "ext4"
    assert check.file_system_of(Path("/home/me"), mounts) == "nfs4"
    assert check.file_system_of(Path("/home/me too/project"), mounts) == "ext4"
    assert check.file_system_of(Path("/homes"), mounts) == "ext4"
    with pytest.raises(MtctlError) as caught:
        check.check_file_system(Path("/home/me"), mounts)
    assert caught.value.code == "state_network"


def test_files_are_private_under_an_open_umask(tmp_path):
    old = os.umask(0)
    try:
        kit = kit_at(tmp_path)
        kit.put(definition("a"))
    finally:
        os.umask(old)

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in kit.path.parent.iterdir()}
    assert set(modes) == {"create.lock", "state.db", "state.db-wal", "state.db-shm"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(kit.path.parent.stat().st_mode) == 0o700


CREATE = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from fakes import FakeClock
from mtctl.store.connection import create
store = create(Path(sys.argv[1]), FakeClock(), "p", "/lake/data")
with store.read() as view:
    print(view.session.connection.execute("SELECT uuid FROM project").fetchall())
assert "sqlite3" not in sys.modules and "duckdb" not in sys.modules
"""


def test_of_several_creators_at_once_one_creates_and_all_open_the_same(tmp_path):
    path = tmp_path / "state" / "state.db"
    command = [sys.executable, "-c", CREATE, str(path), *sys.path]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]

    ended = [one.communicate() for one in started]

    assert [one.returncode for one in started] == [0] * 6, ended
    assert len({out for out, _ in ended}) == 1
    assert not (path.parent / "state.db.new").exists()


def test_creation_starts_over_where_one_was_killed(tmp_path):
    folder = tmp_path / ".mtctl"
    folder.mkdir()
    (folder / "state.db.new").write_bytes(b"half")
    (folder / "state.db.new-wal").write_bytes(b"half")

    create(folder / "state.db", FakeClock(), "p", "/lake/data").close()

    assert not list(folder.glob("*.new*"))


def test_creation_needs_the_folder_above(tmp_path):
    with pytest.raises(MtctlError) as caught:
        create(tmp_path / "no" / ".mtctl" / "state.db", FakeClock(), "p", "/lake/data")

    assert caught.value.code == "state_missing"


def test_the_file_has_the_settings_that_the_rules_name(tmp_path):
    kit = kit_at(tmp_path)
    asked = ["application_id", "user_version", "journal_mode", "auto_vacuum", "synchronous", "foreign_keys"]
    asked += ["trusted_schema", "cell_size_check", "busy_timeout", "journal_size_limit"]

    found = {name: kit.sql(f"PRAGMA {name}")[0][0] for name in asked}

    assert found == {
        "application_id": 0x6D746374,
        "user_version": 4,
        "journal_mode": "wal",
        "auto_vacuum": 2,
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "busy_timeout": 30_000,
        "journal_size_limit": 64 << 20,
    }


def test_a_second_connection_of_the_process_never_touches_the_file_behind_sqlites_back(tmp_path):
    kit = kit_at(tmp_path)
    second = reopened(kit)
    kit.put(definition("a"))
    second.close()

    out = subprocess.run(
        [sys.executable, "-c", CREATE, str(kit.path), *sys.path], capture_output=True, text=True, check=True
    )
    assert out.stdout
    assert kit.path.with_name("state.db-wal").exists(), "another process took itself for the last one"
    with kit.store.read() as view:
        assert len(view.tables()) == 1


def test_a_clock_far_behind_stops_writes_and_not_reads(tmp_path):
    kit = kit_at(tmp_path)
    kit.clock.set_wall(kit.clock.now() - (HOUR + 1) * 1_000_000)

    with pytest.raises(MtctlError, match="behind") as caught, kit.store.write():
        pass
    assert caught.value.code == "clock_behind"
    assert caught.value.kind is Kind.STATE
    with kit.store.read() as view:
        assert view.tables() == []

    kit.clock.set_wall(kit.clock.now() + 2_000_000)
    kit.put(definition("a"))


def test_the_greatest_time_written_moves_on(tmp_path):
    kit = kit_at(tmp_path)
    kit.clock.advance(10 * HOUR)
    kit.put(definition("a"))
    kit.clock.set_wall(kit.clock.now() - 2 * HOUR * 1_000_000)

    with pytest.raises(MtctlError, match=r"2\.0 hours behind"), kit.store.write():
        pass


def test_a_block_that_raises_changes_nothing(tmp_path):
    kit = kit_at(tmp_path)

    def interrupted() -> None:
        with kit.store.write() as tx:
            tx.put_tables([new(definition("a"))])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    with kit.store.read() as view:
        assert view.tables() == []
        assert view.snapshot() == 0


def test_a_view_stays_at_its_moment_while_another_connection_writes(tmp_path):
    kit = kit_at(tmp_path)
    other = reopened(kit)
    with other.read() as view:
        assert view.tables() == []
        kit.put(definition("a"))
        assert view.tables() == []
    with other.read() as view:
        assert len(view.tables()) == 1


def test_a_transaction_inside_another_is_a_bug_and_said_so(tmp_path):
    kit = kit_at(tmp_path)

    with pytest.raises(MtctlError) as caught, kit.store.read(), kit.store.write():
        pass
    assert caught.value.code == "store_nested"
