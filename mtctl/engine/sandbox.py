"""Floor 2. Which files a query may read or write: turns source patterns into a frozen list of files, or refuses.

A query reads what lies under the project or an allowed folder, never the state folder, nor the lake's own files: a
process that so much as opens `state.db` beside its holder makes acknowledged commits vanish. Links are resolved
before judging, and hard links to the state are recognised by device and inode.
"""

# ruff: noqa: PTH110, PTH112, PTH116, PTH118, PTH120, PTH207 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import glob
import os
import re
import stat as stat_kind
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.engine.settings import RunnerSettings


@frozen
class Seen:
    """One source file by stat: what must not have changed when the attempt ends."""

    path: str
    size: int
    mtime_ns: int
    inode: int


def freeze(settings: RunnerSettings, text: str, patterns: Iterable[str]) -> tuple[Seen, ...]:
    """Return the files that the patterns stand for now, sorted; `text` is the source's name in messages.

    Errors: `sql_access`, `source_is_state` (INVALID), `source_missing` (ENGINE).
    """
    seen: dict[str, Seen] = {}
    for pattern in patterns:
        for path in _expand(settings, text, pattern):
            if path not in seen:
                seen[path] = _look(settings, text, path)
    if not seen:
        raise MtctlError(
            "source_missing",
            f"no file matches the source {text!r}",
            kind=Kind.ENGINE,
            where=settings.root,
            fix="check the path; it is relative to the project folder",
        )
    return tuple(seen[path] for path in sorted(seen))


def writable(settings: RunnerSettings, text: str) -> str:
    """Return the real path of a file that a task may write: in an allowed folder, neither state nor lake.

    The project's own folder is not enough: its definitions lie there. Links are followed before judging. Error
    `target_access` (INVALID).
    """
    if _URL.match(text) or not text or "\0" in text or text.endswith("/"):
        raise _not_writable(text, "is not a local file")
    real = os.path.realpath(os.path.join(settings.root, text))
    if _under(real, settings.state) or _under(real, os.path.dirname(settings.data)):
        raise _not_writable(text, "lies in a folder of mtctl's own")
    if not any(_under(real, folder) and real != os.path.realpath(folder) for folder in settings.allowed):
        raise _not_writable(text, "lies in no allowed folder")
    try:
        stat = os.stat(real)
    except FileNotFoundError:
        return real
    except OSError as error:
        raise _not_writable(text, f"cannot be looked at: {error.strerror}") from None
    if not stat_kind.S_ISREG(stat.st_mode):
        raise _not_writable(text, "is not a regular file")
    if (stat.st_dev, stat.st_ino) in _state_files(settings.state):
        raise _not_writable(text, "is mtctl's own state")
    return real


def database_file(settings: RunnerSettings, text: str, path: str) -> str:
    """Return the real path of a database source that may be read, its log and journal judged with it.

    Errors as `freeze`. The real path, because a link's own neighbours are not the database's log.
    """
    if _URL.match(path) or not path or "\0" in path:
        raise _refused(text, "is not a local file")
    absolute = os.path.normpath(os.path.join(settings.root, path))
    _judge(settings, text, absolute)
    if not os.path.exists(absolute):
        raise MtctlError(
            "source_missing",
            f"the source {text!r} does not exist",
            kind=Kind.ENGINE,
            where=absolute,
            fix="check its path in mtctl.toml; it is relative to the project folder",
        )
    real = os.path.realpath(absolute)
    for companion in ("", *_COMPANIONS):
        if not companion or os.path.lexists(real + companion):
            _look(settings, text, real + companion)
    return real


def reader_of(text: str, path: str) -> str:
    """Return the table function that reads a file of this name; error `source_format`."""
    name = path.lower()
    for suffix in (".gz", ".zst"):
        name = name.removesuffix(suffix)
    reader = _READERS.get(name.rpartition(".")[2]) if "." in name else None
    if reader is None:
        raise invalid(
            "source_format",
            f"the format of the source {text!r} cannot be told from its name",
            fix="write read_parquet('…'), read_csv('…') or read_json('…') around the path",
        )
    return reader


_READERS = {
    "parquet": "read_parquet",
    "csv": "read_csv",
    "tsv": "read_csv",
    "json": "read_json",
    "jsonl": "read_json",
    "ndjson": "read_json",
}
_COMPANIONS = (".wal", "-wal", "-shm", "-journal")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MAGIC = re.compile(r"[*?[]")


def _expand(settings: RunnerSettings, text: str, pattern: str) -> list[str]:
    if _URL.match(pattern) or not pattern or "\0" in pattern:
        raise _refused(text, "is not a local file")
    absolute = os.path.normpath(os.path.join(settings.root, pattern))
    if os.path.lexists(absolute):
        return [absolute]
    if _MAGIC.search(absolute) is None:
        _judge(settings, text, absolute)
        return []
    return [path for path in glob.glob(absolute, recursive=True) if not os.path.isdir(path)]


def _look(settings: RunnerSettings, text: str, path: str) -> Seen:
    _judge(settings, text, path)
    try:
        stat = os.stat(path)
    except OSError as error:
        raise _unreadable(text, path, error) from None
    if stat_kind.S_ISDIR(stat.st_mode):
        raise invalid("source_is_folder", f"the source {text!r} is a folder", fix=f"write {text.rstrip('/')}/*.parquet")
    if not stat_kind.S_ISREG(stat.st_mode):
        raise invalid("source_not_file", f"the source {text!r} is not a regular file", fix="write it into a file first")
    if (stat.st_dev, stat.st_ino) in _state_files(settings.state):
        raise _is_state(text)
    return Seen(path=path, size=stat.st_size, mtime_ns=stat.st_mtime_ns, inode=stat.st_ino)


def _judge(settings: RunnerSettings, text: str, path: str) -> None:
    """Refuse a path that may not be read, whether it exists or not."""
    real = os.path.realpath(path)
    if _under(real, settings.state) or _under(path, settings.state):
        raise _is_state(text)
    if _under(real, settings.data) or _under(real, settings.staging):
        raise invalid(
            "sql_access",
            f"the source {text!r} lies among the lake's own files",
            fix="name the table instead of its files",
        )
    if not any(_under(real, folder) for folder in (settings.root, *settings.allowed)):
        raise _refused(text, "lies outside of the project")


def _under(path: str, folder: str) -> bool:
    real = os.path.realpath(folder)
    return path == real or path.startswith(real.rstrip("/") + "/")


def _state_files(folder: str) -> set[tuple[int, int]]:
    try:
        with os.scandir(folder) as entries:
            stats = [entry.stat(follow_symlinks=True) for entry in entries if entry.is_file()]
    except OSError:
        return set()
    return {(stat.st_dev, stat.st_ino) for stat in stats}


def _is_state(text: str) -> MtctlError:
    return invalid(
        "source_is_state",
        f"the source {text!r} is mtctl's own state",
        fix="query tables by name; the state shows in mtctl status and mtctl table show",
    )


def _refused(text: str, why: str) -> MtctlError:
    return invalid(
        "sql_access",
        f"the source {text!r} {why}",
        fix="put the file into the project, or its folder into [paths] allowed of mtctl.toml",
    )


def _not_writable(text: str, why: str) -> MtctlError:
    return invalid(
        "target_access",
        f"the file {text!r} {why}",
        fix="write into a folder that [paths] allowed of mtctl.toml names",
    )


def _unreadable(text: str, path: str, error: OSError) -> MtctlError:
    return MtctlError(
        "source_unreadable",
        f"the source {text!r} cannot be read: {error.strerror}",
        kind=Kind.ENGINE,
        where=path,
        fix="check that the file exists and that you may read it",
    )
