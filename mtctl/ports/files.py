"""Floor 1. The Parquet files of the lake, in the catalog and on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.staged import ColumnStats, StagedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One live data file of the lake: its catalog row and its sha256; `path` is absolute."""

    file_id: int
    table_id: int
    path: str
    rows: int
    bytes: int
    footer_bytes: int | None
    row_id_start: int
    begin_snapshot: int
    sha256: str | None
    stats: tuple[ColumnStats, ...]


class Lake(Protocol):
    """The Parquet files on disk."""

    def place(self, files: Sequence[StagedFile], folder: str) -> tuple[str, ...]:
        """Rename staged files into a table's folder, fsync it, and return their names there."""

    def discard(self, paths: Iterable[str]) -> None:
        """Remove files (absolute paths) that nobody can see; missing ones are fine."""

    def listing(self, *, older_than_s: float) -> tuple[list[tuple[str, int]], int]:
        """Return all files below data and staging (path, bytes) that are old enough, and how many are too young."""
