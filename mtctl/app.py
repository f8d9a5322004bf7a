"""Roof. Builds everything once: the only module that knows services and adapters alike.

What a command does not need is not imported: `status` never starts an engine, and no process but the runner ever
imports duckdb.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.clock import SystemClock
from mtctl.config import PROJECT_FILE, STATE_FOLDER, find_root, load_project
from mtctl.core.errors import conflict, invalid, not_found
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from mtctl.config import Project
    from mtctl.engine.client import RunnerClient
    from mtctl.lake.files import LakeFiles
    from mtctl.ports.engine import QueryResult
    from mtctl.ports.store import Store
    from mtctl.ports.work import InstanceRow
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.holder import Holder
    from mtctl.services.reading import Reader
    from mtctl.services.refresh import Refresher
    from mtctl.services.reports.changes import Applied, ApplyPlan, Created
    from mtctl.services.reports.details import PartitionRow, TableDetail
    from mtctl.services.reports.instances import InstanceDetail
    from mtctl.services.reports.refreshing import RefreshArgs, RefreshReport
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.reports.tables import Status
    from mtctl.services.reports.upkeep import GcReport, VerifyReport
    from mtctl.services.sources import Sources
    from mtctl.services.status import Overview
    from mtctl.services.tables import Tables
    from mtctl.services.upkeep import Upkeep
    from mtctl.store.liveness import LockFolder

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


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
        self._engine_started = False
        self._settle_path()

    def __enter__(self) -> Self:
        """Return the app itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close whatever was opened, the last first."""
        self._stack.close()

    def interrupt(self) -> None:
        """Stop what runs: the query is interrupted, nothing more is claimed. Callable from a signal handler.

        A handler runs in the midst of the main thread, which may hold the very lock that setting an event takes. So
        another thread does it, and a bare one: `threading` takes locks of its own to start one.
        """
        _thread.start_new_thread(self._interrupt, ())

    def _interrupt(self) -> None:
        self._stop.set()
        if self._engine_started:
            self._engine.stop()

    # --- definitions --------------------------------------------------------------------------------------------

    def plan(self, *, prune: bool, rebuild: Sequence[str]) -> ApplyPlan:
        """Return what `apply` would do."""
        return self._tables.plan(prune=prune, rebuild=rebuild)

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
        """Apply the files, then refresh what is wanted, until nothing is due."""
        applied = self.apply(self.plan(prune=False, rebuild=())) if apply else None
        return applied, self._refresher.up_once(on_event)

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

    def instances(self, *, limit: int, state: str | None, table: str | None) -> list[InstanceRow]:
        """Return the newest instances."""
        return self._overview.instances(limit=limit, state=state, table=table)

    def instance(self, ulid_prefix: str) -> InstanceDetail:
        """Return one instance."""
        return self._overview.instance(ulid_prefix)

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
        return self._upkeep.verify(names)

    def gc(self, *, grace_seconds: float, dry_run: bool) -> GcReport:
        """Remove files that nobody names; those of dead attempts too."""
        self._sweep()
        return self._upkeep.gc(grace_seconds=grace_seconds, dry_run=dry_run)

    # --- parts --------------------------------------------------------------------------------------------------

    @cached_property
    def _engine(self) -> RunnerClient:
        from mtctl.engine.client import RunnerClient  # noqa: PLC0415 - not for commands that only look
        from mtctl.engine.settings import RunnerSettings  # noqa: PLC0415 - the same

        project = self.project
        self._lake.create()
        settings = RunnerSettings(
            root=str(project.root),
            state=str(project.state_folder),
            data=str(project.lake / "data"),
            staging=str(project.lake / "_staging"),
            temp=str(project.temp or project.state_folder / "tmp"),
            memory=_bytes(project.memory),
            threads=project.threads,
            allowed=tuple(str(folder) for folder in project.allowed),
        )
        client = RunnerClient(sys.executable, settings)
        self._stack.callback(client.close)
        self._engine_started = True
        if self._stop.is_set():
            client.stop()
        return client

    @cached_property
    def _lake(self) -> LakeFiles:
        from mtctl.lake.files import LakeFiles  # noqa: PLC0415 - not for commands that only look

        return LakeFiles(self.project.lake)

    @cached_property
    def _sources(self) -> Sources:
        from mtctl.services.sources import Sources  # noqa: PLC0415 - built at its first use

        return Sources(self.project, self._store)

    @cached_property
    def _tables(self) -> Tables:
        from mtctl.services.tables import Tables  # noqa: PLC0415 - built at its first use

        return Tables(self.project, self._store, lambda: self._engine, self._clock)

    @cached_property
    def _overview(self) -> Overview:
        from mtctl.services.status import Overview  # noqa: PLC0415 - built at its first use

        return Overview(self.project, self._store, self._clock, self._sources)

    @cached_property
    def _reader(self) -> Reader:
        from mtctl.services.reading import Reader  # noqa: PLC0415 - built at its first use

        return Reader(self.project, self._store, lambda: self._engine, self._clock, self._pin)

    @cached_property
    def _upkeep(self) -> Upkeep:
        from mtctl.services.upkeep import Upkeep  # noqa: PLC0415 - built at its first use

        return Upkeep(self._store, lambda: self._engine, self._lake, self._clock)

    @cached_property
    def _refresher(self) -> Refresher:
        from mtctl.services.refresh import Refresher  # noqa: PLC0415 - built at its first use

        return Refresher(self._store, self._clock, self._sources, self._dispatching, self._sweep)

    @cached_property
    def _liveness(self) -> LockFolder:
        from mtctl.store.liveness import LockFolder  # noqa: PLC0415 - built at its first use

        return LockFolder(self.project.state_folder / "run", self._clock.boot_id())

    def _sweep(self) -> int:
        from mtctl.services.holder import sweep  # noqa: PLC0415 - built at its first use

        return sweep(self._store, self._liveness)

    @contextmanager
    def _dispatching(self, title: str, on_event: Callable[[TaskEvent], None]) -> Iterator[Dispatcher]:
        from mtctl.services.dispatcher import Dispatcher  # noqa: PLC0415 - built at its first use
        from mtctl.services.worker import Worker  # noqa: PLC0415 - the same

        self._engine.start()
        with self._holder("command", title) as holder:
            worker = Worker(self.project, self._store, self._engine, self._lake, self._clock)
            yield Dispatcher(
                store=self._store,
                worker=worker,
                clock=self._clock,
                holder=holder,
                stop=self._stop,
                sweep=self._sweep,
                on_event=on_event,
            )

    def _holder(self, kind: str, title: str) -> Holder:
        from mtctl.services.holder import Holder  # noqa: PLC0415 - built at its first use
        from mtctl.store.liveness import process_start  # noqa: PLC0415 - the same

        return Holder(
            store=self._store,
            open_store=lambda: open_store(self.project.state_file, self._clock),
            liveness=self._liveness,
            clock=self._clock,
            kind=kind,
            command=f"`mtctl {title}` (pid {os.getpid()})",
            pid_started=process_start(),
            runner_group=lambda: self._engine.group if self._engine_started else None,
            on_lost=self._abandon,
        )

    def _abandon(self) -> None:
        """Stop own work at once: the leases can no longer be trusted."""
        self._notice("the leases of this process could not be renewed for 40 s: its work is stopped")
        if self._engine_started:
            self._engine.kill()

    def _pin(self, snapshot_id: int) -> None:
        holder = self._stack.enter_context(self._holder("reader", "query"))
        with self._store.write() as tx:
            pin_id = tx.pin(holder.holder_id, snapshot_id, "query")
        self._stack.callback(self._unpin, pin_id)

    def _unpin(self, pin_id: int) -> None:
        with self._store.write() as tx:
            tx.unpin(pin_id)

    def _settle_path(self) -> None:
        """Rewrite what the state file says of absolute paths when the project has moved."""
        wanted = f"{self.project.lake / 'data'}/"
        with self._store.read() as view:
            known = view.data_path()
        if known == wanted:
            return
        if Path(known).is_dir() and not _is_same_folder(known, wanted):
            raise conflict(
                "project_mismatch",
                f"the state file belongs to the lake {known}",
                where=str(self.project.root / PROJECT_FILE),
                fix=f"a copy starts anew: remove its {STATE_FOLDER}/, `mtctl init`; else move the lake to {wanted}",
            )
        with self._store.write() as tx:
            tx.adopt_path(wanted, moved=self._moved(known, wanted))

    def _moved(self, known: str, wanted: str) -> tuple[str, str] | None:
        """Return the project's old and new folder, None where the old one cannot be told: the lake lies elsewhere."""
        root = f"{self.project.root}/"
        inner = wanted.removeprefix(root)
        return (known.removesuffix(inner), root) if inner != wanted and known.endswith(f"/{inner}") else None


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
    from mtctl.store.connection import create  # noqa: PLC0415 - the same

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


def _is_same_folder(one: str, other: str) -> bool:
    """Return whether two names lead to one folder, as through a symbolic link."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _bytes(text: str) -> int:
    number = text.rstrip("KMGTiIBbkmgt").strip()
    unit = text[len(number) :].strip().upper()
    if unit not in _UNITS:
        raise invalid("config_value", f"{text!r} is not a size", fix="write for example '4GB'")
    return int(float(number) * _UNITS[unit])
