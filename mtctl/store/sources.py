"""Floor 2. Versions of source files: what is current, what an attempt read, what became outdated.

Size and sha256 make a version; a file that was only touched keeps it. A version that somebody has seen after an
attempt began is newer than what that attempt read.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval, IntervalSet
from mtctl.store.staleness import refresh_coverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant, SourceFile
    from mtctl.store.session import Session


def observe(session: Session, files: Sequence[SourceFile]) -> None:
    """Record the present version of files; what was built from other versions becomes stale."""
    judge_built_from(session, [file.path for file in files if _see(session, file)])


def record(session: Session, files: Sequence[SourceFile], read_at: Instant) -> tuple[int | None, list[str]]:
    """Record the files that an attempt read together; return their set, and the paths whose version moved.

    `read_at` is the start of the attempt. The set is None where nothing was read.
    """
    if not files:
        return None, []
    ids: list[int] = []
    moved: list[str] = []
    for file in files:
        current = session.row("ledger.source_current", {"path": file.path})
        newer = current is not None and (current[2], current[5]) != (file.size, file.sha256) and current[6] > read_at
        if not newer and _see(session, file):
            moved.append(file.path)
        ids.append(_put(session, file, current=not newer))
    return _set_of(session, files, ids), moved


def judge_built_from(session: Session, paths: Iterable[str]) -> None:
    """Judge again every live interval, of any table, that was built from any version of these files."""
    affected: dict[int, list[Interval]] = {}
    for path in paths:
        for table_id, start, end in session.rows("ledger.built_from", {"path": path}):
            affected.setdefault(table_id, []).append(Interval(start, end))
    for table_id, intervals in affected.items():
        refresh_coverage(session, table_id, IntervalSet.of(intervals))


def _see(session: Session, file: SourceFile) -> bool:
    """Make this the current version of its path; return whether another one was current before."""
    current = session.row("ledger.source_current", {"path": file.path})
    if current is None:
        _put(session, file, current=True)
        return False
    _, _, size, mtime_ns, inode, sha256, _ = current
    if (size, sha256) == (file.size, file.sha256):
        if (mtime_ns, inode) != (file.mtime_ns, file.inode):
            _put(session, file, current=True)
        return False
    session.run("ledger.source_retire", {"path": file.path})
    _put(session, file, current=True)
    return True


def _put(session: Session, file: SourceFile, *, current: bool) -> int:
    bindings = {
        "path": file.path,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "inode": file.inode,
        "sha256": file.sha256,
        "current": int(current),
        "now": session.now,
    }
    return int(session.value("ledger.source_put", bindings))


def _set_of(session: Session, files: Sequence[SourceFile], ids: Sequence[int]) -> int:
    lines = sorted(f"{file.path}\0{file.size}\0{file.sha256}\n" for file in files)
    name = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    known = session.value("ledger.source_set", {"digest": name})
    if known is not None:
        return int(known)
    source_set_id: int = session.value("ledger.add_source_set", {"digest": name})
    members = [{"source_set_id": source_set_id, "source_id": one} for one in dict.fromkeys(ids)]
    session.run_many("ledger.add_source_set_file", members)
    return source_set_id
