"""Floor 3. The workflow files' part of plan and apply.

What would be written is computed beside the tables' part and goes in with it, in one transaction or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, conflict
from mtctl.core.states import WorkflowState
from mtctl.core.values import replace
from mtctl.services.reports.workflows import WorkflowChange
from mtctl.services.workflow_checking import Checker
from mtctl.services.workflow_edits import drop_workflow
from mtctl.services.workflow_files import scan_workflows
from mtctl.services.workflow_naming import file_of
from mtctl.services.workflow_text import diff_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.core.workflow_checks import Verdict
    from mtctl.ports.store import Tx, View
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.workflow_files import WorkflowFile
    from mtctl.services.workflow_versions import Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowWork:
    """What a plan would write of workflows: files with the id of what they change (None: new), ids to drop, touches."""

    puts: tuple[tuple[WorkflowFile, int | None], ...] = ()
    drops: tuple[int, ...] = ()
    touches: tuple[tuple[WorkflowFile, int], ...] = ()
    versions: tuple[tuple[int, int], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write, not even the mark of a file."""
        return not (self.puts or self.drops or self.touches)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPlan:
    """The workflows' part of a plan: its work, the changes to show, and the errors that stop it."""

    work: WorkflowWork
    changes: tuple[WorkflowChange, ...]
    problems: tuple[MtctlError, ...]

    @property
    def pending(self) -> bool:
        """Whether anything would change."""
        return bool(self.work.puts or self.work.drops)


def plan_workflows(
    project: Project,
    view: View,
    *,
    tables: Mapping[str, TableDefinition],
    now: Instant,
    prune: bool,
    require_disabled: bool,
) -> WorkflowPlan:
    """Return what would become of the workflow files; `tables` are those that are in force after the plan."""
    scan = scan_workflows(project)
    names = {file.definition.name for file in scan.files}
    planning = _Planning(view, names, prune=prune, require_disabled=require_disabled)
    judge = Checker(project).judge(
        tables,
        [queue.name for queue in view.queues()],
        {*planning.in_force, *names},
        now,
    )
    for file in scan.files:
        planning.add(file, judge(file.definition, file.file))
    unread = {file_of(error, project.root) for error in scan.problems}
    planning.vanished(unread)
    changes = sorted(planning.changes, key=lambda change: change.workflow)
    return WorkflowPlan(work=planning.work(), changes=tuple(changes), problems=(*scan.problems, *planning.problems))


def drop_workflows(tx: Tx, work: WorkflowWork, *, actor: str) -> None:
    """Drop what a plan drops, before anything takes a name.

    Conflict `plan_outdated` where somebody changed a workflow in between.
    """
    if work.is_empty:
        return
    rows = {row.workflow_id: row for row in tx.workflows()}
    if _versions(rows.values()) != work.versions:
        raise conflict("plan_outdated", "workflows changed while planning", fix="run it again")
    for workflow_id in work.drops:
        drop_workflow(tx, rows[workflow_id], cancel=True, actor=actor, reason="its file is gone")


def put_workflows(tx: Tx, work: WorkflowWork, versions: Versions, *, actor: str) -> None:
    """Put in force what a plan puts in force; `drop_workflows` went before it in the same transaction."""
    rows = {row.workflow_id: row for row in tx.workflows()} if work.puts else {}
    # Names become free before they are taken: what is renamed goes first.
    for file, workflow_id in sorted(work.puts, key=lambda put: put[1] is None):
        if workflow_id is None:
            row = versions.create(tx, file.definition, file=file)
        else:
            row = versions.change(tx, rows[workflow_id], file.definition, file=file)
        verb = "workflow_create" if workflow_id is None else "workflow_edit"
        tx.add_note(verb, actor=actor, workflow_id=row.workflow_id, workflow=row.name, version=row.version)
    for file, workflow_id in work.touches:
        tx.touch_workflow_file(
            workflow_id, file=file.file, sha256=file.mark, size=file.size, mtime_ns=file.mtime_ns
        )


class _Planning:
    """One plan on its way."""

    def __init__(self, view: View, defined: Collection[str], *, prune: bool, require_disabled: bool) -> None:
        self._defined = defined
        self._rows = {row.name: row for row in view.workflows()}
        self._applied = view.applied_workflow_files()
        self._by_id = {row.workflow_id: row for row in self._rows.values()}
        self._prune = prune
        self._strict = require_disabled
        self._puts: list[tuple[WorkflowFile, int | None]] = []
        self._drops: list[int] = []
        self._touches: list[tuple[WorkflowFile, int]] = []
        self._kept: set[int] = set()
        self.changes: list[WorkflowChange] = []
        self.problems: list[MtctlError] = []

    @property
    def in_force(self) -> frozenset[str]:
        """The names of the workflows that stay in force."""
        gone = {name for name, row in self._rows.items() if row.origin == "file" and name not in self._defined}
        return frozenset(self._rows) - (gone if self._prune else frozenset())

    def add(self, file: WorkflowFile, verdict: Verdict) -> None:
        """Plan one file."""
        self.problems += verdict.errors
        definition = file.definition
        row = self._rows.get(definition.name) or self._renamed(file)
        if row is not None and row.origin != "file":
            self.problems.append(_taken(row, file))
            return
        if row is None:
            self._puts.append((file, None))
            diff = diff_lines(None, definition)
            self._tell(definition, "create", file, diff, verdict.warnings)
            return
        self._kept.add(row.workflow_id)
        if definition == row.definition:
            if self._is_new_mark(file, row):
                self._touches.append((file, row.workflow_id))
            self._tell(definition, "none", file, (), ())
            return
        if self._strict and row.state is WorkflowState.ENABLED:
            self.problems.append(enabled(row.name, file.file))
        self._puts.append((file, row.workflow_id))
        self._tell(definition, "change", file, diff_lines(row.definition, definition), verdict.warnings)

    def vanished(self, unread: Collection[str]) -> None:
        """Plan for the workflows whose file is gone; those of files that could not be read stay out."""
        for row in self._rows.values():
            if row.origin != "file" or row.workflow_id in self._kept or row.file in unread:
                continue
            if self._prune:
                if self._strict and row.state is WorkflowState.ENABLED:
                    self.problems.append(enabled(row.name, row.file or ""))
                self._drops.append(row.workflow_id)
                change = WorkflowChange(workflow=row.name, action="drop", file=row.file)
            else:
                change = WorkflowChange(workflow=row.name, action="vanished", file=row.file)
            self.changes.append(change)

    def work(self) -> WorkflowWork:
        """Return what is to be written."""
        return WorkflowWork(
            puts=tuple(self._puts),
            drops=tuple(self._drops),
            touches=tuple(self._touches),
            versions=_versions(self._rows.values()),
        )

    def _renamed(self, file: WorkflowFile) -> WorkflowRow | None:
        """Return the workflow that the same file defined under another name: it keeps its history and its mark."""
        known = self._applied.get(file.file)
        row = self._by_id.get(known[0]) if known is not None else None
        return None if row is None or row.name in self._defined else row

    def _is_new_mark(self, file: WorkflowFile, row: WorkflowRow) -> bool:
        known = self._applied.get(file.file)
        return known != (row.workflow_id, file.mark, file.size, file.mtime_ns)

    def _tell(
        self,
        definition: WorkflowDefinition,
        action: str,
        file: WorkflowFile,
        diff: tuple[str, ...],
        notes: Sequence[str],
    ) -> None:
        change = WorkflowChange(workflow=definition.name, action=action, file=file.file, diff=diff)
        self.changes.append(replace(change, notes=tuple(notes)))


def _versions(rows: Collection[WorkflowRow]) -> tuple[tuple[int, int], ...]:
    """Return what must not have changed between plan and apply: the workflows that are not tables' own."""
    return tuple(sorted((row.workflow_id, row.version) for row in rows if row.definition.table is None))


def _taken(row: WorkflowRow, file: WorkflowFile) -> MtctlError:
    whose = f"belongs to table {row.definition.table!r}" if row.origin == "table" else "was made on the command line"
    fix = (
        "choose another name"
        if row.origin == "table"
        else f"delete it (`mtctl workflow delete {row.name}`) or choose another name"
    )
    return conflict("workflow_exists", f"workflow {row.name!r} {whose}", where=file.file, fix=fix)


def enabled(name: str, file: str) -> MtctlError:
    """Return the error of a change to what is enabled, where that is not wanted."""
    return conflict(
        "workflow_enabled",
        f"workflow {name!r} is enabled",
        where=file,
        fix=f"`mtctl workflow disable {name}` first, or leave --require-disabled out",
    )
