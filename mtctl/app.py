"""Roof. Builds everything once: the only module that knows services and adapters alike.

What a command does not need is not imported: `status` never starts an engine, and no process but the runner ever
imports duckdb.
"""

from __future__ import annotations

import _thread
import threading
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.clock import SystemClock
from mtctl.config import find_root, load_project
from mtctl.core.errors import MtctlError, not_found
from mtctl.offices import Offices
from mtctl.own import Own
from mtctl.services.moving import settle_path
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from mtctl.config import Project
    from mtctl.core.model import Instant
    from mtctl.keeping import Keeper
    from mtctl.ports.backup import Copy
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import QueryResult
    from mtctl.ports.store import Store
    from mtctl.ports.work import InstanceRow
    from mtctl.services.board import Boards
    from mtctl.services.daemon import Daemon, DaemonReport
    from mtctl.services.doctor import Doctor
    from mtctl.services.lake_verbs import LakeVerbs
    from mtctl.services.operator_verbs import OperatorVerbs
    from mtctl.services.reports.changes import Applied, ApplyPlan, Created
    from mtctl.services.reports.details import PartitionRow, TableDetail
    from mtctl.services.reports.instances import InstanceDetail
    from mtctl.services.reports.refreshing import RefreshArgs, RefreshReport
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.reports.tables import Status
    from mtctl.services.reports.upkeep import GcReport, VerifyReport
    from mtctl.services.ticking import RoundReport
    from mtctl.services.workflow_verbs import WorkflowVerbs


class App:
    """One project, opened: the verbs of all services, each over parts that are built at their first use."""

    def __init__(self, project: Project, notice: Callable[[str], None], clock: Clock | None = None) -> None:
        """Open the state file of a project; `notice` takes lines for stderr, `clock` is the system's unless given."""
        self.project = project
        self._notice = notice
        self._stack = ExitStack()
        self._clock: Clock = clock or SystemClock()
        self._stop = threading.Event()
        self._store: Store = open_store(project.state_file, self._clock)
        self._stack.callback(self._store.close)
        self._stack.callback(self._share)
        self._own = Own(self._store, lambda: self._offices.parts, self._stop, self._stack)
        self._offices = self._new_offices()
        settle_path(project, self._store)

    def _new_offices(self) -> Offices:
        return Offices(
            project=self.project,
            store=self._store,
            clock=self._clock,
            own=self._own,
            stop=self._stop,
            notice=self._notice,
        )

    def __enter__(self) -> Self:
        """Return the app itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close whatever was opened, the last first."""
        self._stack.close()

    def _share(self) -> None:
        """Bring the shared copy of the catalog up to date, or take it away; its trouble fails no command."""
        if not self.project.share and not (self.project.state_folder / "shared").exists():
            return
        from mtctl.services.sharing import settle  # noqa: PLC0415 - few projects share

        try:
            settle(self.project, self._store, self._offices.lake_files, even_if_new=True)
        except (MtctlError, OSError) as error:
            self._notice(f"the catalog is not shared: {error}")

    @property
    def patience(self) -> int:
        """How many signals ask the work to end before one ends the process hard: a daemon drains, then aborts."""
        return 1 if self._serving is None else 2

    def interrupt(self) -> None:
        """Stop what runs: the query is interrupted, nothing more is claimed. Callable from a signal handler.

        A handler runs in the midst of the main thread, which may hold the very lock that setting an event takes. So
        another thread does it, and a bare one: `threading` takes locks of its own to start one.
        """
        _thread.start_new_thread(self._interrupt, ())

    @property
    def _serving(self) -> Daemon | None:
        keeper: Keeper | None = self.__dict__.get("_keeper")
        return keeper.daemon if keeper is not None else None

    def wait_for_sources(self, seconds: float) -> None:
        """Let what this process runs itself wait so long for a source that somebody else has open."""
        self._own.wait_for_sources(seconds)

    def _interrupt(self) -> None:
        if self._serving is not None:
            self._serving.stop()
            return
        self._stop.set()
        self._own.stop()

    # --- definitions --------------------------------------------------------------------------------------------

    def plan(self, *, prune: bool, rebuild: Sequence[str], require_disabled: bool = False) -> ApplyPlan:
        """Return what `apply` would do."""
        return self._offices.tables.plan(prune=prune, rebuild=rebuild, require_disabled=require_disabled)

    def apply(self, plan: ApplyPlan) -> Applied:
        """Write a plan, all of it or nothing."""
        return self._offices.tables.apply(plan)

    def create_table(self, text: str, label: str) -> Applied:
        """Create a table from one statement."""
        return self._offices.tables.create(text, label)

    def drop_tables(self, names: Sequence[str], *, if_exists: bool = False) -> Applied:
        """Drop tables."""
        return self._offices.tables.drop(names, if_exists=if_exists)

    def validate(self, targets: Sequence[str]) -> ApplyPlan:
        """Check definition files without writing."""
        return self._offices.tables.validate(targets)

    # --- refreshing ---------------------------------------------------------------------------------------------

    def refresh(self, args: RefreshArgs, on_event: Callable[[TaskEvent], None]) -> RefreshReport:
        """Refresh the selected tables."""
        return self._offices.refresher.refresh(args, on_event)

    def up_once(self, on_event: Callable[[TaskEvent], None], *, apply: bool) -> tuple[Applied | None, RefreshReport]:
        """Apply the files, fire what is due and refresh what is wanted, until nothing is due any more."""
        applied = self.apply(self.plan(prune=False, rebuild=())) if apply else None
        self._offices.scheduler.tick()
        report = self._offices.refresher.up_once(on_event)
        while not report.interrupted and self._offices.scheduler.tick().made:
            report = report.joined(self._offices.refresher.up_once(on_event))
        return applied, report

    # --- keeping going ------------------------------------------------------------------------------------------

    def tick(self, max_seconds: float | None, on_event: Callable[[TaskEvent], None]) -> RoundReport | None:
        """Do one bounded round: fire what is due, run what is ready; None where there was nothing to do."""
        return self._keeper.tick(max_seconds, on_event)

    def serve(self, workers: int, *, reapply: bool, fill: bool, on_event: Callable[[TaskEvent], None]) -> DaemonReport:
        """Keep the project going until stopped; `fill` first asks for what is wanted, `reapply` follows SIGHUP."""
        if fill:
            self._offices.refresher.request_all()
        self._own.close_engine()
        return self._keeper.serve(
            workers, on_event, lambda: self._read_anew(reapply=reapply), stopped=self._stop.is_set
        )

    def reload(self) -> None:
        """Let a daemon read the project files anew. Callable from a signal handler, as `interrupt`."""
        _thread.start_new_thread(self._reload, ())

    def _reload(self) -> None:
        if self._serving is not None:
            self._serving.reload()

    # --- looking ------------------------------------------------------------------------------------------------

    def status(self, names: Sequence[str]) -> Status:
        """Return the health of tables."""
        return self._offices.overview.status(names)

    def show(self, name: str) -> TableDetail:
        """Return everything about one table."""
        return self._offices.overview.show(name)

    def partitions(self, name: str, *, missing: bool, stale: bool) -> list[PartitionRow]:
        """Return the intervals of a table."""
        return self._offices.overview.partitions(name, only_missing=missing, only_stale=stale)

    def instances(
        self,
        *,
        limit: int,
        state: str | None,
        table: str | None,
        workflow: str | None = None,
        trigger: str | None = None,
        since: Instant | None = None,
    ) -> list[InstanceRow]:
        """Return the newest instances; `since` leaves out those that were made before an instant."""
        return self._offices.overview.instances(
            limit=limit, state=state, table=table, workflow=workflow, trigger=trigger, since=since
        )

    def instance(self, ulid_prefix: str) -> InstanceDetail:
        """Return one instance."""
        return self._offices.overview.instance(ulid_prefix)

    def query(self, sql: str, limit: int | None) -> QueryResult:
        """Run one SELECT over the lake."""
        return self._offices.reader.query(sql, limit)

    def preview(self, target: str, limit: int) -> QueryResult:
        """Run a definition's query for its first rows."""
        return self._offices.reader.preview(target, limit)

    def attach_statement(self) -> str:
        """Return the statement with which a plain DuckDB attaches the lake."""
        return self._offices.reader.attach_statement()

    # --- keeping ------------------------------------------------------------------------------------------------

    def verify(self, names: Sequence[str], *, deep: bool = False) -> VerifyReport:
        """Recompute and compare everything that the books say; `deep` least and greatest values from the rows too."""
        return self.lake.upkeep.verify(names, deep=deep)

    def gc(self, *, grace_seconds: float | None, dry_run: bool) -> GcReport:
        """Remove files that nobody names; those of dead attempts too."""
        self._offices.sweep()
        if not dry_run:
            self.lake.claim()
        return self.lake.collector.gc(grace_seconds=grace_seconds, dry_run=dry_run)

    @property
    def doctor(self) -> Doctor:
        """The checks of everything around the project."""
        return self._offices.parts.doctor(self._store)

    def back_up(self, target: Path | None, *, keep: int) -> Copy:
        """Copy the state file while others use it."""
        return self._offices.parts.backups().take(target, keep=keep)

    # --- parts --------------------------------------------------------------------------------------------------

    @property
    def board(self) -> Boards:
        """The reads of dashboards and reports."""
        return self._offices.board

    @property
    def workflows(self) -> WorkflowVerbs:
        """The verbs of workflows and schedules."""
        return self._offices.workflows

    @property
    def operator(self) -> OperatorVerbs:
        """The verbs of whoever keeps the project going: instances, queues, why, health, notices."""
        return self._offices.operator

    @property
    def lake(self) -> LakeVerbs:
        """The verbs of the lake: what concerns the files behind the tables."""
        return self._offices.lake

    @cached_property
    def _keeper(self) -> Keeper:
        from mtctl.keeping import Keeper  # noqa: PLC0415 - built at its first use

        return Keeper(
            store=self._store,
            clock=self._clock,
            parts=self._offices.parts,
            scheduler=lambda: self._offices.scheduler,
            looks=self._offices.looks,
            dispatching=self._own.dispatching,
            say=self._notice,
        )

    def _read_anew(self, *, reapply: bool) -> None:
        """Take over `mtctl.toml` and, where the daemon applies, the definitions; an invalid file changes nothing."""
        project = load_project(self.project.root)
        self.project = project
        self._offices = self._new_offices()
        self._keeper.take(self._offices.parts)
        if reapply:
            self.apply(self.plan(prune=False, rebuild=()))
        self._own.close_engine()


def open_app(directory: Path | None, notice: Callable[[str], None], clock: Clock | None = None) -> App:
    """Open the project at or above a folder (the current one when None), by the system's clock unless another is given.

    Raises not_found `project_missing`, invalid errors of `mtctl.toml`, and STATE errors of the state file.
    """
    return App(load_project(find_root(_here(directory))), notice, clock)


def init_project(directory: Path, *, name: str | None, example: bool) -> Created:
    """Write a new project with its state file and an empty lake.

    A folder that holds `mtctl.toml` and no state, such as a fresh clone, gets only the state.
    """
    from mtctl.services.scaffold import adopt_project, write_project  # noqa: PLC0415 - once in a project's life
    from mtctl.store.connection import create  # noqa: PLC0415 - built at its first use

    created = adopt_project(directory, name=name) if not example else None
    created = created or write_project(directory, name=name, example=example)
    project = load_project(Path(created.root))
    create(project.state_file, SystemClock(), name=project.name, data_path=f"{project.lake / 'data'}/")
    return created


def _here(directory: Path | None) -> Path:
    try:
        return (directory or Path.cwd()).absolute()
    except FileNotFoundError:
        raise not_found(
            "directory_gone", "the current directory no longer exists", fix="cd to an existing one"
        ) from None
