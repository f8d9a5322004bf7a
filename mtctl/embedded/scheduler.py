"""Floor 4. The scheduler object: Flink's verbs, each one a call of the service that the command of that name uses.

It belongs to the thread that opened it. Nothing runs by itself: `run_pending` does a round, and so does any daemon or
`mtctl tick` on the same project.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtctl.app import open_app
from mtctl.clock import SystemClock
from mtctl.core.errors import MtctlError, conflict, not_found, usage
from mtctl.core.health import Health
from mtctl.core.misfire import Misfire
from mtctl.core.names import printable
from mtctl.core.states import InstanceState, TaskState
from mtctl.core.ulid import ENTROPY_BYTES, ulid
from mtctl.embedded.handles import RefreshHandle, RefreshHandleSerializer
from mtctl.embedded.one_time import OneTimeRefreshes, RefreshAsked
from mtctl.embedded.options import ZONE, dialect_of, settings, table_name, task_form
from mtctl.embedded.requests import (
    CreateOneTimeRefreshWorkflow,
    CreatePeriodicRefreshWorkflow,
    DeleteRefreshWorkflow,
    ModifyRefreshWorkflowCronExpression,
    ResumeRefreshWorkflow,
    SuspendRefreshWorkflow,
)
from mtctl.embedded.states import OperationStatus, RefreshState, refresh_state, workflow_info
from mtctl.embedded.troubles import WorkflowError, failing
from mtctl.embedded.words import failed, known, taken, unsupported
from mtctl.services.instances import MOST_OPEN
from mtctl.services.people import user_name
from mtctl.services.reports.schedules import ScheduleArgs
from mtctl.services.sources import Sources
from mtctl.services.ticking import RoundReport
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Self

    from mtctl.app import App
    from mtctl.embedded.requests import CreateRefreshWorkflow, ModifyRefreshWorkflow
    from mtctl.embedded.states import WorkflowInfo
    from mtctl.ports.work import InstanceRow
    from mtctl.services.reports.health import HealthReport

CANCEL_SECONDS = 10.0
"""How long `cancel_refresh` waits for the truth about what another process runs."""

_QUIET = RoundReport(fired=0, skipped=0, done=0, failed=0, troubles=())


class WorkflowScheduler:
    """The workflows and refreshes of one project. Every method may raise `WorkflowError`."""

    def __init__(
        self,
        project: str | Path,
        *,
        defaults: Mapping[str, Any] | None = None,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        """Keep the project's folder; nothing is opened yet.

        `defaults` are keys of a workflow file for the workflows that are created (`queue`, `misfire`, `retries`).
        `notice` takes lines of warning, by default the logger `mtctl`.
        """
        self._project = Path(project)
        self._defaults = dict(defaults or {})
        self._notice = notice if notice is not None else logging.getLogger("mtctl").warning
        self._stack = ExitStack()
        self._opened: App | None = None
        self._thread = 0

    # --- opening and closing --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the project; an open scheduler stays as it is."""
        if self._opened is None:
            with failing():
                self._opened = self._stack.enter_context(open_app(self._project, self._notice))
            self._thread = threading.get_ident()

    def close(self) -> None:
        """Close whatever is open; workflows stay, and so do refreshes that have been asked for."""
        if self._opened is not None:
            self._check_thread()
            self.__dict__.pop("_refreshes", None)
            self._opened = None
            self._stack.close()

    def __enter__(self) -> Self:
        """Open the project."""
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def refresh_handle_serializer(self) -> RefreshHandleSerializer:
        """What turns handles into bytes and back."""
        return RefreshHandleSerializer()

    # --- workflows ------------------------------------------------------------------------------------------------

    def create_refresh_workflow(self, request: CreateRefreshWorkflow) -> RefreshHandle:
        """Create the workflow of a table, or ask for one refresh; errors as those of `mtctl workflow create`."""
        match request:
            case CreatePeriodicRefreshWorkflow():
                return self._create(request)
            case CreateOneTimeRefreshWorkflow():
                parts = (request.identifier, request.partitions, request.execution_config)
                with failing(f"Failed to create one-time refresh workflow for materialized table {parts[0]}."):
                    return self._ask(*parts, is_periodic=False, schedule_time=None)
        raise unsupported("create", request)

    def modify_refresh_workflow(self, request: ModifyRefreshWorkflow) -> None:
        """Suspend, resume or reschedule a workflow; one that is so already stays so."""
        match request:
            case SuspendRefreshWorkflow(handle):
                with failing(failed("suspend refresh workflow", handle)), known("suspend", handle):
                    self._app.workflows.edits.disable([handle.id], actor=user_name())
            case ResumeRefreshWorkflow(handle):
                with failing(failed("resume refresh workflow", handle)), known("resume", handle):
                    self._resume(request)
            case ModifyRefreshWorkflowCronExpression(handle, cron):
                with failing(failed("modify refresh workflow freshness for", handle)), known("modify", handle):
                    args = ScheduleArgs(cron=cron, dialect=dialect_of(cron))
                    self._warn(self._app.workflows.schedules.set(handle.id, args, actor=user_name()).warnings)
            case _:
                raise unsupported("modify", request)

    def delete_refresh_workflow(self, request: DeleteRefreshWorkflow) -> None:
        """Delete a workflow and cancel what is open of it; deleting what is gone succeeds."""
        if not isinstance(request, DeleteRefreshWorkflow):
            raise unsupported("delete", request)
        handle = request.handle
        with failing(failed("delete refresh workflow", handle)):
            try:
                if handle.is_instance:
                    self._app.operator.instances.cancel([handle.id])
                else:
                    self._app.workflows.edits.delete([handle.id], cancel=True, actor=user_name())
            except MtctlError as error:
                if error.code not in {"workflow_unknown", "instance_unknown"}:
                    raise

    def workflows(self) -> tuple[WorkflowInfo, ...]:
        """Return all workflows by name, also those of files, commands and of tables that have a schedule."""
        with failing():
            return tuple(workflow_info(line.row, line.last) for line in self._app.workflows.looks.lines())

    def workflow_info(self, handle: RefreshHandle) -> WorkflowInfo:
        """Return one workflow; with the handle of a refresh the workflow that it belongs to."""
        with failing():
            name = self._instance(handle).workflow if handle.is_instance else handle.id
            detail = self._app.workflows.looks.detail(name or "")
            return workflow_info(detail.row, detail.instances[0] if detail.instances else None)

    # --- refreshes ------------------------------------------------------------------------------------------------

    def refresh_materialized_table(
        self,
        identifier: str,
        *,
        partitions: Mapping[str, str] | None = None,
        is_periodic: bool = False,
        schedule_time: str | None = None,
        execution_config: Mapping[str, str] | None = None,
    ) -> RefreshHandle:
        """Ask for an overwrite of a table and return at once.

        One-time: of the partitions with these values, else of all that is wanted; `schedule_time` does not count.
        Periodic: of what has become due at `schedule_time` (`yyyy-MM-dd HH:mm:ss`, the table's zone); `partitions` do
        not count. A suspended workflow makes no difference. Of `execution_config`, `refresh.condition` is a SELECT
        giving one boolean (false: nothing is done), `refresh.max.records` the most rows; options without a meaning
        here are kept and named in a warning.
        """
        with failing():
            return self._ask(
                identifier,
                partitions or {},
                execution_config or {},
                is_periodic=is_periodic,
                schedule_time=schedule_time,
            )

    def refresh_status(self, handle: RefreshHandle) -> RefreshState:
        """Return how a refresh is; with the handle of a workflow how its newest one is."""
        with failing():
            found = self._instance(handle).ulid if handle.is_instance else self._newest(handle)
            if found is None:
                return RefreshState(status=OperationStatus.INITIALIZED)
            return refresh_state(self._app.instance(found), SystemClock().now())

    def cancel_refresh(self, handle: RefreshHandle, *, wait_seconds: float = CANCEL_SECONDS) -> bool:
        """Stop a refresh, or all open ones of a workflow; True only where that left every row as it was.

        False: something of it had been published, or there was nothing to stop, or whoever runs it has not answered
        within `wait_seconds` (the request stands).
        """
        with failing():
            ids = [self._instance(handle).ulid] if handle.is_instance else self._open(handle)
            if not ids:
                return False
            self._app.operator.instances.cancel(ids, reason="asked by the program", wait_seconds=wait_seconds)
            return all(_is_untouched(self._app.instance(one).instance) for one in ids)

    # --- health and work ------------------------------------------------------------------------------------------

    def health(self) -> HealthReport:
        """Return what stands still (`troubles`), and of tables and workflows total, healthy, failed, late, ratio."""
        with failing():
            return self._app.operator.pulses.health()

    def is_healthy(self, identifier: str | None = None) -> bool:
        """Return whether the project makes progress; with a table's name whether that table is fresh."""
        if identifier is None:
            return self.health().healthy
        with failing():
            name = table_name(identifier, self._app.project.name)
            return self._app.status([name.table]).tables[0].health is Health.FRESH

    def apply(self) -> tuple[str, ...]:
        """Put the project's files in force, all or nothing; return the tables and workflows that changed."""
        with failing():
            done = self._app.apply(self._app.plan(prune=False, rebuild=()))
        tables = [change.table for change in done.changes if change.action not in {"none", "vanished"}]
        return (*tables, *(one.workflow for one in done.workflows if one.action not in {"none", "vanished"}))

    def run_pending(self, max_seconds: float | None = None) -> RoundReport:
        """Do one round in this thread: fire what is due, run what is ready until nothing is, or the time is up.

        What runs when the time is up is given back and costs no try. A round with nothing to do takes milliseconds.
        """
        with failing():
            report = self._app.tick(max_seconds, lambda _: None)
            if report is not None and report.interrupted:  # an app that was stopped claims nothing more
                self.close()
                self.open()
        return report if report is not None else _QUIET

    # --- parts ----------------------------------------------------------------------------------------------------

    @property
    def _app(self) -> App:
        if self._opened is None:
            raise conflict("scheduler_closed", "the scheduler is not open", fix="call open() first, or use `with`")
        self._check_thread()
        return self._opened

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            error = usage("scheduler_thread", "the scheduler belongs to another thread", fix="open one for each thread")
            raise WorkflowError(error.what, error)

    def _create(self, request: CreatePeriodicRefreshWorkflow) -> RefreshHandle:
        with failing(f"Failed to create periodic refresh workflow for materialized table {request.identifier}."):
            name = table_name(request.identifier, self._app.project.name)
            table = self._app.show(name.table)
            zone = request.time_zone or request.init_config.get(ZONE) or table.zone
            handle = RefreshHandle(f"{name.table}.refresh")
            form: dict[str, Any] = {
                "name": handle.id,
                "comment": request.description or None,
                "schedule": request.cron,
                "dialect": dialect_of(request.cron),
                "time_zone": zone,
                "settings": settings(request.init_config, request.execution_config) or None,
                "tasks": [task_form(name.table, request.execution_config)],
            }
            form = self._defaults | {key: value for key, value in form.items() if value is not None}
            try:
                change = self._app.workflows.edits.create(form, label=handle.id, actor=user_name())
            except MtctlError as error:
                if error.code != "workflow_exists":
                    raise
                raise taken(name, handle) from error
            self._warn(change.notes)
            if table.status.schedule is not None:
                self._warn([f"table {name.table} has a schedule of its own ({table.status.schedule}): both fire"])
            return handle

    def _resume(self, request: ResumeRefreshWorkflow) -> None:
        """Take over new dynamic options, where there are some, then let it fire: a bad option resumes nothing."""
        handle, options = request.handle, settings(request.dynamic_options)
        catchup = _catchup(request.catchup)
        if options:

            def change(form: dict[str, Any]) -> dict[str, Any]:
                return {**form, "tasks": [{**task, "settings": options} for task in form["tasks"]]}

            edits = self._app.workflows.edits
            done = edits.rewrite(handle.id, change, actor=user_name(), verb="workflow_edit", reason="dynamic options")
            self._warn(done.notes)
        self._app.workflows.edits.enable([handle.id], catchup=catchup, actor=user_name())

    def _ask(
        self,
        identifier: str,
        partitions: Mapping[str, str],
        execution: Mapping[str, str],
        *,
        is_periodic: bool,
        schedule_time: str | None,
    ) -> RefreshHandle:
        name = table_name(identifier, self._app.project.name)
        kept = settings(execution)
        asked = RefreshAsked(
            table=name.table,
            full_name=name.full,
            partitions=partitions,
            is_periodic=is_periodic,
            schedule_time=schedule_time,
            task=task_form(name.table, execution) | ({"settings": kept} if kept else {}),
        )
        ulid, ignored = self._refreshes.ask(asked)
        self._warn([f"the option '{option}' is kept and has no effect here" for option in ignored])
        return RefreshHandle(ulid)

    @cached_property
    def _refreshes(self) -> OneTimeRefreshes:
        project, clock = self._app.project, SystemClock()
        store = open_store(project.state_file, clock)
        self._stack.callback(store.close)
        look = Sources(project, store).look
        return OneTimeRefreshes(store, lambda: ulid(clock.now(), os.urandom(ENTROPY_BYTES)), look, user_name())

    def _instance(self, handle: RefreshHandle) -> InstanceRow:
        try:
            return self._app.instance(handle.id).instance
        except MtctlError as error:
            what = f"Can not find the submitted operation in the OperationManager with the {handle}."
            raise not_found(error.code, what, fix=error.fix) from error

    def _newest(self, handle: RefreshHandle) -> str | None:
        found = self._app.workflows.looks.history(handle.id, 1).instances
        return found[0].ulid if found else None

    def _open(self, handle: RefreshHandle) -> list[str]:
        self._newest(handle)  # an unknown workflow is an error, not an empty answer
        states = (InstanceState.PENDING, InstanceState.RUNNING, InstanceState.SUSPENDED)
        found = (self._app.instances(limit=MOST_OPEN, state=one, table=None, workflow=handle.id) for one in states)
        return [row.ulid for rows in found for row in rows]

    def _warn(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._notice(line)


def _catchup(word: str | None) -> Misfire | None:
    if word is None or word in set(Misfire):
        return None if word is None else Misfire(word)
    raise usage("catchup", f"'{printable(word[:80])}' does not say what is caught up", fix="write all, latest or none")


def _is_untouched(row: InstanceRow) -> bool:
    """Return whether an instance was cancelled before any task of it had done something."""
    return row.state is InstanceState.CANCELLED and not any(state is TaskState.SUCCESS for state, _ in row.tasks)
