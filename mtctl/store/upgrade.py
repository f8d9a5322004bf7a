"""Floor 2. Brings a state file of an older schema to the newest one, in place.

First a verified backup, then one transaction: whenever it is killed, the file is the old one or the new one. The write
lock is held from before the backup, so that the backup is what the upgrade began from, whoever writes meanwhile.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import apsw

from mtctl.core.names import quote
from mtctl.store import foreign_guard, guard
from mtctl.store.check import SCHEMA_VERSION
from mtctl.store.private_files import creation_lock, make_folder, make_private, sync_folder
from mtctl.store.troubles import state_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock

BACKUPS = "backups"
"""The folder beside the state file that holds the copies made before upgrades."""

_DERIVED_SINCE = 3
"""Before this schema the table workflows were written down in another way."""

_DOOR = "SELECT 1 FROM lake_setting WHERE \"key\" = 'foreign_writes'"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade(
    connection: apsw.Connection, path: Path, clock: Clock, scripts_after: Callable[[int], list[Path]]
) -> None:
    """Upgrade the open file to `SCHEMA_VERSION`; of several processes one does, the others find it done.

    Raises `state_backup` (STATE) where the backup is not whole; nothing has changed then.
    """
    with creation_lock(path.parent):
        connection.execute("BEGIN EXCLUSIVE")
        try:
            version: int = connection.pragma("user_version")
            if version < SCHEMA_VERSION:
                _back_up(path, version, clock.now())
                _change(connection, clock, version, scripts_after(version))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        # The version must be in the main file, where a look at the header finds it; a reader may delay that.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _change(connection: apsw.Connection, clock: Clock, version: int, scripts: list[Path]) -> None:
    from mtctl.store.session import Session  # noqa: PLC0415 - what opens a file need not load it
    from mtctl.store.workflows import derive_again  # noqa: PLC0415 - the same

    guards = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'guard_*'"
    for (name,) in connection.execute(guards).fetchall():
        connection.execute(f"DROP TRIGGER {quote(str(name))}")
    for script in scripts:
        connection.execute(script.read_text(encoding="utf-8"))
    if version < _DERIVED_SINCE:
        derive_again(Session(connection, clock))
    is_open = bool(connection.execute(_DOOR).fetchall())
    for trigger in foreign_guard.all_triggers(is_open=is_open):
        connection.execute(trigger)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _back_up(path: Path, version: int, now: Instant) -> None:
    """Copy the file to `backups/state-v<version>-<time>.db`, under its name only when the copy is whole and on disk."""
    folder = path.parent / BACKUPS
    make_folder(folder)
    for left_over in folder.glob("*.part"):
        left_over.unlink()
    stamp = (_EPOCH + timedelta(microseconds=now)).strftime("%Y%m%dT%H%M%SZ")
    backup = folder / f"{path.stem}-v{version}-{stamp}.db"
    draft = backup.with_name(backup.name + ".part")
    make_private(draft)

    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        reader.set_busy_timeout(30_000)
        guard.register(reader)
        reader.execute("VACUUM INTO ?", (str(draft),))
    finally:
        reader.close()
    _verify(draft, version)
    draft.rename(backup)
    sync_folder(folder)


def _verify(copy: Path, version: int) -> None:
    """Bring a copy to disk and raise where it is not whole."""
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    connection = apsw.Connection(f"file:{copy}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        guard.register(connection)
        found = connection.execute("PRAGMA integrity_check").fetchall()
        same = connection.pragma("user_version") == version
    finally:
        connection.close()
    if found != [("ok",)] or not same:
        fix = "check the disk; the state file is as it was"
        raise state_error("state_backup", f"the backup before the upgrade is damaged: {found[0][0]}", copy, fix)
