"""Roof. Builds everything once: the only module that knows services and adapters alike.

What a command does not need is not imported: `status` never starts an engine, and no process but the runner ever
imports duckdb.
"""

from __future__ import annotations

import _thread
import os
import threading
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.clock import SystemClock
from mtctl.config import find_root, load_project
from mtctl.core.errors import MtctlError, not_found
from mtctl.own import Own
from mtctl.services.moving import settle_path
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from mtctl.config import Project
    from mtctl.core.model import Instant
    from mtctl.keeping import Keeper
    from mtctl.lake.files import LakeFiles
    from mtctl.parts import Parts
    from mtctl.ports.backup import Copy
    from mtctl.ports.engine import QueryResult
    from mtctl.ports.store import Store
    from mtctl.ports.work import InstanceRow
    from mtctl.services.board import Boards
    from mtctl.services.daemon import Daemon, DaemonReport
    from mtctl.services.doctor import Doctor
    from mtctl.services.lake_verbs import LakeVerbs
    from mtctl.services.looks import Looks
    from mtctl.services.operator_verbs import OperatorVerbs
    from mtctl.services.reading import Reader
    from mtctl.services.refresh import Refresher
    from mtctl.services.reports.changes import Applied, ApplyPlan, Created
    from mtctl.services.reports.details import PartitionRow, TableDetail
    from mtctl.services.reports.instances import InstanceDetail
    from mtctl.services.reports.refreshing import RefreshArgs, RefreshReport
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.reports.tables import Status
    from mtctl.services.reports.upkeep import GcReport, VerifyReport
    from mtctl.services.scheduler import Scheduler
    from mtctl.services.sources import Sources
    from mtctl.services.status import Overview
    from mtctl.services.tables import Tables
    from mtctl.services.ticking import RoundReport
    from mtctl.services.workflow_verbs import WorkflowVerbs

_OF_PROJECT = (
    *("_parts", "_lake", "_sources", "_tables", "_overview", "_reader", "_refresher", "_scheduler"),
    "workflows",
    "operator",
    "lake",
    "board",
)
"""What is built from the settings of the project, and anew when they change."""


class App:
    """One project, opened: the verbs of all services, each over parts that are built at their first use."""

    def __init__(self, project: Project, notice: Callable[[str], None]) -> None:
        """Open the state file of a project; `notice` takes lines for stderr."""
        self.project = project
        self._notice = notice
        self._stack = ExitStack()
        self._clock = SystemClock()
        self._stop = threading.Event()
        self._store: Store = open_store(project.state_file, self._clock)
        self._stack.callback(self._store.close)
        self._stack.callback(self._share)
        self._own = Own(self._store, lambda: self._parts, self._stop, self._stack)
        settle_path(project, self._store)

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
            settle(self.project, self._store, self._lake, even_if_new=True)
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
        return self._tables.plan(prune=prune, rebuild=rebuild, require_disabled=require_disabled)

    def apply(self, plan: ApplyPlan) -> Applied:
        """Write a plan, all of it or nothing."""
        return self._tables.apply(plan)

    def create_table(self, text: str, label: str) -> Applied:
        """Create a table from one statement."""
        return self._tables.create(text, label)

    def drop_tables(self, names: Sequence[str], *, if_exists: bool = False) -> Applied:
        """Drop tables."""
        return self._tables.drop(names, if_exists=if_exists)

    def validate(self, targets: Sequence[str]) -> ApplyPlan:
        """Check definition files without writing."""
        return self._tables.validate(targets)

    # --- refreshing ---------------------------------------------------------------------------------------------

    def refresh(self, args: RefreshArgs, on_event: Callable[[TaskEvent], None]) -> RefreshReport:
        """Refresh the selected tables."""
        return self._refresher.refresh(args, on_event)

    def up_once(self, on_event: Callable[[TaskEvent], None], *, apply: bool) -> tuple[Applied | None, RefreshReport]:
        """Apply the files, fire what is due and refresh what is wanted, until nothing is due any more."""
        applied = self.apply(self.plan(prune=False, rebuild=())) if apply else None
        self._scheduler.tick()
        report = self._refresher.up_once(on_event)
        while not report.interrupted and self._scheduler.tick().made:
            report = report.joined(self._refresher.up_once(on_event))
        return applied, report

    # --- keeping going ------------------------------------------------------------------------------------------

    def tick(self, max_seconds: float | None, on_event: Callable[[TaskEvent], None]) -> RoundReport | None:
        """Do one bounded round: fire what is due, run what is ready; None where there was nothing to do."""
        return self._keeper.tick(max_seconds, on_event)

    def serve(
        self, workers: int, *, reapply: bool, fill: bool, on_event: Callable[[TaskEvent], None]
    ) -> DaemonReport:
        """Keep the project going until stopped; `fill` first asks for what is wanted, `reapply` follows SIGHUP."""
        if fill:
            self._refresher.request_all()
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
        return self._overview.status(names)

    def show(self, name: str) -> TableDetail:
        """Return everything about one table."""
        return self._overview.show(name)

    def partitions(self, name: str, *, missing: bool, stale: bool) -> list[PartitionRow]:
        """Return the intervals of a table."""
        return self._overview.partitions(name, only_missing=missing, only_stale=stale)

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
        return self._overview.instances(
            limit=limit, state=state, table=table, workflow=workflow, trigger=trigger, since=since
        )

    def instance(self, ulid_prefix: str) -> InstanceDetail:
        """Return one instance."""
        return self._overview.instance(ulid_prefix)

    @cached_property
    def board(self) -> Boards:
        """The reads of dashboards and reports."""
        from mtctl.services.board import Boards  # noqa: PLC0415 - built at its first use

        return Boards(self._store, self._clock, self._overview)

    def query(self, sql: str, limit: int | None) -> QueryResult:
        """Run one SELECT over the lake."""
        return self._reader.query(sql, limit)

    def preview(self, target: str, limit: int) -> QueryResult:
        """Run a definition's query for its first rows."""
        return self._reader.preview(target, limit)

    def attach_statement(self) -> str:
        """Return the statement with which a plain DuckDB attaches the lake."""
        return self._reader.attach_statement()

    # --- keeping ------------------------------------------------------------------------------------------------

    def verify(self, names: Sequence[str]) -> VerifyReport:
        """Recompute and compare everything that the books say."""
        return self.lake.upkeep.verify(names)

    def gc(self, *, grace_seconds: float | None, dry_run: bool) -> GcReport:
        """Remove files that nobody names; those of dead attempts too."""
        self._sweep()
        if not dry_run:
            self.lake.claim()
        return self.lake.collector.gc(grace_seconds=grace_seconds, dry_run=dry_run)

    @property
    def doctor(self) -> Doctor:
        """The checks of everything around the project."""
        return self._parts.doctor(self._store)

    def back_up(self, target: Path | None, *, keep: int) -> Copy:
        """Copy the state file while others use it."""
        return self._parts.backups().take(target, keep=keep)

    # --- parts --------------------------------------------------------------------------------------------------

    @cached_property
    def _parts(self) -> Parts:
        from mtctl.parts import Parts  # noqa: PLC0415 - built at its first use

        return Parts(self.project, self._clock, self._notice)

    @cached_property
    def _keeper(self) -> Keeper:
        from mtctl.keeping import Keeper  # noqa: PLC0415 - built at its first use

        return Keeper(
            store=self._store,
            clock=self._clock,
            parts=self._parts,
            scheduler=lambda: self._scheduler,
            looks=self._looks,
            dispatching=self._own.dispatching,
            say=self._notice,
        )

    def _read_anew(self, *, reapply: bool) -> None:
        """Take over `mtctl.toml` and, where the daemon applies, the definitions; an invalid file changes nothing."""
        project = load_project(self.project.root)
        self.project = project
        for name in _OF_PROJECT:
            self.__dict__.pop(name, None)
        self._keeper.take(self._parts)
        if reapply:
            self.apply(self.plan(prune=False, rebuild=()))
        self._own.close_engine()

    @cached_property
    def _scheduler(self) -> Scheduler:
        from mtctl.services.scheduler import Scheduler  # noqa: PLC0415 - built at its first use

        return Scheduler(self._store, self._clock, self._new_ulid, self._sources.look)

    def _new_ulid(self) -> str:
        from mtctl.core.ulid import ulid  # noqa: PLC0415 - built at its first use

        return ulid(self._clock.now(), os.urandom(10))

    @cached_property
    def _lake(self) -> LakeFiles:
        return self._parts.lake()

    @cached_property
    def _sources(self) -> Sources:
        from mtctl.services.sources import Sources  # noqa: PLC0415 - built at its first use

        return Sources(self.project, self._store, self._own.engine)

    @cached_property
    def _tables(self) -> Tables:
        from mtctl.services.tables import Tables  # noqa: PLC0415 - built at its first use

        return Tables(self.project, self._store, self._own.engine, self._clock, self._new_ulid)

    @cached_property
    def workflows(self) -> WorkflowVerbs:
        """The verbs of workflows and schedules."""
        from mtctl.services.workflow_verbs import WorkflowPorts, WorkflowVerbs  # noqa: PLC0415 - built at its first use

        ports = WorkflowPorts(
            self.project,
            self._store,
            self._clock,
            self._new_ulid,
            lambda names: self._sources.look(names),  # noqa: PLW0108 - built at its first use
            self._own.dispatching,
            self._stop,
            lambda name, options, note: self._tables.alter(name, options, note),  # noqa: PLW0108 - the same
        )
        return WorkflowVerbs(ports)

    @cached_property
    def operator(self) -> OperatorVerbs:
        """The verbs of whoever keeps the project going: instances, queues, why, health, notices."""
        from mtctl.services.operator_verbs import OperatorPorts, OperatorVerbs  # noqa: PLC0415 - built at its first use

        ports = OperatorPorts(
            self.project,
            self._store,
            self._clock,
            self._looks,
            self._sweep,
            self._own.dispatching,
            self._stop,
            self._parts.liveness().is_alive,
            lambda: self._parts.notices(self._store),
        )
        return OperatorVerbs(ports)

    @cached_property
    def lake(self) -> LakeVerbs:
        """The verbs of the lake: what concerns the files behind the tables."""
        from mtctl.services.lake_verbs import LakePorts, LakeVerbs  # noqa: PLC0415 - built at its first use

        ports = LakePorts(
            self.project,
            self._store,
            self._clock,
            self._own.engine,
            lambda: self._lake,
            self._own.pin,
            self._sweep,
            self._own.dispatching,
            self._stop,
        )
        return LakeVerbs(ports)

    @cached_property
    def _looks(self) -> Looks:
        from mtctl.services.looks import Looks  # noqa: PLC0415 - built at its first use

        return Looks(self.project.state_folder / "looked", self._clock)

    @cached_property
    def _overview(self) -> Overview:
        from mtctl.services.status import Overview  # noqa: PLC0415 - built at its first use

        return Overview(self.project, self._store, self._clock, self._sources)

    @cached_property
    def _reader(self) -> Reader:
        from mtctl.services.reading import Reader  # noqa: PLC0415 - built at its first use

        return Reader(
            self.project, self._store, self._own.engine, self._clock, self._own.pin, lambda: self._lake
        )

    @cached_property
    def _refresher(self) -> Refresher:
        from mtctl.services.refresh import Refresher  # noqa: PLC0415 - built at its first use

        return Refresher(self._store, self._clock, self._sources, self._own.dispatching, self._sweep)

    def _sweep(self) -> int:
        return self._parts.sweep(self._store)


def open_app(directory: Path | None, notice: Callable[[str], None]) -> App:
    """Open the project at or above a folder (the current one when None).

    Raises not_found `project_missing`, invalid errors of `mtctl.toml`, and STATE errors of the state file.
    """
    return App(load_project(find_root(_here(directory))), notice)


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
