"""Floor 2. Frames on the pipe between holder and runner: a 4-byte big-endian length, then JSON."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

MAX_FRAME = 1 << 30
"""A longer frame means that the stream is out of step."""

_HEADER = struct.Struct(">I")


def write_frame(fd: int, frame: dict[str, Any]) -> None:
    """Write one frame whole; BrokenPipeError when the other side is gone."""
    body = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    rest = memoryview(_HEADER.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(fd, rest) :]


def read_frame(fd: int) -> dict[str, Any] | None:
    """Read one frame, None at the end of the stream (also in the middle of a frame)."""
    header = _read(fd, _HEADER.size)
    if header is None:
        return None
    (length,) = _HEADER.unpack(header)
    if length > MAX_FRAME:
        return None
    body = _read(fd, length)
    if body is None:
        return None
    frame: dict[str, Any] = json.loads(body.decode("utf-8", "surrogatepass"))
    return frame


def _read(fd: int, length: int) -> bytes | None:
    """Return exactly that many bytes, None when the stream ends before."""
    parts = bytearray()
    while len(parts) < length:
        part = os.read(fd, min(length - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
