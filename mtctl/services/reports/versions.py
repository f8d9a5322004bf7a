"""Floor 3. The answers of the verbs on a table's past: its versions, its names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.model import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a table: the snapshot that made it, and how.

    `what` is `create`, `refresh`, `columns`, `rename`, `rebuild`, `undrop`, `compaction`, `drop`, `foreign` or
    `change`; `detail` says more of it in words. `rows_added` and `rows_removed` count whole intervals: rows that a
    refresh wrote, and those that stood there before, equal or not; they are None where that is not known.
    """

    snapshot_id: int
    at: Instant
    what: str
    detail: str
    intervals: int | None
    rows_added: int | None
    rows_removed: int | None
    instance: str | None
    attempt: str | None
    author: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The newest versions of a table, the newest first; `more` says that older ones are kept too."""

    table: str
    versions: tuple[Version, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UndropReport:
    """A table that came back: how much of it; `file` defines it, and may be gone."""

    table: str
    snapshot_id: int
    intervals: int
    rows: int
    is_whole: bool
    file: str | None
    file_is_gone: bool
