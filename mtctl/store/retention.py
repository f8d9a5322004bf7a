"""Floor 2. What is old in the lake, and the steps that let it go: `ports.RetentionTx`.

A step is found by what the one before has left in the state file (`lake_upkeep`, `lake_gap`), never by what a process
remembers. The rules that decide stand in core; here only that what goes is not the newest, not pinned and not shown by
any snapshot that is left, asked once more in the transaction that removes it.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from mtctl.core.retention import Ended, OldFile, OldSnapshot
from mtctl.ports.retention import LakeCounts, OldTable, PinRow, Scheduled
from mtctl.store.catalog import check_version, instant_of, time_text
from mtctl.store.forgetting import Forgetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mtctl.core.model import Instant

_WORD = re.compile(r'([a-z_]+)(?::((?:"(?:[^"]|"")*"\.?)+|[^,]*))?(?:,|$)')
_OF_TABLES = frozenset(
    {"inserted_into_table", "deleted_from_table", "altered_table", "dropped_table"}
    | {"inlined_insert", "inlined_delete", "inline_flush", "flushed_inlined"}
)
_TABLE_ROWS = (
    "drop_table",
    "drop_columns",
    "drop_column_tags",
    "drop_tags",
    "drop_table_stats",
    "drop_table_column_stats",
    "drop_schema_versions",
    "drop_lake_table",
    "drop_lake_versions",
)


class SqliteRetention(Forgetting):
    """Implements `ports.RetentionTx` over the transaction of a view."""

    # --- what there is --------------------------------------------------------------------------------------------

    def young_from(self, before: Instant) -> int:
        """Return the snapshot that was the newest at an instant: it and all later ones are young."""
        found = self.session.value("retention.young_from", {"before": time_text(before)})
        return int(found if found is not None else self.session.row("retention.oldest")[0])  # type: ignore[index]

    def unread(self) -> int:
        """Return how many snapshots have not been read yet for what they ended."""
        return int(self.session.value("retention.unread"))

    def old_snapshots(self, after: int, young_from: int, limit: int) -> list[OldSnapshot]:
        """Return snapshots with `after` < id < `young_from`, by id."""
        asked = {"after": after, "young_from": young_from, "limit": limit}
        found = [(one, instant_of(text)) for one, text in self.session.rows("retention.old_snapshots", asked)]
        return [OldSnapshot(one, at, then) for (one, at), (_, then) in pairwise(found)]

    def old_tables(self, young_from: int) -> list[OldTable]:
        """Return every table that has old versions or old files."""
        asked = {"young_from": young_from}
        ended: dict[int, list[Ended]] = {}
        for lake_id, snapshot, at in self.session.rows("retention.old_versions", asked):
            ended.setdefault(lake_id, []).append(Ended(snapshot, at))
        young: dict[int, int] = dict(self.session.rows("retention.young_versions", asked))
        old_bytes: dict[int, int] = dict(self.session.rows("retention.old_bytes"))

        options: dict[int, list[tuple[str, str]]] = {}
        for table_id, key, value in self.session.rows("retention.options"):
            options.setdefault(table_id, []).append((key, value))
        known = {lake_id: (table_id, live) for lake_id, table_id, live in self.session.rows("retention.lake_tables")}
        # Lake tables that were one table are its versions; those of foreign clients stand for themselves.
        groups: dict[int, list[int]] = {}
        for lake_id in dict.fromkeys([*ended, *young, *old_bytes]):
            groups.setdefault(known[lake_id][0] if lake_id in known else -lake_id, []).append(lake_id)
        return [
            OldTable(
                lake_table_ids=tuple(lake_ids),
                is_live=table_id < 0 or bool(known[lake_ids[0]][1]),
                options=tuple(options.get(table_id, ())),
                young=sum(young.get(one, 0) for one in lake_ids),
                ended=tuple(sorted((e for one in lake_ids for e in ended.get(one, ())), key=_newest_first)),
                old_bytes=sum(old_bytes.get(one, 0) for one in lake_ids),
            )
            for table_id, lake_ids in groups.items()
        ]

    def live_bytes(self, lake_table_ids: Iterable[int]) -> int:
        """Return what the live files of lake tables take; of a dropped one those that ended with it."""
        asked = {"tables": json.dumps(list(lake_table_ids))}
        live = self.session.value("retention.live_bytes", asked)
        return int(live or self.session.value("retention.last_bytes", asked))

    def old_files(self, lake_table_ids: Iterable[int]) -> tuple[OldFile, ...]:
        """Return the files of lake tables that are no longer live."""
        asked = {"tables": json.dumps(list(lake_table_ids))}
        return tuple(OldFile(begin, end, size) for begin, end, size in self.session.rows("retention.old_files", asked))

    def pinned(self) -> frozenset[int]:
        """Return the snapshots that a live pin or a live attempt keeps."""
        return frozenset(one for (one,) in self.session.rows("retention.pinned", self._lease_clock()))

    def pins(self) -> list[PinRow]:
        """Return who keeps which snapshot, by snapshot."""
        found = self.session.rows("retention.pins", self._lease_clock())
        return [PinRow(snapshot_id=one, holder=holder, purpose=purpose) for one, holder, purpose in found]

    def going(self, snapshots: Sequence[int]) -> tuple[int, int]:
        """Return how many data files, of how many bytes, nobody would see any more without these snapshots."""
        [(files, size)] = self.session.rows("retention.going", {"snapshots": json.dumps(list(snapshots))})
        return files, size

    def scheduled(self, before: Instant, limit: int, after: int = -1) -> list[Scheduled]:
        """Return files that were scheduled for removal before an instant, by file id, those after an id."""
        asked = {"before": time_text(before), "limit": limit, "after": after} | self._lease_clock()
        found = self.session.rows("retention.scheduled", asked)
        named = self._named([path for _, path, _ in found])
        root = self.session.data_path()
        return [
            Scheduled(
                file_id=one,
                path_text=path,
                path=f"{root}{path}" if relative else path,
                is_named=(f"{root}{path}" if relative else path) in named,
            )
            for one, path, relative in found
        ]

    def gaps(self) -> int:
        """Return how many gaps between snapshots have still to be looked through."""
        return int(self.session.value("retention.gaps"))

    def counts(self) -> LakeCounts:
        """Return the lake in numbers."""
        oldest, head = self.session.row("retention.oldest"), self.session.row("catalog.head")
        assert oldest is not None  # noqa: S101 - the newest snapshot never goes
        assert head is not None  # noqa: S101 - the same
        snapshots, tables, live, live_bytes, old, old_bytes, waiting = self.session.rows("retention.counts")[0]
        free, pages = self.free_pages()
        page = int(self.session.connection.pragma("page_size"))
        return LakeCounts(
            snapshots=snapshots,
            oldest_snapshot=oldest[0],
            oldest_at=instant_of(oldest[1]),
            newest_snapshot=head[0],
            newest_at=instant_of(head[4]),
            tables=tables,
            live_files=live,
            live_bytes=live_bytes,
            old_files=old,
            old_bytes=old_bytes,
            scheduled_files=waiting,
            state_bytes=pages * page,
            free_bytes=free * page,
        )

    def free_pages(self) -> tuple[int, int]:
        """Return how many pages of the state file are free, and how many it has."""
        connection = self.session.connection
        return int(connection.pragma("freelist_count")), int(connection.pragma("page_count"))

    # --- what lets go ---------------------------------------------------------------------------------------------

    def read_versions(self, limit: int) -> int:
        """Read the next snapshots for the versions that they ended; return how many were read."""
        found = self.session.rows("retention.next_changes", {"limit": limit})
        rows = [
            {"table": table, "snapshot": snapshot, "at": instant_of(time)}
            for snapshot, time, changes in found
            for table in tables_in(changes or "")
        ]
        self.session.run_many("retention.add_version", rows)
        if found:
            self.session.run("retention.set_read_to", {"snapshot": found[-1][0]})
        return len(found)

    def expire(self, snapshots: Sequence[int]) -> int:
        """Remove snapshots, except those pinned meanwhile and the newest; return how many are gone.

        Raises `catalog_version` (STATE) where the catalog is not ours to write.
        """
        check_version(self.session)
        asked = {"snapshots": json.dumps(list(snapshots))} | self._lease_clock()
        going = [{"snapshot": one} for (one,) in self.session.rows("retention.expirable", asked)]
        for statement in ("drop_snapshot", "drop_changes", "drop_versions", "add_gap"):
            self.session.run_many(f"retention.{statement}", going)
        return len(going)

    def collect(self, limit: int) -> tuple[int, int]:
        """Schedule dead files of one gap, and remove dead rows; return how many files and rows, (0, 0) at the end."""
        gap = self.session.row("retention.gap")
        if gap is None:
            return 0, self._drop_ledger(self.session.rows("retention.unseen_ledger", {"limit": limit}))

        asked = {"low": gap[0], "high": gap[1], "limit": limit}
        files = [one for (one,) in self.session.rows("retention.dead_files", asked)]
        deletes = [one for (one,) in self.session.rows("retention.dead_delete_files", asked)]
        self._drop_files(files, deletes)
        rows = self._drop_ledger(self.session.rows("retention.dead_ledger", asked))
        if max(len(files), len(deletes), rows) < limit:
            self.session.run("retention.drop_gap", {"low": gap[0], "high": gap[1]})
            rows += 1
        return len(files), rows

    def forget_tables(self, limit: int) -> int:
        """Remove catalog rows of dropped lake tables that no kept snapshot shows."""
        found = self.session.rows("retention.dead_tables", {"limit": limit})
        for (table,) in found:
            for statement in _TABLE_ROWS:
                self.session.run(f"retention.{statement}", {"table": table})
        return len(found)

    def unschedule(self, file_ids: Sequence[int]) -> None:
        """Forget files that have been removed from the disk."""
        listed = {"files": json.dumps(list(file_ids))}
        self.session.run("retention.unschedule", listed)
        self.session.run("retention.forget_replaced", listed)

    def give_back(self) -> None:
        """Give a megabyte of free pages at the end of the state file back to the file system."""
        self.session.rows("retention.give_back")

    def _drop_files(self, files: list[int], deletes: list[int]) -> None:
        asked = {"files": json.dumps(files)}
        if files:
            deletes = [*deletes, *(one for (one,) in self.session.rows("retention.delete_files_of", asked))]
        if deletes:
            gone = {"files": json.dumps(deletes)}
            self.session.run("retention.schedule_delete_files", gone | {"time": time_text(self.session.now)})
            self.session.run("retention.drop_delete_files", gone)
        if files:
            self.session.run("retention.schedule_files", asked | {"time": time_text(self.session.now)})
            for statement in ("stats", "variant_stats", "partition_values", "digests", "files"):
                self.session.run(f"retention.drop_{statement}", asked)

    def _drop_ledger(self, found: list[tuple[int, int, int | None]]) -> int:
        """Remove ledger rows, and of what they named that which nothing else names."""
        if not found:
            return 0
        run, rows = self.session.run, self.session.rows
        run("retention.drop_ledger", _ids(one for one, _, _ in found))
        run("retention.drop_archived", _ids({attempt for _, attempt, _ in found}))
        sets = [one for (one,) in rows("retention.unnamed_sets", _ids({s for _, _, s in found if s is not None}))]
        if sets:
            sources = _ids(one for (one,) in rows("retention.files_of_sets", _ids(sets)))
            run("retention.drop_set_files", _ids(sets))
            run("retention.drop_sets", _ids(sets))
            run("retention.drop_source_files", sources)
        return len(found)

    def _named(self, paths: Iterable[str]) -> set[str]:
        """Return the absolute paths that the catalog names and that end as one of these does."""
        ends = {end for path in paths for end in _ends(path)}
        root = self.session.data_path()
        found = self.session.rows("retention.named_again", {"ends": json.dumps(sorted(ends))})
        return {f"{root}{folder}{path}" if relative else path for path, relative, folder in found}

    def _lease_clock(self) -> dict[str, object]:
        return {"boot_id": self.session.boot_id, "boottime": self.session.boottime}


def tables_in(changes: str) -> set[int]:
    """Return the lake tables of which the words of `changes_made` end a version; quoted names are passed over."""
    return {
        int(word[2])
        for word in _WORD.finditer(changes)
        if word[1] in _OF_TABLES and word[2] is not None and word[2].isascii() and word[2].isdigit()
    }


def _ids(found: Iterable[int]) -> dict[str, object]:
    return {"ids": json.dumps(list(found))}


def _ends(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.partition("/")[2]
        yield path


def _newest_first(one: Ended) -> int:
    return -one.snapshot
