"""Floor 2. Which processes have a state file open, and which of them read it at this moment.

The kernel tells: the open files of a process stand in its folder of `/proc`, and whoever is inside a read transaction
holds a lock on one of the last bytes of SQLite's shared memory. Where there is no `/proc` nobody is told.
"""

from __future__ import annotations

import os
from pathlib import Path

from mtctl.ports.backup import Opener

_SIDES = ("", "-wal", "-shm")
_READ_LOCKS = range(123, 128)
"""The bytes of the shared memory that a reader of the log locks (SQLite's file format, WAL locks READ0 to READ4)."""


def openers(path: Path) -> list[Opener]:
    """Return the other processes that have a state file or one of its side files open, by process id."""
    wanted = {os.path.realpath(f"{path}{end}") for end in _SIDES}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and not wanted.isdisjoint(_open_files(folder)):
            found.append(Opener(pid=pid, program=program_of(pid)))
    return sorted(found, key=lambda one: one.pid)


def readers(path: Path) -> list[Opener]:
    """Return the processes that are inside a read transaction now: the log cannot be emptied before they end it."""
    try:
        inode = os.stat(f"{path}-shm").st_ino  # noqa: PTH116 - its name is a text
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    pids = {pid for pid in map(lambda line: _reader(line, inode), lines) if pid is not None}  # noqa: C417 - reads well
    return [Opener(pid=pid, program=program_of(pid)) for pid in sorted(pids) if pid > 0]


def program_of(pid: int) -> str:
    """Return the command line of a process, '' where it cannot be told."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return " ".join(" ".join(word.decode("utf-8", "replace") for word in words).split())[:100]


def _reader(line: str, inode: int) -> int | None:
    """Return the process of a line `1: POSIX ADVISORY READ 77 08:01:1234 124 124` that locks one of the bytes."""
    fields = line.split()
    if len(fields) < 8 or fields[1] != "POSIX" or fields[3] != "READ" or not fields[5].endswith(f":{inode}"):
        return None
    if fields[6].isdigit() and fields[7].isdigit() and any(
        int(fields[6]) <= byte <= int(fields[7]) for byte in _READ_LOCKS
    ):
        return int(fields[4])
    return None


def _open_files(folder: Path) -> set[str]:
    found = set()
    try:
        descriptors = list((folder / "fd").iterdir())
    except OSError:
        return set()
    for one in descriptors:
        try:
            found.add(os.readlink(one))  # noqa: PTH115 - a text is compared
        except OSError:
            continue
    return found
