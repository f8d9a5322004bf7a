"""Floor 3. Source files: noticed by stat, decided by content.

A file that was only touched keeps everything fresh; a changed one makes every interval built from it stale. The stat
of each known file is compared at the start of each refresh; only those that differ are read.
"""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.model import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.model import Table
    from mtctl.ports import Store

_GLOB = frozenset("*?[")
_CHUNK = 1 << 20


class Sources:
    """Looks after the files that tables are built from."""

    def __init__(self, store: Store) -> None:
        """Keep the store."""
        self._store = store

    def observe(self) -> tuple[str, ...]:
        """Record the present version of every known file that differs by stat; return the paths whose content changed.

        A file that is gone keeps its last version: what was built from it stays.
        """
        with self._store.read() as view:
            known = view.current_sources()
        moved = [found for old in known if (found := present(old)) is not None and not _same_stat(old, found)]
        if not moved:
            return ()
        hashed = [_hashed(found) for found in moved]
        with self._store.write() as tx:
            tx.observe_sources(hashed)
        before = {old.path: old.sha256 for old in known}
        return tuple(found.path for found in hashed if before[found.path] != found.sha256)

    def changed_by_stat(self) -> tuple[str, ...]:
        """Return the known files that differ by stat or are gone, without reading any."""
        with self._store.read() as view:
            known = view.current_sources()
        found = []
        for old in known:
            now = present(old)
            if now is None:
                found.append(f"{old.path} (gone)")
            elif not _same_stat(old, now):
                found.append(old.path)
        return tuple(found)


def new_files(tables: Iterable[Table], known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return, by table, the files of its globs marked `restate` that no attempt has read yet."""
    seen = set(known)
    found: dict[str, tuple[str, ...]] = {}
    for table in tables:
        patterns = [
            path for source in table.definition.sources if source.restate for path in source.paths if _GLOB & set(path)
        ]
        # Patterns are absolute and may hold `**`: pathlib globs only below a folder.
        present_now = [path for pattern in patterns for path in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
        fresh = [path for path in present_now if path not in seen]
        if fresh:
            found[table.definition.name] = tuple(fresh)
    return found


def present(old: SourceFile) -> SourceFile | None:
    """Return a file's present stat under its old content, None when it is gone."""
    try:
        found = Path(old.path).stat()
    except OSError:
        return None
    return SourceFile(
        path=old.path, size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino, sha256=old.sha256
    )


def _same_stat(old: SourceFile, now: SourceFile) -> bool:
    return (old.size, old.mtime_ns, old.inode) == (now.size, now.mtime_ns, now.inode)


def _hashed(found: SourceFile) -> SourceFile:
    digest = hashlib.sha256()
    with Path(found.path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return SourceFile(
        path=found.path, size=found.size, mtime_ns=found.mtime_ns, inode=found.inode, sha256=digest.hexdigest()
    )
