"""Floor 2. Opens and creates the state file.

Creation builds the whole file under another name and renames it: nobody ever sees half a database, whenever the
creator dies. All connections of this process to one file are counted, see `check`.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from mtctl.store import check, guard
from mtctl.store.private_files import creation_lock, make_folder, make_private, sync_folder
from mtctl.store.sqlite import SqliteStore
from mtctl.store.troubles import state_error, translated

if TYPE_CHECKING:
    from mtctl.ports.clock import Clock

BUSY_MS = 30_000
"""How long a write waits for another process's write: longer than any of ours by far."""

STATEMENTS = 512
"""How many prepared statements a connection keeps: more than there are, an attempt alone runs nearly a hundred."""

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder of the scripts: `<number>_<what>.sql` in their order, and those of the catalog."""

_CATALOG = ("ducklake_1_0.sql", "ducklake_index.sql")
# Temporary things stay in memory: else the savepoint of a publish copies its pages into a file of /var/tmp, which costs
# a sixth of the publish and makes it fail where that disk is full or cannot be written.
_PRAGMAS = f"""
PRAGMA busy_timeout = {BUSY_MS};
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA mmap_size = 0;
PRAGMA temp_store = MEMORY;
PRAGMA journal_size_limit = 67108864;
"""

_open_files: dict[tuple[int, int], int] = {}
_lock = threading.Lock()


def open_store(path: Path, clock: Clock) -> SqliteStore:
    """Open the state file, upgraded first where it is of an older schema.

    Nothing is written when it is not ours, damaged, newer or out of reach. Raises kind STATE: `state_missing`,
    `state_empty`, `state_not_sqlite`, `state_foreign`, `state_newer`, `state_corrupt`, `state_permission`,
    `state_directory`, `state_hard_linked`, `state_network`, `state_backup`.
    """
    real = _resolved(path)
    with _lock:
        found = check.check_place(real)
        check.check_access(real)
        identity = (found.st_dev, found.st_ino)
        if not _open_files.get(identity):
            check.check_header(real)
        connection = _connect(real, clock)
        _open_files[identity] = _open_files.get(identity, 0) + 1
    return SqliteStore(connection, clock, real, lambda: _forget(identity))


def create(path: Path, clock: Clock, name: str, data_path: str) -> SqliteStore:
    """Create the state file of a project and open it; open the one that is there already.

    `data_path` is the lake's data folder, absolute. The file is 0600 and its folder, when made here, 0700, whatever
    the umask is. Of several processes that create at once one does, the others open what it made.
    Raises kind STATE as `open_store`, `state_missing` where the folder above does not exist.
    """
    real = _resolved(path)
    make_folder(real.parent)
    with creation_lock(real.parent):
        if not real.exists():
            _build(real, clock, name, data_path)
    return open_store(real, clock)


def _build(path: Path, clock: Clock, name: str, data_path: str) -> None:
    """Build the database beside its place and rename it there, all on disk before anybody sees it."""
    draft = path.with_name(path.name + ".new")
    for left_over in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm"), Path(f"{draft}-journal")):
        left_over.unlink(missing_ok=True)
    make_private(draft)

    try:
        _fill(draft, clock, name, data_path)
    except apsw.Error as error:
        raise translated(error, path) from error
    draft.rename(path)
    sync_folder(path.parent)


def _fill(draft: Path, clock: Clock, name: str, data_path: str) -> None:
    from uuid import uuid4  # noqa: PLC0415 - once in a file's life

    from mtctl.store.catalog import bootstrap  # noqa: PLC0415 - the catalog is needed once in a file's life here
    from mtctl.store.session import Session  # noqa: PLC0415 - the same

    connection = apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.execute(f"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {check.APPLICATION_ID};")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    _configure(connection)

    session = Session(connection, clock)
    connection.execute("BEGIN IMMEDIATE")
    for script in (*(MIGRATIONS / name for name in _CATALOG), *scripts_after(0)):
        connection.execute(script.read_text(encoding="utf-8"))
    bootstrap(session, name=name, data_path=data_path, uuid=str(uuid4()))
    for trigger in guard.triggers():
        connection.execute(trigger)
    connection.execute(f"PRAGMA user_version = {check.SCHEMA_VERSION}")
    connection.execute("COMMIT")
    # The header must be in the main file: `check` reads it there.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def scripts_after(version: int) -> list[Path]:
    """Return the scripts that lead from a schema version to the newest, in order; 0 is an empty file."""
    return [script for script in sorted(MIGRATIONS.glob("[0-9]*.sql")) if int(script.name.partition("_")[0]) > version]


def _connect(path: Path, clock: Clock) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=STATEMENTS)
    except apsw.Error as error:
        raise translated(error, path) from error
    try:
        _configure(connection)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        _bring_up(connection, path, clock)
    except BaseException as error:
        connection.close()
        if isinstance(error, apsw.Error):
            raise translated(error, path) from error
        raise
    return connection


def _bring_up(connection: apsw.Connection, path: Path, clock: Clock) -> None:
    """Upgrade an older file; the version is asked for again, since the header may lag behind the log."""
    version = connection.pragma("user_version")
    check.check_version(path, version)
    if version < check.SCHEMA_VERSION:
        from mtctl.store.upgrade import upgrade  # noqa: PLC0415 - once in a release's life

        upgrade(connection, path, clock, scripts_after)


def _configure(connection: apsw.Connection) -> None:
    """Set what every connection needs; a cursor stops at the first row of a script, so all rows are fetched."""
    connection.execute(_PRAGMAS).fetchall()
    # Else SQLite looks at the values bound, to plan by them, and so plans anew at every single run of a statement:
    # twenty times the cost of a lookup. No plan of ours depends on a value.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    guard.register(connection)


def _forget(identity: tuple[int, int]) -> None:
    with _lock:
        _open_files[identity] -= 1


def _resolved(path: Path) -> Path:
    """Return the path without links: the log files stand beside the real file."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        raise state_error("state_missing", "the path cannot be followed", path, "check its links") from None
