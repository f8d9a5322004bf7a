"""Floor 2. DuckDB's exceptions in the words of the user; nothing above the runner sees `duckdb.Error`.

The session asks DuckDB for errors as JSON, so that the position of a mistake comes as a byte offset into the text that
was run; `Text` carries the query as written and maps such an offset back to it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right

import duckdb

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.values import frozen
from mtctl.engine import dialect
from mtctl.engine.types import inexact


@frozen
class Edit:
    """One replaced piece: `[start, end)` of the original bytes became `length` bytes at `at` of the new text."""

    start: int
    end: int
    at: int
    length: int


@frozen
class Text:
    """A query as written (UTF-8), where it begins in the text that ran, and the pieces replaced in it."""

    original: bytes
    offset: int = 0
    edits: tuple[Edit, ...] = ()

    def position(self, ran_at: int) -> int | None:
        """Return the byte of the original for a byte of the text that ran, None when outside of it."""
        at = ran_at - self.offset
        index = bisect_right(self.edits, at, key=lambda edit: edit.at) - 1
        if index >= 0:
            edit = self.edits[index]
            at = edit.start if at < edit.at + edit.length else at - edit.at - edit.length + edit.end
        return at if 0 <= at <= len(self.original) else None


_LONGEST = 240
"""Of a driver's hints: a reader of CSV lists all its options, which no line can hold."""


def translate(error: duckdb.Error, text: Text | None = None) -> MtctlError:
    """Return the user's error for one of DuckDB's, with line, column and caret where the position is known."""
    details = _details(error)
    message = details.get("exception_message") or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    found = inexact(message)
    if found is not None:
        return found
    what = _PREFIX.sub("", lines[0]).partition('. Use "SET ')[0] if lines else type(error).__name__
    code, kind = _classify(error, what)
    fix = _fix(code, lines[1:], details)
    where, excerpt = _place(error, details.get("position"), text)
    return MtctlError(code, what, kind=kind, where=where, fix=fix, excerpt=excerpt)


def locate(original: bytes, offset: int) -> tuple[str, str]:
    """Return `line N, column M` (characters, from 1) for a byte of the query, and the line with a caret below."""
    before = original[:offset].decode("utf-8", "replace")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    source = original.decode("utf-8", "replace").split("\n")[line - 1].rstrip("\r")
    shown, caret = _window(source, column)
    return f"line {line}, column {column}", f"{shown}\n{' ' * (caret - 1)}^"


FULL_FIX = "free some space on the disk of the lake, then refresh again"
"""What to do about a full disk."""

_WIDTH = 110
_PREFIX = re.compile(r"^[A-Z][A-Za-z /]+ Error: ")
_DEPTH = re.compile(r"expression depth|stack limit|memory exhausted|recursion", re.IGNORECASE)
_SPACE = re.compile(r"max_temp_directory_size|No space left|temp(orary)? directory|out of memory", re.IGNORECASE)
_DISK = re.compile(r"No space left on device", re.IGNORECASE)
_STATIC = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
_MEANINGS: tuple[tuple[tuple[type[duckdb.Error], ...], tuple[str, Kind]], ...] = (
    ((duckdb.ParserException,), ("sql_syntax", Kind.INVALID)),
    ((duckdb.BinderException, duckdb.CatalogException), ("sql_bind", Kind.INVALID)),
    ((duckdb.PermissionException,), ("sql_access", Kind.INVALID)),
    ((duckdb.IOException,), ("source_unreadable", Kind.ENGINE)),
    ((duckdb.InternalException, duckdb.FatalException), ("engine_broken", Kind.ENGINE)),
)


def _details(error: duckdb.Error) -> dict[str, str]:
    _, brace, rest = str(error).partition("{")
    if not brace:
        return {}
    try:
        loaded, _ = json.JSONDecoder().raw_decode(brace + rest)  # an internal error has words behind it
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _classify(error: duckdb.Error, what: str) -> tuple[str, Kind]:
    if isinstance(error, duckdb.InterruptException):
        return "cancelled", Kind.FAILED
    if isinstance(error, duckdb.IOException) and _DISK.search(what):
        return "disk_full", Kind.FAILED
    if isinstance(error, duckdb.OutOfMemoryException) or _SPACE.search(what):
        return "resource", Kind.FAILED
    if isinstance(error, _STATIC) and _DEPTH.search(what):
        return "sql_depth", Kind.INVALID
    return next((meaning for kinds, meaning in _MEANINGS if isinstance(error, kinds)), ("query_failed", Kind.FAILED))


def _fix(code: str, rest: list[str], details: dict[str, str]) -> str:
    if code == "disk_full":
        return FULL_FIX
    if code == "resource":
        return "raise [engine] memory in mtctl.toml, free disk space, or refresh fewer intervals with --batch"
    if code == "sql_depth":
        return "split the query into common table expressions, or shorten the expression"
    if code == "sql_access":
        return "name the file as a source, and its folder in [paths] allowed of mtctl.toml"
    hints = " ".join(line for line in rest if not line.startswith(("LINE ", "^")))
    if hints:
        hints = hints if len(hints) <= _LONGEST else f"{hints[:_LONGEST].rpartition(' ')[0]} …"
        return hints.replace("Candidate bindings:", "columns like it:").replace("Candidate tables:", "tables like it:")
    candidates = details.get("candidates", "")
    return f"did you mean {candidates}?" if candidates else ""


def _place(error: duckdb.Error, position: str | None, text: Text | None) -> tuple[str, str]:
    if position is None or text is None:
        return "", ""
    offset = int(position)
    if isinstance(error, duckdb.ParserException) and not text.edits and dialect.parser_counts_characters():
        # The binder counts bytes; a query that is being bound has passed the parser before.
        offset = text.offset + len(text.original.decode("utf-8", "replace")[: offset - text.offset].encode())
    at = text.position(offset)
    return ("", "") if at is None else locate(text.original, at)


def _window(source: str, column: int) -> tuple[str, int]:
    """Return at most a screen's width of the line around the column, and the column within it."""
    if len(source) <= _WIDTH:
        return source, column
    start = max(0, column - 1 - _WIDTH // 2)
    return source[start : start + _WIDTH], column - start
