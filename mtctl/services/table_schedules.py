"""Floor 3. What changes of tables mean for workflows: schedules that change, names that clash, tasks left without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, conflict
from mtctl.core.model import Origin
from mtctl.core.states import WorkflowState
from mtctl.core.table_workflow import table_workflow
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from mtctl.core.model import Table, TableDefinition
    from mtctl.core.statement import TableStatement
    from mtctl.ports.changes import NewTable
    from mtctl.ports.store import Tx
    from mtctl.ports.workflows import WorkflowRow


def rescheduled(puts: Iterable[NewTable], tables: Mapping[int, TableDefinition]) -> frozenset[int]:
    """Return the ids of the tables whose own workflow changes with these puts; `tables` are those in force."""
    found = set()
    for put in puts:
        old = tables.get(put.table_id) if put.table_id is not None else None
        if put.table_id is not None and old is not None and _differs(old, put.definition):
            found.add(put.table_id)
    return frozenset(found)


def settle_tables(tx: Tx, table_ids: Collection[int], new_ulid: Callable[[], str]) -> None:
    """Fire what is due of tables by the schedules in force, before these change in the same transaction."""
    if not table_ids:
        return
    from mtctl.services.workflow_versions import settled  # noqa: PLC0415 - most applies change no schedule

    for row in tx.workflows():
        if row.table_id in table_ids:
            settled(tx, row, new_ulid)


def enabled_problems(table_ids: Collection[int], rows: Iterable[WorkflowRow]) -> list[MtctlError]:
    """Return an error for each table whose schedule would change while its workflow is enabled."""
    return [
        conflict(
            "workflow_enabled",
            f"the schedule of table {row.name!r} is enabled",
            where=row.file or "",
            fix=f"`mtctl workflow disable {row.name}` first, or leave --require-disabled out",
        )
        for row in rows
        if row.table_id in table_ids and row.state is WorkflowState.ENABLED
    ]


def name_problems(puts: Iterable[NewTable], rows: Iterable[WorkflowRow], gone: Collection[str]) -> list[MtctlError]:
    """Return an error for each table that would take the name of a workflow that stays."""
    taken = {row.name.lower(): row for row in rows if row.table_id is None and row.name not in gone}
    return [
        conflict(
            "workflow_exists",
            f"a workflow is named {put.definition.name!r}, and a table's schedule is a workflow of its name",
            where=put.file or taken[put.definition.name].file or "",
            fix="choose another name",
        )
        for put in puts
        if put.definition.name in taken
    ]


def orphan_problems(gone: Collection[str], rows: Iterable[WorkflowRow]) -> list[MtctlError]:
    """Return an error for each of these workflows that refreshes a table that goes."""
    found = []
    for row in rows:
        if row.table_id is not None:
            continue
        table = next((name for name in _refreshed(row) if name in gone), None)
        if table is not None:
            found.append(
                conflict(
                    "table_in_use",
                    f"table {table!r} is refreshed by workflow {row.name!r}",
                    where=row.file or "",
                    fix=f"take it out of {row.name!r} first",
                )
            )
    return found


def refuse_file(table: Table) -> None:
    """Refuse to change a table that a file defines; conflict `table_from_file`."""
    if table.origin is Origin.FILE:
        raise conflict(
            "table_from_file",
            f"table {table.definition.name!r} is defined in {table.file}",
            where=table.file or "",
            fix="change the file, then `mtctl apply`",
        )


def with_options(statement: TableStatement, options: Mapping[str, str | None]) -> TableStatement:
    """Return a statement with WITH options set, or taken away where the value is None."""
    from mtctl.core.statement import Option  # noqa: PLC0415 - only where somebody sets a schedule

    kept = [option for option in statement.options if option.key not in options]
    new = [Option(key=key, value=value, line=1, column=1) for key, value in options.items() if value is not None]
    return replace(statement, options=(*kept, *new))


def _differs(old: TableDefinition, new: TableDefinition) -> bool:
    return table_workflow(old) != table_workflow(new)


def _refreshed(row: WorkflowRow) -> Sequence[str]:
    return [task.spec.table for task in row.definition.tasks if hasattr(task.spec, "table")]
