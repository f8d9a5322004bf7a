"""Floor 3. What there is to see of workflows: the list, one in full, its history, its graph, whether it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.schedule import data_interval
from mtctl.core.workflow_graph import graph
from mtctl.core.workflow_variables import resolve
from mtctl.services.reports.workflows import (
    CheckedWorkflow,
    WorkflowDetail,
    WorkflowHistory,
    WorkflowLine,
)
from mtctl.services.schedules import fire_times
from mtctl.services.workflow_checking import Checker
from mtctl.services.workflow_files import scan_workflows
from mtctl.services.workflow_naming import file_of, find_workflow, unknown_workflow
from mtctl.services.workflow_text import file_form, toml_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, View
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import WorkflowRow

FIRES = 5
"""How many fires to come a detail shows."""

SHOWN = 10
"""How many instances a detail shows."""


class Workflows:
    """Reads for people and dashboards."""

    def __init__(self, project: Project, store: Store, clock: Clock) -> None:
        """Keep the ports."""
        self._project = project
        self._store = store
        self._clock = clock
        self._checker = Checker(project)

    def lines(self, *, tables: bool = True) -> tuple[WorkflowLine, ...]:
        """Return all workflows by name with their instances by state; without `tables` not those of tables.

        A table without a schedule has nothing that could run by itself: it is left out.
        """
        with self._store.read() as view:
            rows = [row for row in view.workflows(counts=True) if _is_listed(row, tables=tables)]
            return tuple(WorkflowLine(row=row, last=_last(view, row)) for row in rows)

    def detail(self, name: str) -> WorkflowDetail:
        """Return everything about one workflow."""
        now = self._clock.now()
        with self._store.read() as view:
            row = find_workflow(view, name, counts=True)
            instances, skipped = view.history(row.workflow_id, SHOWN)
            versions = view.workflow_versions(row.workflow_id)
        schedule = row.definition.schedule
        values, trouble = _variables(row, now)
        return WorkflowDetail(
            row=row,
            text=toml_text(file_form(row.definition)),
            versions=tuple((version, at) for version, _, at in versions),
            fires=fire_times(schedule, now, FIRES) if schedule is not None else (),
            instances=tuple(instances),
            skipped=tuple(skipped),
            variables=tuple(sorted(values.items())),
            variables_error=trouble,
        )

    def history(self, name: str, limit: int) -> WorkflowHistory:
        """Return the newest instances of a workflow and its newest skipped fires."""
        with self._store.read() as view:
            row = find_workflow(view, name)
            instances, skipped = view.history(row.workflow_id, limit)
        return WorkflowHistory(workflow=row.name, instances=tuple(instances), skipped=tuple(skipped))

    def graph(self, name: str, form: str) -> str:
        """Return the plan tree of a workflow as text, or as dot or mermaid."""
        with self._store.read() as view:
            row = find_workflow(view, name)
            lineage = {
                table.definition.name: frozenset(read.table for read in table.definition.reads)
                for table in view.tables()
            }
        return graph(row.definition, lineage, form)

    def validate(self, targets: Sequence[str]) -> tuple[CheckedWorkflow, ...]:
        """Check workflow files, or the named ones: files, workflows in force, or all files."""
        with self._store.read() as view:
            rows = {row.name: row for row in view.workflows()}
            scan = scan_workflows(self._project)
            judge = self._checker.among(view, [file.definition for file in scan.files], self._clock.now(), drafts=True)
        found = []
        for file in scan.files:
            errors, warnings = judge(file.definition, file.file)
            found.append(_checked(file.definition.name, file.file, errors, warnings))
        for error in scan.problems:
            file_ = file_of(error, self._project.root)
            found.append(_checked(file_, file_, (error,), ()))
        if not targets:
            return tuple(found)
        chosen = []
        for target in targets:
            hits = [one for one in found if target in {one.workflow, one.file}]
            if not hits and target in rows:
                errors, warnings = judge(rows[target].definition, target)
                hits = [_checked(target, None, errors, warnings)]
            if not hits:
                raise unknown_workflow(target, {*rows, *(one.workflow for one in found)})
            chosen += hits
        return tuple(chosen)

    def validate_text(self, form: Mapping[str, object], label: str) -> CheckedWorkflow:
        """Check the keys of one workflow that is not in a file of the project."""
        try:
            definition = self._checker.parse(form, label)
        except MtctlError as error:
            return _checked(label, label, (error,), ())
        with self._store.read() as view:
            judge = self._checker.among(view, [definition], self._clock.now(), drafts=True)
        errors, warnings = judge(definition, label)
        return _checked(definition.name, label, errors, warnings)


def _is_listed(row: WorkflowRow, *, tables: bool) -> bool:
    return row.definition.table is None or (tables and row.definition.schedule is not None)


def _variables(row: WorkflowRow, now: Instant) -> tuple[dict[str, str], str]:
    """Return the values for the next fire, or for now where none comes, and why there are none."""
    schedule = row.definition.schedule
    fire = row.next_fire_at if row.next_fire_at is not None else now
    begin = row.last_fire_at
    if begin is None or begin >= fire:
        begin = data_interval(schedule, fire)[0] if schedule is not None else fire
    try:
        found = resolve(
            row.definition.variables, (), fire=fire, logical_date=begin, zone=row.definition.zone, params={}
        )
    except MtctlError as error:
        return {}, str(error)
    return found, ""


def _last(view: View, row: WorkflowRow) -> InstanceRow | None:
    if not row.counts:
        return None
    instances, _ = view.history(row.workflow_id, 1)
    return instances[0] if instances else None


def _checked(
    workflow: str, file: str | None, errors: tuple[MtctlError, ...], warnings: tuple[str, ...]
) -> CheckedWorkflow:
    return CheckedWorkflow(workflow=workflow, file=file, errors=errors, warnings=warnings)
