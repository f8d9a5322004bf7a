"""A state file of an earlier version is brought to the newest schema in place, once, whole, with a backup."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import apsw
import pytest
from fakes import NOON, FakeClock
from store_kit import definition, kit_at, new, new_instance, noop

from mtctl.core.errors import MtctlError
from mtctl.core.states import WorkflowState
from mtctl.store import catalog, check, guard, upgrade
from mtctl.store.connection import MIGRATIONS, open_store
from mtctl.store.definition import encode
from mtctl.store.session import Session

if TYPE_CHECKING:
    from pathlib import Path

_OLD_GUARD = "CREATE TRIGGER guard_{0}_insert BEFORE INSERT ON {0} BEGIN SELECT mtctl_writer(); END"


def old_file(folder: Path) -> Path:
    """Make a file as version 1 did: its script, two tables with their workflows, an open instance, its guard."""
    state = folder / ".mtctl"
    state.mkdir(mode=0o700)
    path = state / "state.db"
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {check.APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    for name in ("0001_initial.sql", "ducklake_1_0.sql", "ducklake_index.sql"):
        connection.execute((MIGRATIONS / name).read_text(encoding="utf-8"))
    catalog.bootstrap(Session(connection, FakeClock()), name="old", data_path="/lake/data", uuid="u")
    for number, what in enumerate((definition("a", schedule="0 6 * * *"), definition("b")), start=1):
        connection.execute(
            "INSERT INTO materialized_table (uuid, name, origin, lake_table_id, folder, version_id, created_at) "
            "VALUES (?, ?, 'command', ?, ?, ?, 1)",
            (f"u{number}", what.name, number, f"{what.name}/", number),
        )
        connection.execute(
            "INSERT INTO table_version (table_id, fingerprint, definition, created_at) VALUES (?, 'f1', ?, 1)",
            (number, encode(what)),
        )
        connection.execute(
            "INSERT INTO workflow (name, table_id, state, version, created_at) VALUES (?, ?, ?, 2, 1)",
            (what.name, number, "enabled" if what.schedule else "disabled"),
        )
        for version in (1, 2):
            old = json.dumps({"tasks": [{"name": what.name}], "schedule": what.schedule})
            connection.execute("INSERT INTO workflow_version VALUES (?, ?, ?, 1)", (number, version, old))
    connection.execute(
        "INSERT INTO workflow_instance (ulid, trigger, title, manifest, state, queue, detached, created_at) "
        "VALUES ('OLD', 'manual', 'refresh a', '{}', 'pending', 'default', 1, 77)"
    )
    connection.execute(
        "INSERT INTO task_instance (instance_id, name, table_id, start_at, end_at, intervals, state, queue, ready_at) "
        "VALUES (1, 'a', 1, 0, 10, '[[0, 10]]', 'pending', 'default', 77)"
    )
    for table in ("attempt", "task_instance", "workflow_version"):
        connection.execute(_OLD_GUARD.format(table))
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    path.chmod(0o600)
    return path


def backups(path: Path) -> list[Path]:
    return sorted((path.parent / upgrade.BACKUPS).glob("*"))


def schema(connection: apsw.Connection) -> dict[str, str]:
    """The schema by name, without the order and the spelling that only a history of changes has."""
    found = {}
    for name, kind in connection.execute("SELECT name, type FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"):
        if kind == "table":
            asked = f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{name}')"
            columns = connection.execute(asked)
            found[name] = repr(sorted(columns.fetchall()))
        else:
            found[name] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchall()[0][0]
    return found


def test_the_newest_script_is_the_version_that_this_release_writes():
    numbers = [int(script.name[:4]) for script in MIGRATIONS.glob("[0-9]*.sql")]

    assert max(numbers) == check.SCHEMA_VERSION
    assert len(set(numbers)) == len(numbers)


def test_an_upgraded_file_is_as_a_new_one_and_keeps_what_it_held(tmp_path):
    path = old_file(tmp_path)
    clock = FakeClock()

    store = open_store(path, clock)

    (tmp_path / "other").mkdir()
    fresh = kit_at(tmp_path / "other")
    assert schema(store._connection) == schema(fresh.store._connection)
    assert store._connection.pragma("user_version") == check.SCHEMA_VERSION
    assert store._connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert store._connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with store.read() as view:
        first, second = view.workflows()
        task = view.next_task(None)
    assert [one.definition.name for one in (first, second)] == ["a", "b"]
    assert (first.state, first.version, first.origin) == (WorkflowState.ENABLED, 2, "table")
    assert first.definition.schedule is not None
    assert NOON < first.due_at < NOON + 86_400_000_000
    assert first.last_fire_at is None, "nothing before the upgrade counts as missed"
    assert (second.state, second.due_at) == (WorkflowState.DISABLED, None)
    assert task is not None
    assert (task.name, task.priority) == ("a", 0)
    assert store._connection.execute("SELECT turn_at FROM task_instance").fetchall() == [(77,)]
    store.close()


def test_the_outlines_of_an_upgraded_file_say_what_its_definitions_say(tmp_path):
    store = open_store(old_file(tmp_path), FakeClock())

    with store.read() as view:
        tables, outlines = view.tables(), view.outlines()
    store.close()
    assert [one.name for one in outlines] == ["a", "b"]
    assert [one.schedule for one in outlines] == ["0 6 * * *", None]
    for table, outline in zip(tables, outlines, strict=True):
        for name in set(outline.__slots__) - {"table_id", "origin", "file"}:
            assert getattr(outline, name) == getattr(table.definition, name), name


def test_the_backup_is_whole_private_and_of_the_old_version(tmp_path):
    path = old_file(tmp_path)

    open_store(path, FakeClock()).close()

    (backup,) = backups(path)
    assert backup.name == "state-v1-20231114T221320Z.db"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    copy = apsw.Connection(str(backup))
    assert copy.pragma("user_version") == 1
    assert copy.execute("SELECT title FROM workflow_instance").fetchall() == [("refresh a",)]
    copy.close()


def test_a_second_opening_upgrades_nothing(tmp_path):
    path = old_file(tmp_path)
    open_store(path, FakeClock()).close()

    open_store(path, FakeClock(now=NOON + 10_000_000)).close()

    assert len(backups(path)) == 1
    check.check_header(path)


OPEN = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from fakes import FakeClock, NOON
from mtctl.store.connection import open_store
import os
store = open_store(Path(sys.argv[1]), FakeClock(now=NOON + os.getpid() * 1_000_000))
with store.write() as tx:
    print(tx.session.connection.pragma("user_version"), len(tx.workflows()))
"""


def test_of_twenty_that_open_at_once_exactly_one_upgrades(tmp_path):
    path = old_file(tmp_path)
    command = [sys.executable, "-c", OPEN, str(path), *sys.path]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(20)]

    ended = [one.communicate() for one in started]

    assert [one.returncode for one in started] == [0] * 20, ended
    assert {out for out, _ in ended} == {f"{check.SCHEMA_VERSION} 2\n"}
    assert len(backups(path)) == 1


KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from fakes import FakeClock
import apsw
from mtctl.store import connection, upgrade

left = int(sys.argv[2])
def count(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return True

whole = connection._configure
def configure(made):
    whole(made)
    made.exec_trace = count
connection._configure = configure
connection.open_store(Path(sys.argv[1]), FakeClock())
print(100_000 - left)
"""


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many statements an upgrade runs."""
    path = old_file(tmp_path_factory.mktemp("count"))
    command = [sys.executable, "-c", KILLED, str(path), "100000", *sys.path]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("at", [0, 2, 3, 4, 5, 20, 60, 130, 190, -4, -3, -2, -1])
def test_killed_at_any_statement_it_is_the_old_file_or_the_new_one(tmp_path, statements, at):
    path = old_file(tmp_path)
    command = [sys.executable, "-c", KILLED, str(path), str(at % statements), *sys.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr

    looking = apsw.Connection(str(path))
    version = looking.pragma("user_version")
    tables = {name for (name,) in looking.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    looking.close()
    assert ("notice" in tables) == (version == check.SCHEMA_VERSION)
    assert version in {1, check.SCHEMA_VERSION}

    store = open_store(path, FakeClock(now=NOON + 60_000_000))
    with store.read() as view:
        assert len(view.workflows()) == 2
    assert store._connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()
    assert not [one for one in backups(path) if one.suffix == ".part"]


def test_a_backup_that_is_not_whole_stops_the_upgrade(tmp_path, monkeypatch):
    path = old_file(tmp_path)
    before = path.read_bytes()
    whole = upgrade._verify

    def spoilt(copy: Path, version: int) -> None:
        with copy.open("r+b") as file:
            file.seek(4096 * 3)
            file.write(b"\xff" * 4096)
        whole(copy, version)

    monkeypatch.setattr(upgrade, "_verify", spoilt)
    with pytest.raises(MtctlError) as caught:
        open_store(path, FakeClock())

    assert caught.value.code in {"state_backup", "state_corrupt"}
    assert path.read_bytes() == before
    looking = apsw.Connection(str(path))
    assert looking.pragma("user_version") == 1
    looking.close()


def test_an_older_program_that_has_the_file_open_writes_no_more(tmp_path):
    path = old_file(tmp_path)
    older = apsw.Connection(str(path))
    older.create_scalar_function("mtctl_writer", lambda: 1, 0, flags=apsw.SQLITE_INNOCUOUS)
    older.execute("UPDATE task_instance SET why = 'before'")

    store = open_store(path, FakeClock())

    with pytest.raises(apsw.SQLError, match="mtctl_writer"):
        older.execute("UPDATE task_instance SET why = 'after'")
    assert older.execute("SELECT why FROM task_instance").fetchall() == [("before",)], "it may read on"
    older.close()
    store.close()


def test_a_process_of_this_release_hears_of_a_later_upgrade_at_its_next_write(tmp_path, monkeypatch):
    kit = kit_at(tmp_path)
    kit.put(definition("a"))
    later = apsw.Connection(str(kit.path))
    later.create_scalar_function("mtctl_writer", lambda _: 1, 1, flags=apsw.SQLITE_INNOCUOUS)
    monkeypatch.setattr(guard, "SCHEMA_VERSION", check.SCHEMA_VERSION + 1)
    for trigger in list(guard.triggers()):
        later.execute(trigger.replace("CREATE TRIGGER", "DROP TRIGGER").partition(" BEFORE ")[0])
        later.execute(trigger)
    monkeypatch.undo()
    later.close()

    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.put_tables([new(definition("b"))])

    assert caught.value.code == "state_newer"
    with kit.store.read() as view:
        assert [table.definition.name for table in view.tables()] == ["a"]


def test_a_newer_version_in_the_log_is_refused_though_the_header_is_old(tmp_path):
    kit = kit_at(tmp_path)
    kit.sql("PRAGMA user_version = 9")
    kit.sql("SELECT 1")
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(kit.path), *sys.path], capture_output=True, text=True, check=False
    )

    assert "state_newer" in done.stderr
    assert "schema 9" in done.stderr


def test_a_schedule_that_is_refused_today_does_not_stop_the_upgrade(tmp_path):
    path = old_file(tmp_path)
    connection = apsw.Connection(str(path))
    connection.create_scalar_function("mtctl_writer", lambda: 1, 0, flags=apsw.SQLITE_INNOCUOUS)
    connection.execute("UPDATE table_version SET definition = json_set(definition, '$.schedule', '99 6 * * *')")
    connection.close()

    store = open_store(path, FakeClock())

    with store.read() as view:
        assert [one.state for one in view.workflows()] == [WorkflowState.DISABLED] * 2
        told = [one for one in view.events_after(0, 99) if one.kind == "workflow_disabled"]
    assert len(told) == 2
    assert all("99" in one.detail["why"] for one in told)
    with store.write() as tx:
        tx.add_instance(new_instance(noop()))
    store.close()
