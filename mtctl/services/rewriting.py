"""Floor 3. What an attempt does to the live files of its table: which end, and which are written anew.

A file whose rows are replaced ends. Where it holds other intervals too, these go into a new file with their row ids.
The old file stays as it is for older snapshots: readers that began before must find in the catalog what they saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import WHOLE
from mtctl.core.model import Mode
from mtctl.core.values import frozen, replace
from mtctl.ports.damage import DAMAGED
from mtctl.ports.rewriting import Origin, Part, Replaced, Rewrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.model import Table
    from mtctl.core.staged import LedgerRow, StagedFile
    from mtctl.ports.files import DataFile
    from mtctl.ports.store import View


@frozen
class Touched:
    """The live files that an attempt ends, and what of them goes into new files.

    `lost` are further intervals of files that end because they are damaged: their rows are carried nowhere.
    """

    ends: tuple[int, ...]
    rewrites: tuple[Rewrite, ...]
    lost: tuple[Interval, ...] = ()

    def replaced(self, files: Sequence[StagedFile], names: Sequence[str]) -> tuple[Replaced, ...]:
        """Return the rewrites as they are published, with what was staged for them."""
        written = zip(self.rewrites, files, names, strict=True)
        return tuple(Replaced(rewrite=rewrite, file=file, name=name) for rewrite, file, name in written)


def touched_files(view: View, table: Table, todo: IntervalSet) -> Touched:
    """Return what publishing these intervals does to the files that are live now."""
    if table.definition.mode is Mode.FULL:
        return Touched(ends=tuple(file.file_id for file in view.data_files(table.table_id)), rewrites=())
    found: dict[int, list[LedgerRow]] = {}
    for row in view.ledger(table.table_id, WHOLE):
        if row.file_id is not None:
            found.setdefault(row.file_id, []).append(row)
    cut = {file_id: rows for file_id, rows in found.items() if any(row.interval in todo for row in rows)}
    if not cut:
        return Touched(ends=(), rewrites=())
    broken = {file_id for file_id, rows in cut.items() if any(row.invalidated == DAMAGED for row in rows)}
    shared = [
        file_id
        for file_id, rows in cut.items()
        if file_id not in broken and any(row.interval not in todo for row in rows)
    ]
    files = {file.file_id: file for file in view.data_files(table.table_id)} if shared else {}
    return Touched(
        ends=tuple(sorted(cut)),
        rewrites=tuple(_kept(files[file_id], cut[file_id], todo) for file_id in sorted(shared)),
        lost=tuple(row.interval for file_id in sorted(broken) for row in cut[file_id] if row.interval not in todo),
    )


def _kept(file: DataFile, rows: Sequence[LedgerRow], todo: IntervalSet) -> Rewrite:
    # All of them are in the new file from the same snapshot on: no row needs to say when it came.
    found = origin_of(file, [row for row in rows if row.interval not in todo])
    return Rewrite(origins=(replace(found, parts=tuple(replace(part, snapshot_id=0) for part in found.parts)),))


def origin_of(file: DataFile, rows: Sequence[LedgerRow]) -> Origin:
    """Return these intervals of a file as rows to write anew."""
    parts = (
        Part(interval=row.interval, row_start=row.row_start, rows=row.rows, snapshot_id=row.begin_snapshot)
        for row in sorted(rows, key=lambda row: row.row_start)
    )
    return Origin(file_id=file.file_id, path=file.path, row_id_start=file.row_id_start, parts=tuple(parts))
