"""Floor 3. Sources: files noticed by stat and decided by content, databases asked for their version.

A file that was only touched keeps everything fresh; a changed one makes every interval built from it stale. The stat
of each known file is compared at the start of each refresh; only those that differ are read. A file that is new to a
glob changes nothing, unless the table says that it restates: then every interval built without it is stale.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import SourceFile
from mtctl.core.source_path import is_version
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mtctl.config import Project
    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Source, Table
    from mtctl.ports.engine import Engine
    from mtctl.ports.store import Store

_CHUNK = 1 << 20


class Sources:
    """Looks after what tables are built from. `troubles` are the databases that could not be asked lately, in words."""

    def __init__(self, project: Project, store: Store, engine: Callable[[], Engine] | None = None) -> None:
        """Keep the project, whose root the sources are relative to, and the store.

        `engine` asks databases for their version; without one they stand as they were.
        """
        self._project = project
        self._store = store
        self._engine = engine
        self.troubles: tuple[str, ...] = ()

    def look(self, names: Iterable[str]) -> None:
        """Look at the source files before something is made of these tables: changed and new ones make stale."""
        names = list(names)
        if not names:
            return
        self.observe(names)
        with self._store.read() as view:
            tables = view.tables(names)
        self.restate(tables)

    def observe(self, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """Record the present version of every known file that differs by stat; return the paths whose content changed.

        A file that is gone keeps its last version: what was built from it stays. So does a database that cannot be
        asked. Databases are asked for the tables named, None for all.
        """
        with self._store.read() as view:
            known = view.current_sources()
        moved = [found for old in known if (found := present(old)) is not None and not _same_stat(old, found)]
        answers = self._asked([old for old in known if is_version(old.path)], names)
        if not moved and not answers:
            return ()
        hashed = [*(_hashed(found) for found in moved), *answers]
        with self._store.write() as tx:
            tx.observe_sources(hashed)
        before = {old.path: old.sha256 for old in known}
        return tuple(found.path for found in hashed if before[found.path] != found.sha256)

    def _asked(self, known: list[SourceFile], names: Iterable[str] | None) -> list[SourceFile]:
        """Return the present version of the databases that have another one than is known."""
        if not known or self._engine is None:
            return []
        from mtctl.services.source_versions import ask  # noqa: PLC0415 - few tables are built from a database

        with self._store.read() as view:
            tables = view.tables(None if names is None else list(names))
        found, self.troubles = ask(self._engine, self._project, tables, {old.path for old in known})
        before = {old.path: old.sha256 for old in known}
        return [one for one in found if before[one.path] != one.sha256]

    def restate(self, tables: Iterable[Table]) -> bool:
        """Invalidate what was built without a file that is new to a source marked `restate`; return whether any was."""
        found: list[tuple[int, IntervalSet, str]] = []
        for table in tables:
            restating = tuple(source for source in table.definition.sources if source.restate)
            if restating:
                found += self._built_without(table, restating)
        if not found:
            return False
        with self._store.write() as tx:
            for table_id, intervals, reason in found:
                tx.invalidate(table_id, intervals, reason)
        return True

    def _built_without(self, table: Table, sources: tuple[Source, ...]) -> list[tuple[int, IntervalSet, str]]:
        now = listed(path for source in located(sources, self._project) for path in source.paths)
        with self._store.read() as view:
            groups = view.built_from(table.table_id)
        return [
            (table.table_id, intervals, f"source {min(now - paths)} is new")
            for intervals, paths in groups
            if now - paths
        ]

    def changed_by_stat(self) -> tuple[str, ...]:
        """Return the known files that differ by stat or are gone, without reading any."""
        with self._store.read() as view:
            known = view.current_sources()
        found = []
        for old in known:
            if is_version(old.path):  # nobody is asked by a look
                continue
            now = present(old)
            if now is None:
                found.append(f"{old.path} (gone)")
            elif not _same_stat(old, now):
                found.append(old.path)
        return tuple(found)


def located(sources: tuple[Source, ...], project: Project) -> tuple[Source, ...]:
    """Return the sources with absolute paths: definitions keep them as written, so that a project may move."""
    return tuple(
        replace(source, paths=tuple(_absolute(project.root, path) for path in source.paths)) for source in sources
    )


def _absolute(root: Path, path: str) -> str:
    # A URL stays one, so that the engine can refuse it as such.
    return path if "://" in path else str(root / os.path.expanduser(path))  # noqa: PTH111 - it may expand nothing


def listed(patterns: Iterable[str]) -> frozenset[str]:
    """Return the files that exist now under absolute paths and globs, named as an attempt names them."""
    from glob import glob  # noqa: PLC0415 - only sources that restate are listed

    found: list[str] = []
    for pattern in map(os.path.normpath, patterns):
        # Patterns may hold `**` anywhere: pathlib globs only below a folder. A name that exists is not a glob.
        found += [pattern] if os.path.lexists(pattern) else glob(pattern, recursive=True)  # noqa: PTH207
    return frozenset(path for path in found if Path(path).is_file())


def present(old: SourceFile) -> SourceFile | None:
    """Return a file's present stat under its old content, None when it is gone or no regular file stands there."""
    if is_version(old.path):
        return None
    try:
        found = Path(old.path).stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return SourceFile(
        path=old.path, size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino, sha256=old.sha256
    )


def _same_stat(old: SourceFile, now: SourceFile) -> bool:
    return (old.size, old.mtime_ns, old.inode) == (now.size, now.mtime_ns, now.inode)


def _hashed(found: SourceFile) -> SourceFile:
    from hashlib import sha256  # noqa: PLC0415 - only a file that has moved is read

    digest = sha256()
    try:
        # Without blocking: what has become a FIFO since its stat would wait for a writer for ever.
        with open(os.open(found.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise MtctlError(
            "source_unreadable",
            f"the source cannot be read: {error.strerror}",
            kind=Kind.ENGINE,
            where=found.path,
            fix="make the file readable, or put it back",
        ) from None
    return SourceFile(
        path=found.path, size=found.size, mtime_ns=found.mtime_ns, inode=found.inode, sha256=digest.hexdigest()
    )
