"""Floor 2. What a program has started, as the system tells it: descendants by /proc, and what bears an attempt's mark.

Only Linux tells it. Elsewhere the process group is all that is known of a program's children.
"""

# ruff: noqa: PTH208, PTH123 - pathlib would cost the supervisor a third of its start

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import signal


class Process(NamedTuple):
    """One living process; `name` is the short one of the kernel."""

    pid: int
    parent: int
    group: int
    name: str


def descendants(root: int) -> list[Process]:
    """Return the living processes below `root`; zombies are not alive, but what stands below them is."""
    children: dict[int, list[tuple[Process, bool]]] = {}
    for process, is_dead in _all():
        children.setdefault(process.parent, []).append((process, is_dead))
    found: list[Process] = []
    stack = [root]
    while stack:
        for process, is_dead in children.get(stack.pop(), ()):
            stack.append(process.pid)
            if not is_dead:
                found.append(process)
    return found


def is_telling() -> bool:
    """Whether this system tells of processes at all."""
    return os.access("/proc/self/stat", os.R_OK)


def group_lives(group: int) -> bool:
    """Whether a process group has a member."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def marked(name: str, value: str) -> list[int]:
    """Return the processes whose environment, as they were started, holds `name=value`."""
    mark = f"{name}={value}".encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if mark in file.read().split(b"\0"):
                found.append(pid)
    return found


def started(pid: int) -> int:
    """Return when a process started, in clock ticks since boot (0 where the system does not tell)."""
    try:
        return int(_stat(pid)[1][19])
    except (OSError, IndexError, ValueError):
        return 0


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may be gone or another user's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a group, which may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _all() -> list[tuple[Process, bool]]:
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError, IndexError, ValueError):
            name, rest = _stat(pid)
            found.append((Process(pid, int(rest[1]), int(rest[2]), name), rest[0] in {"Z", "X"}))
    return found


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _stat(pid: int) -> tuple[str, list[str]]:
    """Return a process's name and the fields behind it; the name may hold blanks and parentheses."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        text = file.read()
    before, _, rest = text.rpartition(")")
    return before.partition("(")[2], rest.split()
