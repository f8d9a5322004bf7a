"""Floor 3. A dropped table comes back: its files get second names, then one transaction puts it in force again.

What is left of it comes back, for as long as retention keeps it; intervals whose files are gone are missing, and the
next refresh makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from mtctl.core.errors import Kind, MtctlError, conflict
from mtctl.core.model import Origin
from mtctl.core.names import check_table_name, closest, one_name
from mtctl.services.people import user_name
from mtctl.services.renaming import renamed
from mtctl.services.reports.versions import UndropReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.config import Project
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store, View
    from mtctl.ports.undrop import Dropped


class Undropper:
    """Answers `table undrop`."""

    def __init__(self, project: Project, store: Store, lake: Callable[[], Lake]) -> None:
        """Keep the ports."""
        self._project = project
        self._store = store
        self._lake = lake

    def names(self) -> tuple[str, ...]:
        """Return the names of dropped tables of which anything is kept."""
        with self._store.read() as view:
            return tuple(view.past().undropping().names())

    def undrop(self, name: str, new_name: str | None) -> UndropReport:
        """Bring back the table that bore a name last, under that name or a new one.

        Errors: `table_unknown` naming what can be brought back, `table_exists`, `undrop_too_late`, `upstream_unknown`,
        `workflow_exists`, `undrop_outdated`.
        """
        old = one_name(name)
        new = old if new_name is None else check_table_name(new_name, where="--as", kind=Kind.USAGE)
        with self._store.read() as view:
            dropped = self._dropped(view, old, new)
            keeps_file = dropped.origin is Origin.FILE and new == old and dropped.file not in view.applied_files()
        definition = dropped.definition if new == dropped.definition.name else renamed(dropped.definition, new)

        pairs = [(file.path, file.name) for file in dropped.files]
        linked = self._lake().link(pairs, dropped.folder) if pairs else frozenset()
        placed = {file.file_id for file in dropped.files if file.path in linked}
        if dropped.had_data and not placed and (dropped.files or not dropped.intervals):
            raise _too_late(old)
        with self._store.write() as tx:
            found = tx.past().undropping().undrop(dropped, definition, placed, keeps_file=keeps_file)
            tx.add_note("table_undrop", actor=user_name(), table_id=dropped.table_id, name=new)
        # A cleanup that had listed the folder before the names were published may have taken them.
        if linked:
            self._lake().link([pair for pair in pairs if pair[0] in linked], dropped.folder)
        file = dropped.file if keeps_file else None
        return UndropReport(
            table=new,
            snapshot_id=found.snapshot_id,
            intervals=found.intervals,
            rows=found.rows,
            is_whole=dropped.is_whole and len(placed) == len(dropped.files),
            file=file,
            file_is_gone=file is not None and not (self._project.root / file).exists(),
        )

    def _dropped(self, view: View, old: str, new: str) -> Dropped:
        undropping = view.past().undropping()
        if view.tables([new]):
            raise conflict("table_exists", f"table {new!r} exists", fix="choose another name with --as")
        found = undropping.dropped(old, new, str(uuid4()))
        if found is not None:
            return found
        names = undropping.names()
        near = closest(old, names)
        listed = f"dropped and still kept: {', '.join(names[:10])}" if names else "no dropped table is kept"
        error = MtctlError(
            "table_unknown",
            f"no dropped table {old!r} is kept",
            kind=Kind.NOT_FOUND,
            fix=f"did you mean {near!r}?" if near else listed,
        )
        if near:
            error.details["did_you_mean"] = [near]
        raise error


def _too_late(name: str) -> MtctlError:
    return conflict(
        "undrop_too_late",
        f"nothing of the data of table {name!r} is kept any more",
        fix="create it anew and refresh it; [retention] says how long versions are kept",
    )
