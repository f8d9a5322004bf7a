"""Floor 1. The Parquet files of the lake, in the catalog and on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.staged import ColumnStats, StagedFile
    from mtctl.ports.lake_mark import LakeMark


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One live data file of the lake: its catalog row and its sha256; `path` is absolute."""

    file_id: int
    table_id: int
    path: str
    rows: int
    bytes: int
    footer_bytes: int | None
    row_id_start: int | None
    begin_snapshot: int
    sha256: str | None
    stats: tuple[ColumnStats, ...]


class Lake(Protocol):
    """The Parquet files on disk."""

    def place(self, files: Sequence[StagedFile], folder: str) -> tuple[str, ...]:
        """Rename staged files into a table's folder, fsync it, and return their names there."""

    def link(self, pairs: Iterable[tuple[str, str]], folder: str) -> frozenset[str]:
        """Give files (absolute path, new name) a second name in a table's folder; return the paths that had a file."""

    def discard(self, paths: Iterable[str]) -> None:
        """Remove files (absolute paths) that nobody can see; missing ones are fine."""

    def open_to(self, share: str) -> None:
        """Let a `group`, `all` or nobody else read what is published."""

    def mark(self) -> LakeMark | None:
        """Return whose lake this is, None where no mark stands in its folder."""

    def set_mark(self, mark: LakeMark) -> None:
        """Write down whose lake this is; makes the folder where it is missing."""

    def examine(self, path: str, *, size: int, footer: int | None, sha256: str | None) -> tuple[str, str] | None:
        """Return what is wrong with a file (check, detail), None where nothing is; reads it where `sha256` is given."""

    def owns(self, path: str) -> bool:
        """Return whether an absolute path lies in the lake's own folders."""

    def listing(self, *, older_than_s: float) -> tuple[list[tuple[str, int]], int]:
        """Return all files below data and staging (path, bytes) that are old enough, and how many are too young."""
