"""Floor 3. What people do to workflows: create, edit, delete, enable, disable, and their tasks one by one.

Each verb is one transaction with an event that names who asked and why. What a file defines is changed in the file;
only enable and disable hold for every workflow.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import conflict
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.states import WorkflowState
from mtctl.core.values import replace
from mtctl.ports.workflows import Mark
from mtctl.services.reports.workflows import WorkflowChange
from mtctl.services.scheduler import Firing, begin
from mtctl.services.workflow_checking import Checker
from mtctl.services.workflow_naming import find_workflow
from mtctl.services.workflow_text import diff_lines, file_form
from mtctl.services.workflow_versions import Versions, again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.config import Project
    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, Tx, View
    from mtctl.ports.workflows import WorkflowRow

_STOPPED = Mark(last_fire_at=None, next_fire_at=None, due_at=None)


class WorkflowEdits:
    """The verbs that change workflows."""

    def __init__(self, project: Project, store: Store, clock: Clock, new_ulid: Callable[[], str]) -> None:
        """Keep the ports; `new_ulid` names what fires before a change."""
        self._store = store
        self._clock = clock
        self._new_ulid = new_ulid
        self._versions = Versions(new_ulid)
        self._checker = Checker(project)

    # --- whole workflows ----------------------------------------------------------------------------------------

    def create(self, form: dict[str, Any], *, label: str, actor: str) -> WorkflowChange:
        """Create a workflow from the keys of its file form; `label` says where they came from.

        Errors of the parser and the checks (INVALID), conflict `workflow_exists`.
        """
        definition = self._checker.parse(form, label)
        with self._store.write() as tx:
            _refuse_taken(tx, definition.name)
            notes = self._checker.check(tx, definition, label, tx.now)
            row = self._versions.create(tx, definition)
            tx.add_note(
                "workflow_create", actor=actor, workflow_id=row.workflow_id, workflow=row.name, version=row.version
            )
        return _change(row, "create", diff_lines(None, definition), notes)

    def check(self, form: dict[str, Any], *, label: str) -> WorkflowChange:
        """Return what `create` would do; nothing is written."""
        definition = self._checker.parse(form, label)
        with self._store.read() as view:
            _refuse_taken(view, definition.name)
            notes = self._checker.check(view, definition, label, self._clock.now())
        diff = diff_lines(None, definition)
        return WorkflowChange(workflow=definition.name, action="create", diff=diff, notes=notes)

    def form_of(self, name: str) -> tuple[dict[str, Any], int]:
        """Return the file form of a workflow that was made by command, and its version, for an editor."""
        with self._store.read() as view:
            row = find_workflow(view, name)
            _refuse_other_origin(view, row)
        return file_form(row.definition), row.version

    def edit(
        self,
        name: str,
        form: dict[str, Any],
        *,
        label: str,
        actor: str,
        version: int | None = None,
        reason: str = "",
    ) -> WorkflowChange:
        """Replace the definition of a workflow; with `version` only where that one is still in force."""
        return self.rewrite(
            name, lambda _: form, actor=actor, verb="workflow_edit", label=label, version=version, reason=reason
        )

    def rewrite(  # noqa: PLR0913 - the parts of one change, all named
        self,
        name: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        actor: str,
        verb: str,
        label: str = "",
        reason: str = "",
        version: int | None = None,
    ) -> WorkflowChange:
        """Change the file form of a workflow made by command; an equal definition changes nothing (action `none`)."""
        with self._store.write() as tx:
            row = find_workflow(tx, name)
            _refuse_other_origin(tx, row)
            if version is not None and row.version != version:
                raise conflict("workflow_changed", f"{row.name!r} was changed meanwhile", fix="edit it again")
            form = change(file_form(row.definition))
            definition = self._checker.parse({"name": row.name, **form}, label or row.name)
            if definition.name != row.name:
                _refuse_taken(tx, definition.name)
            notes = self._checker.check(tx, definition, label or row.name, tx.now)
            if definition == row.definition:
                return _change(row, "none", (), notes)
            after = self._versions.change(tx, row, definition)
            details = {"workflow_id": row.workflow_id, "workflow": after.name, "version": after.version}
            tx.add_note(verb, actor=actor, **details, **_because(reason))
        return _change(after, "change", diff_lines(row.definition, definition), notes)

    def delete(
        self, names: Sequence[str], *, cancel: bool, actor: str, reason: str = ""
    ) -> tuple[WorkflowChange, ...]:
        """Delete workflows made by command; refused while instances are open, unless they are to be cancelled."""
        found = []
        with self._store.write() as tx:
            for name in dict.fromkeys(names):
                row = find_workflow(tx, name)
                _refuse_other_origin(tx, row)
                _refuse_needed(tx, row, names)
                drop_workflow(tx, row, cancel=cancel, actor=actor, reason=reason)
                found.append(_change(row, "drop", (), ()))
        return tuple(found)

    # --- whether it fires ---------------------------------------------------------------------------------------

    def enable(
        self, names: Sequence[str], *, catchup: Misfire | None, actor: str, reason: str = ""
    ) -> tuple[WorkflowChange, ...]:
        """Let workflows fire; what was missed since comes back as their misfire policy says, or as `catchup` says.

        Who is enabled already stays as it is. Conflict `workflow_completed` where no fire is left.
        """
        found = []
        with self._store.write() as tx:
            for name in dict.fromkeys(names):
                row = find_workflow(tx, name)
                if row.state is WorkflowState.ENABLED:
                    found.append(_change(row, "none", (), ("enabled already",)))
                    continue
                after = self._enable(tx, row, catchup)
                details = {"workflow_id": row.workflow_id, "workflow": row.name}
                tx.add_note("workflow_enable", actor=actor, **details, **_because(reason))
                found.append(_change(after, "enable", (), ()))
        return tuple(found)

    def disable(self, names: Sequence[str], *, actor: str, reason: str = "") -> tuple[WorkflowChange, ...]:
        """Let workflows fire no more; what is due already fires first, and what runs runs on."""
        found = []
        with self._store.write() as tx:
            for name in dict.fromkeys(names):
                row = find_workflow(tx, name)
                if row.state is not WorkflowState.ENABLED:
                    found.append(_change(row, "none", (), (f"{row.state} already",)))
                    continue
                row = self._versions.settle(tx, row)
                mark = replace(_STOPPED, last_fire_at=row.last_fire_at)
                tx.set_workflow_state(row.workflow_id, WorkflowState.DISABLED, mark)
                details = {"workflow_id": row.workflow_id, "workflow": row.name}
                tx.add_note("workflow_disable", actor=actor, **details, **_because(reason))
                found.append(_change(again(tx, row), "disable", (), ()))
        return tuple(found)

    def _enable(self, tx: Tx, row: WorkflowRow, catchup: Misfire | None) -> WorkflowRow:
        schedule = row.definition.schedule
        mark = replace(_STOPPED, last_fire_at=row.last_fire_at)
        if schedule is not None:
            mark = replace(begin(row.definition, _handled(tx, row)), last_fire_at=row.last_fire_at)
            if mark.next_fire_at is None:
                raise conflict(
                    "workflow_completed", f"{row.name!r} has no fire left", fix="change its schedule or its end"
                )
        tx.set_workflow_state(row.workflow_id, WorkflowState.ENABLED, mark)
        after = again(tx, row)
        if mark.due_at is None or mark.due_at > tx.now:
            return after
        # What was missed while it was disabled comes back by the asked policy, by the one machinery that fires.
        Firing(tx, self._new_ulid).fire(_with_policy(after, catchup))
        return again(tx, row)


def drop_workflow(tx: Tx, row: WorkflowRow, *, cancel: bool, actor: str, reason: str = "") -> None:
    """Drop a workflow; conflict `workflow_busy` while instances of it are open, unless they are to be cancelled."""
    opened = tx.open_instances(row.workflow_id)
    if opened and not cancel:
        raise conflict(
            "workflow_busy",
            f"{row.name!r} has {len(opened)} open instance{'s' if len(opened) > 1 else ''}",
            fix=f"wait for {opened[0].ulid}, or add --cancel",
        )
    for one in opened:
        tx.request_cancel(one.instance_id)
    tx.drop_workflow(row.workflow_id)
    details = {"workflow_id": row.workflow_id, "workflow": row.name, "cancelled": len(opened)}
    tx.add_note("workflow_delete", actor=actor, **details, **_because(reason))


def _handled(view: View, row: WorkflowRow) -> Instant:
    """Return the instant up to which fires are dealt with: a schedule missed nothing before it was in force."""
    begun = row.created_at - 1
    for (_, older, _), (_, newer, since) in pairwise(view.workflow_versions(row.workflow_id)):
        if older.schedule != newer.schedule:
            begun = since
    return begun if row.last_fire_at is None else max(begun, row.last_fire_at)


def _with_policy(row: WorkflowRow, catchup: Misfire | None) -> WorkflowRow:
    if catchup is None:
        return row
    policy = row.definition.misfire or MisfirePolicy(kind=catchup)
    # A fire that is only a moment old was missed too: the person says what becomes of it.
    return replace(row, definition=replace(row.definition, misfire=replace(policy, kind=catchup, grace=0)))


def _refuse_taken(view: View, name: str) -> None:
    found = view.workflows([name])
    if not found:
        return
    row = found[0]
    whose = f"of table {row.definition.table!r}" if row.origin == "table" else f"in {row.file}" if row.file else ""
    raise conflict(
        "workflow_exists",
        f"workflow {name!r} exists{f' ({whose})' if whose else ''}",
        fix="choose another name" if whose else f"`mtctl workflow edit {name}` changes it",
    )


def _refuse_needed(view: View, row: WorkflowRow, going: Sequence[str]) -> None:
    """Refuse to delete what another workflow, one that stays, waits for."""
    for other in view.workflows():
        needs = {one.workflow for one in other.definition.depends_on}
        if row.name in needs and other.name not in going:
            raise conflict(
                "workflow_in_use",
                f"workflow {other.name!r} depends on {row.name!r}",
                where=other.file or "",
                fix=f"change {other.name!r} first",
            )


def _refuse_other_origin(view: View, row: WorkflowRow) -> None:
    """Refuse to change what a file or a table defines, naming it."""
    if row.origin == "file":
        raise conflict(
            "workflow_from_file",
            f"workflow {row.name!r} is defined in {row.file}",
            where=row.file or "",
            fix="change the file, then `mtctl apply`",
        )
    if row.origin == "table":
        tables = view.tables([row.definition.table or row.name])
        file = tables[0].file if tables else None
        raise conflict(
            "workflow_of_table",
            f"workflow {row.name!r} is the schedule of table {row.definition.table!r}",
            where=file or "",
            fix=f"change {file}, then `mtctl apply`" if file else f"`mtctl schedule set {row.name}` changes it",
        )


def _change(row: WorkflowRow, action: str, diff: tuple[str, ...], notes: tuple[str, ...]) -> WorkflowChange:
    return WorkflowChange(
        workflow=row.name,
        action=action,
        file=row.file,
        diff=diff,
        notes=notes,
        version=row.version,
        next_at=row.next_fire_at,
    )


def _because(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}
