"""Floor 2. What compaction asks of the store: which files there are, and fewer in their place.

It takes no lock for as long as files are written. In the one transaction that publishes them nobody else writes, and
there it looks whether the table is being refreshed or has changed: then nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.ports.rewriting import CompactionFile
from mtctl.store.catalog import Commit, instant_of
from mtctl.store.events import add_event
from mtctl.store.replacing import past_files, replace_files
from mtctl.store.view import SqliteView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.ports.rewriting import Compaction
    from mtctl.store.session import Session


class SqliteCompaction:
    """Implements `ports.CompactionTx`; valid inside the transaction whose session it got."""

    def __init__(self, session: Session) -> None:
        """Keep the session."""
        self._session = session

    def epoch(self, table_id: int) -> int | None:
        """Return what rises whenever a table is changed, rebuilt or dropped; None for one that is gone."""
        found = self._session.value("compaction.epoch", {"table_id": table_id})
        return None if found is None else int(found)

    def is_busy(self, table_id: int) -> bool:
        """Return whether an attempt of the table runs: it may be about to replace files."""
        return self._session.row("compaction.is_busy", {"table_id": table_id}) is not None

    def compaction_files(self, table_id: int) -> list[CompactionFile]:
        """Return the live files of a table that may be written anew, by id, and when their newest rows came."""
        asked = {"table_id": table_id}
        unfit = {one for (one,) in self._session.rows("compaction.unfit", asked)}
        times: dict[int, str | None] = dict(self._session.rows("compaction.ages", asked))
        return [
            CompactionFile(file=file, written_at=instant_of(time) if (time := times[file.file_id]) is not None else 0)
            for file in SqliteView(self._session).data_files(table_id)
            if file.file_id not in unfit
        ]

    def small_files(self, rows: int, size: int) -> Mapping[int, int]:
        """Return by table id how many live files have fewer rows and fewer bytes than these."""
        return dict(self._session.rows("compaction.small_files", {"rows": rows, "bytes": size}))

    def compact(self, compaction: Compaction) -> int | None:
        """Publish; return the snapshot, or None, and nothing has changed, where the table was changed meanwhile."""
        session, table = self._session, compaction.table
        if self.epoch(table.table_id) != compaction.epoch or self.is_busy(table.table_id):
            return None
        session.connection.execute("SAVEPOINT compact")
        commit = Commit(session)
        if not replace_files(commit, table, compaction.replaced):
            session.connection.execute("ROLLBACK TO compact")
            session.connection.execute("RELEASE compact")
            return None
        commit.note(f"merge_adjacent:{table.lake_table_id}")
        name, count = table.definition.name, len(past_files(compaction.replaced))
        extra = {"table": name, "files": count, "into": len(compaction.replaced)}
        snapshot = commit.close(message=f"compact {name}", extra=extra)
        session.connection.execute("RELEASE compact")
        session.published = True
        add_event(session, "compacted", table_id=table.table_id, snapshot=snapshot, files=count)
        return snapshot

    def hold_staged(self, holder_id: int, ulid: str) -> None:
        """Keep files whose names begin with a ulid from `gc` for as long as the holder lives."""
        session = self._session
        lease = {"lease_until": session.lease_until, "boot_id": session.boot_id}
        session.run("compaction.add_stage", {"ulid": ulid, "holder_id": holder_id} | lease)

    def release_staged(self, ulid: str) -> None:
        """Let `gc` take them again."""
        self._session.run("compaction.drop_stage", {"ulid": ulid})
