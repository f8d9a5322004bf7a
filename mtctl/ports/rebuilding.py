"""Floor 1. Versions of tables: those in the books, and a new one that is built beside the one that readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant, Table, TableDefinition
    from mtctl.core.rebuild import Failure, Rebuild


class Rebuilds(Protocol):
    """Reads of table versions, within the transaction of a view."""

    def versions(self, version_ids: Iterable[int]) -> dict[int, TableDefinition]:
        """Return definitions by the id of their version."""

    def replaced(self, names: Sequence[str], snapshot_id: int) -> bool:
        """Return whether one of these tables is another version now than it was at a snapshot.

        Its files of then are not to be read with its columns of now.
        """

    def parked(self) -> dict[int, Table]:
        """Return, by the id of each table of which a new version is built, the old one under the id of its books."""

    def failures(self, table_id: int, since: Instant, limit: int) -> list[Failure]:
        """Return attempts at the version in force that did not end well since an instant, the newest first."""

    def shown(self, tables: Sequence[Table]) -> list[Table]:
        """Return tables as readers see them: the old version of those that are being rebuilt."""


class HasRebuilds(Protocol):
    """The part of a view that reads table versions."""

    def rebuilding(self) -> dict[int, Rebuild]:
        """Return the rebuilds in hand by table id."""

    def rebuilds(self) -> Rebuilds:
        """Return the reads of table versions."""
