"""Floor 2. Copies a state file, looks at one, and makes a copy ready to take its place: a process of its own.

Such a process opens the file afresh and closes it at its end: were that done in a process that works with the file,
closing a copy's or a peeker's descriptor could drop the locks that its connections rely on. Whatever goes wrong is one
line of JSON on stdout and exit 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from mtctl.core.errors import Kind, MtctlError, conflict
from mtctl.store import check, guard
from mtctl.store.catalog import AUTHOR, instant_of, time_text
from mtctl.store.private_files import make_private, sync_folder
from mtctl.store.statements import statement
from mtctl.store.troubles import state_error, translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mtctl.core.model import Instant

GAP = 1_000_000
"""How far ids go ahead where nobody knows how far they had come: further than a project comes in a day."""

_HEAD = "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id, snapshot_time FROM ducklake_snapshot "
_NEWEST = _HEAD + "ORDER BY snapshot_id DESC LIMIT 1"


def take(source: Path, target: Path) -> dict[str, Any]:
    """Copy a state file that others may be using; return what the copy holds."""
    if target.exists() or target.is_symlink():
        raise conflict("backup_exists", "this file exists already", where=str(target), fix="choose another name")
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        make_private(draft)
        _copy(source, draft)
        found = inspect(draft)
        draft.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise _unwritable(error, target) from None
    finally:
        _remove(draft)
    return found | {"path": str(target)}


def inspect(path: Path) -> dict[str, Any]:
    """Return what a state file holds; raises as opening it does, and `state_corrupt` where a page is damaged."""
    size = check.check_place(path).st_size
    check.check_header(path)
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        fix = "use a copy that `mtctl state backup` has made"
        raise state_error("backup_log", "this is a bare copy of a file in use: its log lies beside it", path, fix)
    with _opened(path) as connection:
        damage = connection.execute("PRAGMA integrity_check(5)").fetchall()
        if damage != [("ok",)]:
            raise state_error("state_corrupt", f"the file is damaged: {damage[0][0]}", path, "use another backup")
        uuid, name, last_now = connection.execute("SELECT uuid, name, last_now FROM project").fetchall()[0]
        snapshot = _head(connection)[0][0]
        count = "SELECT count(*) FROM materialized_table WHERE dropped_at IS NULL"
        [(tables,)] = connection.execute(count).fetchall()
        return {
            "path": str(path),
            "bytes": size,
            "schema": connection.pragma("user_version"),
            "uuid": uuid,
            "project": name,
            "snapshot_id": snapshot,
            "written_at": last_now,
            "tables": tables,
        }


def ready(source: Path, draft: Path, former: Path, now: Instant) -> dict[str, Any]:
    """Make a copy that can take the place of `former`: no process of then is alive, no id is given twice."""
    found = inspect(source)
    floor = _floor(former)
    make_private(draft)
    _copy(source, draft)
    connection = apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)  # the guard of an older schema asks in another way
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE holder SET runner_group = NULL WHERE runner_group IS NOT NULL")
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'holder_group'").fetchall():
            connection.execute("DELETE FROM holder_group")
        _go_ahead(connection, floor, now)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    finally:
        connection.close()
    _sync(draft)
    return found


def _go_ahead(connection: apsw.Connection, floor: tuple[int, ...] | None, now: Instant) -> None:
    """Add a snapshot that changes nothing and whose ids lie behind all that were ever given."""
    own, time = _head(connection)
    least = [one + GAP for one in own] if floor is None else [max(pair) for pair in zip(own, floor, strict=True)]
    snapshot, schema_version, next_catalog_id, next_file_id = least
    row = {
        "snapshot": snapshot + 1,
        "time": time_text(max(now, instant_of(time) + 1)),
        "schema_version": schema_version + 1,
        "next_catalog_id": next_catalog_id,
        "next_file_id": next_file_id,
    }
    connection.execute(statement("catalog.add_snapshot"), row)
    what = {"snapshot": snapshot + 1, "changes": None, "author": AUTHOR, "message": "restored", "extra": None}
    connection.execute(statement("catalog.add_changes"), what)


def _floor(former: Path) -> tuple[int, ...] | None:
    """Return the greatest ids that a state file has given, None where it cannot be read."""
    try:
        check.check_place(former)
        check.check_header(former)
        connection = apsw.Connection(str(former), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(5_000)
            return _head(connection)[0]
        finally:
            connection.close()
    except (apsw.Error, MtctlError, OSError, ValueError):
        return None


def _head(connection: apsw.Connection) -> tuple[tuple[int, ...], str]:
    """Return the ids of the newest snapshot, and its time."""
    rows: list[Any] = connection.execute(_NEWEST).fetchall()
    [(*ids, time)] = rows
    return tuple(ids), str(time)


def _copy(source: Path, draft: Path) -> None:
    """Copy all pages as of one moment, in one step: a writer meanwhile neither waits nor is seen."""
    reader = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
    writer = apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        reader.set_busy_timeout(30_000)
        with writer.backup("main", reader, "main") as backup:
            while not backup.done:
                backup.step(-1)
    except apsw.Error as error:
        raise translated(error, source) from None
    finally:
        writer.close()
        reader.close()
    _sync(draft)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    """Open a file that nobody writes: a copy, or one that no process uses."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    quoted = str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = apsw.Connection(f"file:{quoted}?immutable=1", flags=flags)
    try:
        guard.register(connection)
        yield connection
    except apsw.Error as error:
        raise translated(error, path) from None
    finally:
        connection.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(draft: Path) -> None:
    for path in (draft, *(Path(f"{draft}{end}") for end in ("-wal", "-shm", "-journal"))):
        path.unlink(missing_ok=True)


def _unwritable(error: OSError, target: Path) -> MtctlError:
    what = f"the backup cannot be written: {error.strerror or error}"
    return MtctlError("backup_unwritable", what, kind=Kind.STATE, where=str(target), fix="choose another place")


def answer(words: list[str]) -> dict[str, Any]:
    """Do what the words of the command line say."""
    verb, first, *rest = words
    if verb == "inspect":
        return inspect(Path(first))
    if verb == "ready":
        draft, former, now = rest
        return ready(Path(first), Path(draft), Path(former), int(now))
    [target] = rest
    return take(Path(first), Path(target))


def _told(error: MtctlError) -> Mapping[str, Any]:
    parts = {"code": error.code, "what": error.what, "kind": error.kind, "where": error.where, "fix": error.fix}
    return {"error": parts}


if __name__ == "__main__":
    try:
        _found: Mapping[str, Any] = answer(sys.argv[1:])
    except MtctlError as _error:
        _found = _told(_error)
    sys.stdout.write(json.dumps(_found) + "\n")
    sys.exit("error" in _found)
