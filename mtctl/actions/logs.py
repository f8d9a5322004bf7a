"""Floor 2. The log file of one attempt: private, and never larger than its cap, however much is printed.

The file grows as it comes until it is full. From then on its first part stays, and the rest is a ring that is written
over and over, so that a program that prints for ever takes ten megabytes of disk and none of memory. `finish` puts the
ring in order and says how much is left out in between.
"""

# ruff: noqa: PTH120, PTH103 - os.path: the supervisor must start at once, pathlib costs it a third

from __future__ import annotations

import os

CAP = 10 << 20
"""Most bytes of a log file."""

HEAD = 1 << 20
"""Of these, so many are the beginning; the rest is the end."""

_NOTICE = 200
_LINE = 64 << 10


class CappedLog:
    """A new log file, 0600; OSError when it cannot be made, never later: a full disk does not stop the program."""

    def __init__(self, path: str, *, cap: int = CAP, head: int = HEAD) -> None:
        """Make the file and, if need be, its folder (0700)."""
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        self._head = min(head, cap // 2)
        self._ring = cap - self._head - _NOTICE
        self._total = 0
        self.trouble = ""

    def write(self, data: bytes) -> None:
        """Add output."""
        rest = memoryview(data)
        while rest:
            at = self._place(self._total)
            end = self._head + self._ring if self._total >= self._head else self._head
            piece = rest[: end - at]
            self._put(piece, at)
            self._total += len(piece)
            rest = rest[len(piece) :]

    def finish(self) -> int:
        """Put the end in order, close the file and return how many bytes are left out of it."""
        left_out = 0
        try:
            if self._total > self._head + self._ring and not self.trouble:
                left_out = self._unroll()
        except OSError as error:
            self.trouble = error.strerror or str(error)
        finally:
            os.close(self._fd)
        return left_out

    def _place(self, position: int) -> int:
        """Return where a byte of the output stands in the file."""
        return position if position < self._head else self._head + (position - self._head) % self._ring

    def _put(self, piece: memoryview, at: int) -> None:
        try:
            while piece:
                written = os.pwrite(self._fd, piece, at)
                piece, at = piece[written:], at + written
        except OSError as error:
            self.trouble = error.strerror or str(error)

    def _unroll(self) -> int:
        """Write the ring from its oldest byte on behind a line that says what is missing; it begins at a line."""
        split = self._place(self._total) - self._head
        ring = os.pread(self._fd, self._ring, self._head)
        tail = ring[split:] + ring[:split]
        newline = tail.find(b"\n", 0, _LINE)
        tail = tail[newline + 1 :]
        left_out = self._total - self._head - len(tail)
        notice = f"\n[mtctl: {left_out:,} bytes of output are left out here]\n".encode()
        self._put(memoryview(notice + tail), self._head)
        os.ftruncate(self._fd, self._head + len(notice) + len(tail))
        return left_out
