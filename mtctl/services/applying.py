"""Floor 3. Writes a plan: tables and workflows in one transaction, in the one order that works.

What is due of a schedule that changes fires first, by the version in force. Then names become free, then tables are put
in force, then the workflows that refresh them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.errors import conflict
from mtctl.services.table_schedules import rescheduled, settle_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.ports.changes import NewTable
    from mtctl.ports.store import Tx
    from mtctl.services.files import TableFile
    from mtctl.services.workflow_plan import WorkflowWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a plan would write, and the versions it was computed from.

    `workflows` None where there are no files; `note` writes the event of a person's verb.
    """

    puts: tuple[NewTable, ...]
    drops: tuple[int, ...]
    touches: tuple[tuple[int, TableFile], ...]
    versions: tuple[tuple[int, int], ...]
    workflows: WorkflowWork | None = None
    note: Callable[[Tx], None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write, not even the mark of a file."""
        return not (self.puts or self.drops or self.touches or (self.workflows and not self.workflows.is_empty))


def write_plan(tx: Tx, work: Work, new_ulid: Callable[[], str]) -> None:
    """Write all of a plan; conflict `plan_outdated` where somebody changed something since it was made."""
    tables = tx.tables()
    if tuple(sorted((table.table_id, table.version_id) for table in tables)) != work.versions:
        raise conflict("plan_outdated", "definitions changed while planning", fix="run it again")
    in_force = {table.table_id: table.definition for table in tables}
    settle_tables(tx, rescheduled(work.puts, in_force), new_ulid)
    if work.note is not None:
        work.note(tx)
    if work.workflows is None:
        _write_tables(tx, work)
        return
    from mtctl.services.people import user_name  # noqa: PLC0415 - most projects have no workflow files
    from mtctl.services.workflow_plan import drop_workflows, put_workflows  # noqa: PLC0415 - the same
    from mtctl.services.workflow_versions import Versions  # noqa: PLC0415 - the same

    drop_workflows(tx, work.workflows, actor=user_name())
    _write_tables(tx, work)
    put_workflows(tx, work.workflows, Versions(new_ulid), actor=user_name())


def _write_tables(tx: Tx, work: Work) -> None:
    if work.drops:
        tx.drop_tables(work.drops)
    if work.puts:
        tx.put_tables(work.puts)
    for table_id, file in work.touches:
        tx.touch_file(table_id, file=file.file, sha256=file.mark, size=file.size, mtime_ns=file.mtime_ns)
