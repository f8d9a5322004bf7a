"""Floor 2. Single questions of the services: one table, what a source is now, what the books say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import Interval, IntervalSet
from mtctl.core.ledger import Coverage, Stale
from mtctl.core.model import SourceFile
from mtctl.store import rows
from mtctl.store.work_view import holders
from mtctl.store.workflow_view import WorkflowView

if TYPE_CHECKING:
    from mtctl.core.model import Instant, Table
    from mtctl.ports.holders import HolderInfo
    from mtctl.store.session import Row


class LookupView(WorkflowView):
    """The part of `ports.View` that answers one question at a time."""

    def table(self, table_id: int) -> Table | None:
        """Return one live table by id."""
        found = self.session.row("tables.live_table", {"table_id": table_id})
        return None if found is None else rows.table(found)

    def coverage_of(self, table_id: int) -> Coverage | None:
        """Return the merged coverage of one table."""
        parts: list[Row] = self.session.rows("ledger.coverage_of", {"table_id": table_id})
        if not parts:
            return None
        fresh = IntervalSet.of(Interval(start, end) for start, end, reason in parts if not reason)
        stale = tuple(Stale(interval=Interval(start, end), reason=reason) for start, end, reason in parts if reason)
        return Coverage(table_id=table_id, fresh=fresh, stale=stale)

    def data_path(self) -> str:
        """Return the lake's data path as the catalog says it: absolute, with a trailing slash."""
        return self.session.data_path()

    def current_sources(self) -> list[SourceFile]:
        """Return the current version of every file that live ledger rows of live tables were built from."""
        return [
            SourceFile(path=path, size=size, mtime_ns=mtime_ns, inode=inode, sha256=sha256)
            for path, size, mtime_ns, inode, sha256 in self.session.rows("ledger.current_sources")
        ]

    def attempt_marks(self, table_id: int) -> dict[int, tuple[str, Instant | None]]:
        """Return ulid and end of every attempt that live ledger rows of a table name."""
        found = self.session.rows("ledger.attempt_marks", {"table_id": table_id})
        return {attempt_id: (ulid, ended_at) for attempt_id, ulid, ended_at in found}

    def expired_holders(self) -> list[HolderInfo]:
        """Return holders with an open attempt whose lease has run out or belongs to another boot."""
        asked = {"boot_id": self.session.boot_id, "boottime": self.session.boottime}
        return holders(self.session.rows("leases.expired_holders", asked))
