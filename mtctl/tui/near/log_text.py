"""Floor 4. The text of a log as it grows: whole lines out of bytes, safe to show, the newest ten thousand of them."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from mtctl.core.names import printable

MOST_LINES = 10_000
"""Lines that are kept; older ones go."""

LONGEST = 4_000
"""Letters of a line; a longer one is shown in pieces."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*[mK]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of one attempt's output: its bytes from `begin` to `end`, under a title."""

    attempt: str
    title: str
    begin: int
    end: int
    data: bytes


class LogText:
    """Lines of output, one attempt after the other. `headings` are the numbers of the lines that begin an attempt."""

    def __init__(self) -> None:
        """Begin empty."""
        self.lines: list[str] = []
        self.headings: set[int] = set()
        self._ends: dict[str, int] = {}
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._last = ""
        self._open = False

    def end_of(self, attempt: str) -> int | None:
        """Return up to where the output of an attempt is here, None for nowhere."""
        return self._ends.get(attempt)

    def take(self, piece: Piece) -> bool:
        """Add a part; one that does not follow what is here is left out. Returns whether there is anything new."""
        known = self._ends.get(piece.attempt)
        if known is not None and piece.end < known:
            known = None  # the file is shorter now: it was put in order at its end
        if known is not None and piece.begin != known:
            return False
        if known is None:
            self._begin(piece)
        self._ends[piece.attempt] = piece.end
        text = self._decoder.decode(piece.data)
        if not text:
            return known is None
        self._add(text)
        self._trim()
        return True

    def _begin(self, piece: Piece) -> None:
        self.headings.add(len(self.lines))
        left_out = f", from byte {piece.begin:,} on" if piece.begin else ""
        self.lines.append(f"--- {piece.title}{left_out}")
        self._decoder.reset()
        self._last, self._open = "", False

    def _add(self, text: str) -> None:
        """Add letters: what follows an unfinished line goes on with it."""
        first, *more = (self._last + text).split("\n")
        if self._open:
            self.lines.pop()
        for line in (first, *more[:-1]) if more else ():
            self.lines += _pieces(line)
        self._last = (more[-1] if more else first)[-LONGEST:]
        self._open = bool(self._last)
        if self._open:
            self.lines.append(_safe(self._last))

    def _trim(self) -> None:
        over = len(self.lines) - MOST_LINES
        if over > 0:
            del self.lines[:over]
            self.headings = {at - over for at in self.headings if at >= over}


def _pieces(line: str) -> list[str]:
    safe = _safe(line)
    return [safe[at : at + LONGEST] for at in range(0, len(safe), LONGEST)] or [""]


def _safe(line: str) -> str:
    """Return a line without colours and without what a progress bar has written over; other controls are shown."""
    seen = line.removesuffix("\r").rpartition("\r")[2]
    return printable(_COLOURS.sub("", seen).expandtabs(4))
