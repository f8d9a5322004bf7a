"""Announces named points to a test that wants to kill this process exactly there.

Nothing happens unless `MTCTL_TRACE_FD` names an inherited descriptor: then each point writes its name to it and waits
for one byte on `MTCTL_TRACE_ACK`. It stands beside the floors because holder and runner both use it.
"""

from __future__ import annotations

import os


def point(name: str) -> None:
    """Announce that this process has reached `name`, and wait until the listener lets it go on."""
    fd = os.environ.get("MTCTL_TRACE_FD")
    if fd is None:
        return
    os.write(int(fd), f"{os.getpid()} {name}\n".encode())
    ack = os.environ.get("MTCTL_TRACE_ACK")
    if ack is not None:
        os.read(int(ack), 1)


def descriptors() -> tuple[int, ...]:
    """Return the descriptors that a child must inherit to announce points too."""
    found = (os.environ.get("MTCTL_TRACE_FD"), os.environ.get("MTCTL_TRACE_ACK"))
    return tuple(int(fd) for fd in found if fd is not None)
