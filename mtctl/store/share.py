"""Floor 2. A copy of the catalog alone, under its name only when it is whole: readers of the former one go on.

It has the DuckLake tables and nothing else: no definition, no instance, no secret of a workflow. Its journal is a plain
one, so that who may only read it can. A write to it would be lost with the next copy: triggers refuse every one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.store.private_files import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

_TABLES = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND name GLOB 'ducklake_*' ORDER BY name"
_NEWEST = "SELECT max(snapshot_id) FROM shared.ducklake_snapshot"


def copy_catalog(connection: apsw.Connection, target: Path, mode: int) -> int:
    """Write the copy beside its place and rename it there; return the newest snapshot in it.

    Writers are not held up: what is read is one moment of the log.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    _make(draft, mode)
    connection.execute("ATTACH DATABASE ? AS shared", (str(draft),))
    try:
        connection.execute("PRAGMA shared.journal_mode = OFF; PRAGMA shared.synchronous = OFF").fetchall()
        connection.execute("BEGIN")
        try:
            snapshot = _fill(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        connection.execute("DETACH DATABASE shared")
    _sync(draft)
    draft.rename(target)
    sync_folder(target.parent)
    return snapshot


def _fill(connection: apsw.Connection) -> int:
    tables = [(str(name), str(text)) for name, text in connection.execute(_TABLES).fetchall()]
    for name, text in tables:
        connection.execute(f"CREATE TABLE shared.{quote(name)}{text[text.index('(') :]}")
        connection.execute(f"INSERT INTO shared.{quote(name)} SELECT * FROM main.{quote(name)}")  # noqa: S608 - quoted
    for name, _ in tables:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            says = "SELECT RAISE(ABORT, 'this is a copy of the catalog: nothing that is written here would stay')"
            trigger = quote(f"copy_{name}_{verb.lower()}")
            connection.execute(f"CREATE TRIGGER shared.{trigger} BEFORE {verb} ON {quote(name)} BEGIN {says}; END")
    [(snapshot,)] = connection.execute(_NEWEST).fetchall()
    return int(str(snapshot))


def _make(draft: Path, mode: int) -> None:
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
