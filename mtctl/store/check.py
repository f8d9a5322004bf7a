"""Floor 2. Looks at a state file before SQLite does, and writes nothing.

The rule that a newcomer would break: closing any descriptor of a file drops all POSIX locks that this process holds
on it, SQLite's too. So the header is read only while no connection of this process is open on the file.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from pathlib import Path

from mtctl.store.troubles import state_error

APPLICATION_ID = 0x6D746374
"""'mtct' in the file header: what makes a SQLite file ours."""

SCHEMA_VERSION = 4
"""The schema that this release reads and writes (`user_version`): the number of its last migration."""

_MAGIC = b"SQLite format 3\x00"
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"})
_INIT = "run `mtctl init` here, or go to the project's folder"
_ASIDE = "move it aside, then run `mtctl init`, or restore the file from a backup"


def check_place(path: Path) -> os.stat_result:
    """Return the file's stat; raise where nothing, or nothing that SQLite can use safely, stands at the path."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise state_error("state_missing", "there is no state file", path, _INIT) from None
    except PermissionError:
        raise _not_permitted(path) from None

    if stat.S_ISDIR(found.st_mode):
        raise state_error("state_directory", "the state file is a directory", path, _ASIDE)
    if not stat.S_ISREG(found.st_mode):
        raise state_error("state_not_sqlite", "the state file is not a regular file", path, _ASIDE)
    if found.st_nlink > 1:
        fix = "two names for one database corrupt it: keep one, remove the other"
        raise state_error("state_hard_linked", f"the state file has {found.st_nlink} hard links", path, fix)
    check_file_system(path.parent, mounts())
    return found


def check_access(path: Path) -> None:
    """Raise where this user may not write the file or its folder: SQLite keeps its log beside it."""
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK | os.X_OK):
        raise _not_permitted(path)
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        raise _not_permitted(path)


def check_header(path: Path) -> None:
    """Raise where the first hundred bytes say that this is not our database, or of a schema newer than ours."""
    size = path.stat().st_size
    if size == 0:
        raise state_error("state_empty", "the state file is empty", path, _ASIDE)
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except PermissionError:
        raise _not_permitted(path) from None

    if len(header) < 100 or not header.startswith(_MAGIC):
        raise state_error("state_not_sqlite", "the state file is not an SQLite database", path, _ASIDE)
    _check_ours(path, header)
    if _is_cut(path, header, size):
        raise state_error("state_corrupt", "the state file is cut short", path, "restore the file from a backup")


def check_version(path: Path | str, version: int) -> None:
    """Raise where a schema version is newer than ours or none at all; an older one can be upgraded."""
    if version > SCHEMA_VERSION:
        what = f"the state file has schema {version}, this mtctl knows schema {SCHEMA_VERSION}"
        raise state_error("state_newer", what, path, "use the newer mtctl that wrote it")
    if version < 1:
        raise state_error("state_corrupt", "the state file has no schema version", path, _ASIDE)


def check_file_system(folder: Path, mounts: str) -> None:
    """Raise where the folder lies on a network file system by `mounts` (the text of /proc/self/mounts).

    Locks and shared memory do not work there: SQLite's log would be torn (reliability rules of the state store).
    """
    kind = file_system_of(folder, mounts)
    if kind in _NETWORK:
        fix = "move the project to a local disk"
        raise state_error("state_network", f"the state file is on a network file system ({kind})", folder, fix)


def file_system_of(folder: Path, mounts: str) -> str:
    """Return the type of the file system that holds an absolute folder, '' when no line of `mounts` does."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1])
        inside = point == "/" or folder == Path(point) or Path(point) in folder.parents
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _check_ours(path: Path, header: bytes) -> None:
    version, application = struct.unpack(">I4xI", header[60:72])
    if application != APPLICATION_ID:
        raise state_error("state_foreign", "the state file belongs to another program", path, _ASIDE)
    check_version(path, version)


def _is_cut(path: Path, header: bytes, size: int) -> bool:
    """Return whether pages are missing; with a log beside it the file may lag behind and SQLite itself must judge."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        return False
    page_size = struct.unpack(">H", header[16:18])[0]
    pages = struct.unpack(">I", header[28:32])[0]
    return bool(size < pages * (65536 if page_size == 1 else page_size))


def _not_permitted(path: Path) -> Exception:
    fix = "give this user read and write access to the file and its folder"
    return state_error("state_permission", "this user may not use the state file", path, fix)


def mounts() -> str:
    """Return the mount table; empty where the system has none (then nothing is known to be a network disk)."""
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
