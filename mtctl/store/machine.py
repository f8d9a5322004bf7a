"""Floor 2. The facts that `doctor` judges: files, file systems, processes, and the state file's own word."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import apsw

from mtctl.ports.machine import PathFacts, StateFacts
from mtctl.store import check
from mtctl.store.backup import StateBackups
from mtctl.store.catalog import VERSION
from mtctl.store.foreign_guard import all_triggers
from mtctl.store.holding import readers
from mtctl.store.troubles import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mtctl.ports.backup import Opener
    from mtctl.ports.clock import Clock
    from mtctl.store.sqlite import SqliteStore

CATALOG = VERSION
"""The catalog version that this release writes."""


class LocalMachine:
    """Implements `ports.Machine` for the project whose state file stands at a path."""

    def __init__(self, path: Path, clock: Clock, open_store: Callable[[], SqliteStore]) -> None:
        """Keep the path; `open_store` opens it once more."""
        self._path = path
        self._clock = clock
        self._open_store = open_store
        self._mounts = check.mounts()

    def look(self, path: Path) -> PathFacts:
        """Return the facts of a path; one that does not exist has those of the nearest folder above."""
        there = path
        while not there.exists() and there != there.parent:
            there = there.parent
        found, space = there.stat(), os.statvfs(there)
        exists = there == path
        return PathFacts(
            path=str(path),
            exists=exists,
            mode=stat.S_IMODE(found.st_mode),
            owner=found.st_uid,
            device=found.st_dev,
            file_system=check.file_system_of(there.resolve(), self._mounts),
            free_bytes=space.f_bavail * space.f_frsize,
            bytes=found.st_size if exists else 0,
        )

    def state(self) -> StateFacts:
        """Return what the state file says of itself; it is read on a connection of its own."""
        store = self._open_store()
        try:
            return store.facts(_facts)
        except apsw.Error as error:
            raise translated(error, self._path) from error
        finally:
            store.close()

    def openers(self) -> Sequence[Opener]:
        """Return the other processes that have the state file open, as far as this user may see them."""
        return StateBackups(self._path, self._clock).openers()

    def readers(self) -> Sequence[Opener]:
        """Return the processes that are inside a read transaction now."""
        return readers(self._path)

    def user(self) -> int:
        """Return the user id of this process."""
        return os.geteuid()


def _facts(connection: apsw.Connection) -> StateFacts:
    def one(sql: str) -> str:
        rows = connection.execute(sql).fetchall()
        return str(rows[0][0]) if rows else ""

    is_open = one("SELECT count(*) FROM lake_setting WHERE key = 'foreign_writes'") != "0"
    wanted = {text.split(" BEFORE ")[0].removeprefix("CREATE TRIGGER ") for text in all_triggers(is_open=is_open)}
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'guard_*'")
    there = {f'"{name}"' for (name,) in found.fetchall()}
    damage = one("PRAGMA quick_check(1)")
    return StateFacts(
        sqlite=apsw.sqlite_lib_version(),
        schema=int(connection.pragma("user_version")),
        schema_known=check.SCHEMA_VERSION,
        catalog=one("SELECT value FROM ducklake_metadata WHERE key = 'version' AND scope IS NULL"),
        guards=len(there & wanted),
        guards_wanted=len(wanted),
        foreign_writes=is_open,
        damage="" if damage == "ok" else damage,
    )
