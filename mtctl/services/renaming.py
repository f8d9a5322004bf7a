"""Floor 3. Another name for a table: its data, ledger, tags and schedule stay.

Whoever reads the table names it in SQL, and no SQL is rewritten here: a rename is refused while another table's query
or a workflow says the old name. A table of a file is renamed in its file, by `'renamed.from'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ddl import parse_statement
from mtctl.core.errors import Kind, MtctlError, conflict
from mtctl.core.model import Origin
from mtctl.core.names import check_table_name, one_name
from mtctl.core.statement import render
from mtctl.core.values import replace
from mtctl.ports.changes import NewTable
from mtctl.services.applying import Work, write_plan
from mtctl.services.naming import unknown_table
from mtctl.services.people import user_name
from mtctl.services.table_schedules import name_problems, orphan_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtctl.core.model import Table, TableDefinition
    from mtctl.ports.store import Store, Tx


class Renamer:
    """Answers `table rename`."""

    def __init__(self, store: Store, new_ulid: Callable[[], str]) -> None:
        """Keep the ports; `new_ulid` names what fires before the table's schedule changes its name."""
        self._store = store
        self._new_ulid = new_ulid

    def rename(self, old: str, new: str) -> str:
        """Rename a table that was made by command; return the name in its one spelling.

        Errors: `table_unknown`, `table_from_file`, `table_exists`, `workflow_exists`, and `table_in_use` naming all
        readers.
        """
        old, name = one_name(old), check_table_name(new, where="NEW", kind=Kind.USAGE)
        with self._store.read() as view:
            tables = {table.definition.name: table for table in view.tables()}
            workflows = view.workflows()
        if old not in tables:
            raise unknown_table(old, tables)
        table = tables[old]
        _refuse(table, name, tables)
        put = NewTable(
            definition=renamed(table.definition, name), origin=Origin.COMMAND, table_id=table.table_id
        )
        problems = [*orphan_problems({old}, workflows), *name_problems((put,), workflows, ())]
        if problems:
            raise problems[0]

        def note(tx: Tx) -> None:
            words = {"from": old, "to": name}
            tx.add_note("table_renamed", actor=user_name(), table_id=table.table_id, **words)

        versions = tuple(sorted((one.table_id, one.version_id) for one in tables.values()))
        work = Work(puts=(put,), drops=(), touches=(), versions=versions, note=note)
        with self._store.write() as tx:
            write_plan(tx, work, self._new_ulid)
        return name


def renamed(definition: TableDefinition, name: str) -> TableDefinition:
    """Return a definition under another name; what it yields, and so its fingerprint, is the same."""
    statement = parse_statement(definition.ddl, file=definition.name)
    return replace(definition, name=name, ddl=render(replace(statement, name=name)).rstrip("\n"))


def _refuse(table: Table, name: str, tables: Mapping[str, Table]) -> None:
    old = table.definition.name
    if table.origin is Origin.FILE:
        raise conflict(
            "table_from_file",
            f"table {old!r} is defined in {table.file}",
            where=table.file or "",
            fix=f"write the new name there and WITH ('renamed.from' = '{old}'), then `mtctl apply`",
        )
    if name in tables:
        what = "the table has this name already" if name == old else f"table {name!r} exists"
        raise conflict("table_exists", what, where="NEW", fix="choose another name")
    readers = sorted(
        other for other, one in tables.items() if any(read.table == old for read in one.definition.reads)
    )
    if readers:
        raise _in_use(old, readers)


def _in_use(old: str, readers: list[str]) -> MtctlError:
    error = conflict(
        "table_in_use",
        f"table {old!r} is read by {', '.join(map(repr, readers))}, whose SQL names it",
        fix="make them anew under the new name afterwards: drop them first",
    )
    error.details["readers"] = readers
    return error
