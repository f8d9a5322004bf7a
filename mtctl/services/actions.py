"""Floor 3. Tasks that are not refreshes: a program, a request, exports, a script; and the condition of any task.

A task's texts are filled with its values in the way of each place: bound in SQL, percent-encoded in a URL, whole
arguments of a program. What a task may reach outside of the lake is the adapters' to judge.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mtctl.core import substitution
from mtctl.core.calendar import show
from mtctl.core.command_rules import INHERITED
from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.secret import is_reference
from mtctl.core.states import Outcome, Trigger
from mtctl.core.workflow import CommandSpec, HttpSpec, SqlSpec
from mtctl.core.workflow_json import task_of
from mtctl.core.workflow_variables import names_in, task_types, task_values
from mtctl.ports.actions import CommandRequest, HttpRequest
from mtctl.ports.engine import ExportRequest, ScriptRequest
from mtctl.services.pinned import pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.model import Source
    from mtctl.core.workflow import VariableType, WorkflowTask
    from mtctl.ports.actions import ActionResult, Actions
    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine, Progress, Relation
    from mtctl.ports.store import Store
    from mtctl.services.ending import Ended, Endings
    from mtctl.services.holder import Holder
    from mtctl.services.watch import Watch

LOGS = "logs"
"""The folder beside the state file with one log for each attempt of a program or request: `<attempt ulid>.log`."""


class Work(NamedTuple):
    """A claimed task as it was defined, and the values and types of the variables that it sees."""

    claimed: Claimed
    task: WorkflowTask
    values: Mapping[str, str]
    types: Mapping[str, VariableType]


class Actor:
    """Runs tasks of one dispatcher, one at a time."""

    def __init__(
        self, project: Project, store: Store, engine: Engine, actions: Actions, clock: Clock, endings: Endings
    ) -> None:
        """Keep the ports."""
        self._project = project
        self._store = store
        self._engine = engine
        self._actions = actions
        self._clock = clock
        self._endings = endings

    def run(self, claimed: Claimed, holder: Holder, watch: Watch, on_progress: Callable[[Progress], None]) -> Ended:
        """Take one claimed task to an outcome that is written down; the watch says when to stop."""
        began = self._clock.boottime()
        rows: int | None = None
        try:
            work = _work(claimed)
            match work.task.spec:
                case CommandSpec():
                    _settle(self._run_command(work, work.task.spec, holder, watch))
                case HttpSpec():
                    _settle(self._actions.http(self._http(work, work.task.spec), watch.stop))
                case SqlSpec():
                    rows = self._sql(work, work.task.spec, watch, on_progress)
                case _:
                    raise invalid("task_kind", f"{work.task.name} refreshes a table, which is not an action")
        except MtctlError as error:
            return self._endings.failed(claimed, error, holder, began)
        return self._endings.succeeded(claimed, began, rows)

    def unmet(self, claimed: Claimed, holder: Holder) -> Ended | None:
        """Return how a task ended that its condition kept from running: skipped, or failed where it cannot be told.

        None where the condition holds or there is none.
        """
        began = self._clock.boottime()
        try:
            work = _work(claimed)
            if work.task.when is None or self.condition(work.task.when, work):
                return None
        except MtctlError as error:
            return self._endings.failed(claimed, error, holder, began)
        return self._endings.unwanted(claimed, "its condition is false")

    def condition(self, query: str, work: Work) -> bool:
        """Return the one boolean that a SELECT gives; anything else is `condition_value` (INVALID)."""
        statement = substitution.sql(query, work.values, work.types)
        relations, sources = self._inputs(statement, work.claimed)
        result = self._engine.query(statement.text, relations, sources, self._zone(work), 2, statement.params)
        rows = [row for chunk in result.chunks for row in chunk]
        if result.types != ("BOOLEAN",):
            raise _no_condition(work, f"gives {', '.join(result.types)} instead of one BOOLEAN")
        if len(rows) != 1:
            raise _no_condition(work, "gives no row" if not rows else "gives more than one row")
        if rows[0][0] is None:
            raise _no_condition(work, "gives NULL")
        return rows[0][0] == "true"

    def _zone(self, work: Work) -> str:
        """Return the zone of the workflow that the task belongs to."""
        return str(work.claimed.spec.get("zone") or self._project.zone)

    # --- programs and requests ----------------------------------------------------------------------------------

    def _run_command(self, work: Work, spec: CommandSpec, holder: Holder, watch: Watch) -> ActionResult:
        """Run a program; while it runs its process group is in the books, so that it dies with a dead holder."""
        groups: list[int] = []

        def note(group: int, started: int) -> None:
            with self._store.write() as tx:
                tx.add_group(holder.holder_id, group, started)
            groups.append(group)

        try:
            return self._actions.command(self._command(work, spec), watch.stop, note)
        finally:
            # A row too many harms nobody: a group is killed only where its leader's start is the one written down.
            with suppress(MtctlError):
                self._forget(holder, groups)

    def _forget(self, holder: Holder, groups: Sequence[int]) -> None:
        if groups:
            with self._store.write() as tx:
                for group in groups:
                    tx.drop_group(holder.holder_id, group)

    def _command(self, work: Work, spec: CommandSpec) -> CommandRequest:
        values = work.values
        argv = spec.argv if spec.shell else tuple(substitution.argument(word, values) for word in spec.argv)
        given = tuple((name, substitution.argument(text, values)) for name, text in spec.env)
        return CommandRequest(
            argv=argv,
            shell=spec.shell,
            env=(*given, *self._told(work)),
            inherit=(*INHERITED, *spec.inherit),
            folder=self._folder(spec.folder),
            timeout=None,  # the watch looks at the task's time: one clock decides
            log=self._log(work),
            attempt=work.claimed.attempt_ulid,
            ok=spec.ok,
            transient=spec.transient,
        )

    def _told(self, work: Work) -> tuple[tuple[str, str], ...]:
        """Return what mtctl itself tells a program. The run key is the same in every try of the same work."""
        task = work.claimed.task
        with self._store.read() as view:
            instance = view.instances_by_id([task.instance_id])[task.instance_id]
        occasion = instance.ulid
        if instance.trigger is Trigger.SCHEDULE and instance.logical_date is not None:
            occasion = f"{instance.workflow}/{show(instance.logical_date, 'UTC')}"
        told = [
            ("MTCTL_RUN_KEY", f"{occasion}/{task.name}"),
            ("MTCTL_ATTEMPT", work.claimed.attempt_ulid),
            ("MTCTL_INSTANCE", instance.ulid),
            ("MTCTL_TASK", task.name),
        ]
        times = ("interval_start", "interval_end", "logical_date")
        return (*told, *((f"MTCTL_{name.upper()}", work.values[name]) for name in times if name in work.values))

    def _folder(self, folder: str | None) -> str:
        """Return the absolute folder to run in, which lies in the project wherever links lead."""
        root = self._project.root
        found = Path(root, folder or ".").resolve()
        if not found.is_relative_to(root.resolve()):
            what = f"the folder {folder!r} leads out of the project"
            raise invalid("command_folder", what, fix="name a folder inside the project")
        return str(found)

    def _http(self, work: Work, spec: HttpSpec) -> HttpRequest:
        headers = tuple((name, _header(name, text, work.values)) for name, text in spec.headers)
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        return HttpRequest(
            method=spec.method,
            url=substitution.address(spec.url, work.values),
            headers=headers,
            body=None if spec.body is None else substitution.body(spec.body, kind, work.values),
            ok=spec.ok,
            timeout=None,  # as above
            log=self._log(work),
        )

    def _log(self, work: Work) -> str:
        return str(self._project.state_folder / LOGS / f"{work.claimed.attempt_ulid}.log")

    # --- SQL ----------------------------------------------------------------------------------------------------

    def _sql(self, work: Work, spec: SqlSpec, watch: Watch, on_progress: Callable[[Progress], None]) -> int:
        """Write the exports one after the other, then run the script; return the rows of all of them."""
        rows = 0
        for item in spec.exports:
            statement = substitution.sql(item.query, work.values, work.types)
            relations, sources = self._inputs(statement, work.claimed)
            request = ExportRequest(
                query=statement.text,
                path=substitution.path(item.path, work.values),
                format=item.format,
                zone=self._zone(work),
                relations=relations,
                sources=sources,
                params=statement.params,
            )
            _check_going(watch)
            rows += self._engine.export(request, on_progress).rows
        if spec.script is not None and spec.database is not None:
            statement = substitution.sql(spec.script, work.values, work.types)
            _check_going(watch)
            request_of_script = ScriptRequest(
                script=statement.text,
                database=substitution.path(spec.database, work.values),
                zone=self._zone(work),
                params=statement.params,
            )
            rows += self._engine.script(request_of_script, on_progress).rows
        return rows

    def _inputs(self, statement: substitution.Sql, claimed: Claimed) -> tuple[tuple[Relation, ...], tuple[Source, ...]]:
        """Return what a query reads, tables as of the snapshot that the attempt pinned."""
        [parsed] = self._engine.parse([statement.text])
        if isinstance(parsed, MtctlError):
            raise parsed
        with self._store.read() as view:
            return pinned(
                self._project,
                view,
                parsed,
                claimed.snapshot_id,
                lambda: self._engine.sight(statement.text),
                statement.params,
            )


def _work(claimed: Claimed) -> Work:
    task = task_of(claimed.spec["task"])
    return Work(claimed=claimed, task=task, values=task_values(task, claimed.variables), types=task_types(task))


def _settle(result: ActionResult) -> None:
    """Raise what an action met with; trouble that may pass is the machine's, not the task's."""
    if result.outcome is Outcome.SUCCESS:
        return
    kind = Kind.ENGINE if result.transient else Kind.FAILED
    raise MtctlError(result.code, result.message, kind=kind, where=result.log or "")


def _check_going(watch: Watch) -> None:
    if watch.stop.is_set():
        raise MtctlError("cancelled", "cancelled", kind=Kind.FAILED)


def _header(name: str, text: str, values: Mapping[str, str]) -> str:
    """Return a header's value; no value of a variable may name a secret, nor a part of one's name."""
    filled = substitution.header(text, values)
    if is_reference(filled) and names_in(text):
        what = f"a variable in the header {name} would name a secret"
        raise invalid("variable_secret", what, fix="write the reference itself: env:NAME or file:PATH")
    return filled


def _no_condition(work: Work, why: str) -> MtctlError:
    fix = "write a SELECT that gives one row with one boolean, for example SELECT count(*) > 0 FROM t"
    return invalid("condition_value", f"the condition of {work.task.name} {why}", where="when", fix=fix)
