"""Floor 0. The version of a database source: how it is asked for, and named among the versions of files.

A database has no file to compare: a table says by a SELECT what tells one state of it from another, and the answer is
kept like the content of a file. Another SELECT is another thing to compare.
"""

from __future__ import annotations

from hashlib import sha256

from mtctl.core.model import SourceFile
from mtctl.core.source_path import VERSION_START

VERSION_ZONE = "UTC"
"""The time zone in which versions are asked for, whatever the table's: one state has one text."""


def version_query(select: str) -> str:
    """Return the SELECT whose one row holds the version's whole row as text."""
    return f"SELECT CAST(v AS VARCHAR) AS version FROM (\n{select.strip().rstrip(';')}\n) AS v"  # noqa: S608 - parsed as one SELECT


def version_found(name: str, select: str, answer: str | None) -> SourceFile:
    """Return the answer as it is recorded."""
    text = answer or ""
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return SourceFile(path=version_path(name, select), size=len(text), mtime_ns=0, inode=0, sha256=digest)


def version_path(name: str, select: str) -> str:
    """Return the name under which the answer of a version's SELECT is kept; no absolute path begins like it."""
    return f"{VERSION_START}{name}] {' '.join(select.split())}"

