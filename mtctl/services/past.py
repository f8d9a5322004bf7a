"""Floor 3. Questions to the lake as it was: names, columns and files of one earlier snapshot.

Tables answer under the names that they had then, dropped ones too. File sources are read as they are now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.names import joined_name, spellings
from mtctl.core.variables import rewrite_variables
from mtctl.ports.engine import Relation
from mtctl.services.asking import Asking
from mtctl.services.damaged import explained, told
from mtctl.services.deletions import deleted, foreign_rows
from mtctl.services.moments import known_moment, moment_of, shown
from mtctl.services.pinned import named
from mtctl.services.pruning import pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.ports.engine import QueryResult
    from mtctl.ports.history import Moment, PastFile, PastTable
    from mtctl.ports.store import View


class PastReader(Asking):
    """Runs one SELECT at a time over the tables as they were."""

    def moment(self, text: str, *, field: str = "--at") -> Moment:
        """Return the snapshot that a number or a time means; errors of `moments.moment_of`."""
        with self._store.read() as view:
            return moment_of(view.past(), text, zone=self._project.zone, now=self._clock.now(), field=field)

    def query(self, sql: str, limit: int | None, moment: Moment) -> QueryResult:
        """Run one SELECT over the tables as they were at a moment; rows come in chunks as they are asked for.

        Errors beside those of a query of today: `snapshot_expired` where the snapshot has gone meanwhile, and
        `foreign_rows` (ENGINE) where a foreign client's changes make a table's files not what its rows were.
        """
        text = rewrite_variables(sql)
        [parsed] = self._engine().parse([text])
        if isinstance(parsed, MtctlError):
            raise parsed
        # Before looking: what is pinned cannot expire between the look and the reading.
        self._pin(moment.snapshot_id)
        with self._store.read() as view:
            past = view.past()
            known_moment(past, moment.snapshot_id, field="--at")
            tables = by_name(past.tables(moment.snapshot_id))
            try:
                wanted, sources = named(self._project, parsed, tables)
            except MtctlError as error:
                raise _then(error, moment) from None
            asked = [tables[name] for name in wanted]
            relations = _relations(view, asked, moment.snapshot_id, self._project.name)
            relations = self._pruned(view, asked, relations, text)
        names = [relation.names[0] for relation in relations]
        return told(
            lambda: self._engine().query(text, relations, sources, self._project.zone, limit, {}),
            lambda error: explained(error, self._store, self._lake(), names, moment.snapshot_id),
        )

    def _pruned(
        self, view: View, tables: Sequence[PastTable], relations: Sequence[Relation], sql: str
    ) -> tuple[Relation, ...]:
        """Leave out files that the query certainly sees no row of; nothing is known of foreign tables."""
        pairs = list(zip(tables, relations, strict=True))
        own = {table.table_id: relation for table, relation in pairs if table.table_id is not None}
        foreign = (relation for table, relation in pairs if table.table_id is None)
        return (*pruned(view, own, lambda: self._engine().sight(sql), lambda: [{}]), *foreign)


def by_name(tables: Iterable[PastTable]) -> dict[str, PastTable]:
    """Return the tables by their one name in small letters: `orders`, or `sales.orders` outside of the schema main."""
    return {_name(table): table for table in tables}


def refuse_odd(table: PastTable, files: Iterable[PastFile]) -> None:
    """Refuse to read a table whose rows are not those of its files; error `foreign_rows` (ENGINE)."""
    why = table.odd or next((f"{file.path}: {file.odd}" for file in files if file.odd), "")
    if why:
        raise foreign_rows(table.name, why)


def _relations(view: View, tables: Sequence[PastTable], snapshot_id: int, project: str) -> tuple[Relation, ...]:
    """Return tables with their columns and files at a snapshot; error `foreign_rows`."""
    past, asked = view.past(), {table.lake_table_id: table.name for table in tables}
    files, columns = past.files(asked, snapshot_id), past.columns(asked, snapshot_id)
    gone = deleted(view, asked, snapshot_id)
    found = []
    for table in tables:
        own = files[table.lake_table_id]
        refuse_odd(table, own)
        found.append(
            Relation(
                names=spellings(_name(table), project),
                columns=columns[table.lake_table_id],
                files=tuple(file.path for file in own),
                partial=tuple(file.path for file in own if file.is_partial),
                snapshot_id=snapshot_id,
                deleted=gone.get(table.lake_table_id, ()),
            )
        )
    return tuple(found)


def _name(table: PastTable) -> str:
    return joined_name(table.schema.lower(), table.name.lower())


def _then(error: MtctlError, moment: Moment) -> MtctlError:
    """Return the error of a name that nothing bore then, saying of which moment it speaks."""
    error.where = error.where or f"in {shown(moment)}"
    return error
