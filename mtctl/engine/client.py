"""Floor 2. The engine port, answered by a runner process over a pipe.

The runner starts with the first call and is reused. It may die at any moment: the call in hand then raises
`runner_crashed`, and the next one starts a fresh runner. Results are pulled chunk by chunk, so a big one never lies
in this process.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from mtctl.core.errors import Kind, MtctlError
from mtctl.engine import wire, wire_rewrite, wire_survey, wire_tasks
from mtctl.engine.compare import comparison
from mtctl.engine.process import RunnerProcess
from mtctl.ports.engine import Progress, QueryResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mtctl.core.evolution import Shape
    from mtctl.core.model import Source
    from mtctl.core.pruning import Sight
    from mtctl.core.staged import Staged, StagedFile
    from mtctl.engine.patience import Patience
    from mtctl.engine.settings import RunnerSettings
    from mtctl.ports.engine import (
        CompareRequest,
        DescribeRequest,
        Description,
        Exported,
        ExportRequest,
        Measured,
        MeasureRequest,
        Parsed,
        Relation,
        Scripted,
        ScriptRequest,
        StageRequest,
    )
    from mtctl.ports.rewriting import RewriteRequest

TERMINATE_AFTER = 10.0
"""Seconds from a cancel that is not obeyed to SIGTERM."""

KILL_AFTER = 15.0
"""Seconds from a cancel that is not obeyed to SIGKILL."""


T = TypeVar("T")


class RunnerClient:
    """One runner at a time. Calls come from one thread; `cancel` and `kill` may come from any."""

    def __init__(self, python: str, settings: RunnerSettings) -> None:
        """Keep what starting a runner takes; nothing starts yet."""
        self._python = python
        self._settings = settings
        self._runner: RunnerProcess | None = None
        self._busy: int | None = None
        self._last = 0
        self._cancelled = 0
        self._stream: Iterator[list[list[str | None]]] | None = None
        self._timers: list[threading.Timer] = []
        self._stopped = False
        self._limits: list[int | None] = [None, None]
        self._patience: Patience | None = None

    @property
    def group(self) -> int | None:
        """The runner's process group, None when none runs."""
        runner = self._runner
        return None if runner is None else runner.pid

    def start(self) -> None:
        """Start the runner now, in the background; the first call then finds it warm."""
        if self._runner is None:
            self._runner = self._started()

    def parse(self, queries: Sequence[str]) -> list[Parsed | MtctlError]:
        """Parse queries; see the port."""
        answers = self._call({"do": "parse", "queries": list(queries)})
        return [
            wire.load_error(item["error"]) if "error" in item else wire.load_parsed(item["parsed"]) for item in answers
        ]

    def shapes(self, queries: Sequence[str]) -> list[Shape | None]:
        """Take queries apart; see the port."""
        from mtctl.engine.wire_shape import load_shape  # noqa: PLC0415 - few calls need it

        return [load_shape(item) for item in self._call({"do": "shapes", "queries": list(queries)})]

    def sight(self, query: str) -> Sight:
        """Look at what a query sees of its tables; see the port."""
        from mtctl.engine.wire_sight import load_sight  # noqa: PLC0415 - few calls need it

        return load_sight(self._call({"do": "sight", "query": query}))

    def describe(self, requests: Sequence[DescribeRequest]) -> list[Description | MtctlError]:
        """Describe queries in order; see the port."""
        frame = {"do": "describe", "requests": [wire.dump_describe(request) for request in requests]}

        def described() -> list[Description | MtctlError]:
            return [
                wire.load_error(item["error"]) if "error" in item else wire.load_description(item["description"])
                for item in self._call(frame)
            ]

        return self._patiently(described, _first_lock)

    def stage(self, request: StageRequest, on_progress: Callable[[Progress], None]) -> Staged:
        """Stage one attempt; see the port."""
        frame = {"do": "stage", "request": wire.dump_stage(request), "progress": True}
        return self._patiently(lambda: wire.load_staged(self._call(frame, on_progress)))

    def measure(self, request: MeasureRequest) -> Measured:
        """Recompute one file; see the port."""
        return wire.load_measured(self._call({"do": "measure", "request": wire.dump_measure(request)}))

    def survey(self, requests: Sequence[MeasureRequest], *, deep: bool = False) -> list[Measured | None]:
        """Recompute many files; see the port."""
        answer = self._call({"do": "survey", "requests": wire_survey.dump_survey(requests), "deep": deep})
        return [None if one is None else wire.load_measured(one) for one in answer]

    def rewrite(self, request: RewriteRequest) -> tuple[StagedFile, ...]:
        """Write files anew; see the port."""
        answer = self._call({"do": "rewrite", "request": wire_rewrite.dump_request(request)})
        return tuple(wire.load_staged_file(one) for one in answer)

    def layouts(self, paths: Sequence[str]) -> list[str]:
        """Return digests of columns; see the port."""
        return [str(one) for one in self._call({"do": "layouts", "paths": list(paths)})]

    def query(
        self,
        sql: str,
        relations: Sequence[Relation],
        sources: Sequence[Source],
        zone: str,
        limit: int | None,
        params: Mapping[str, object] | None = None,
    ) -> QueryResult:
        """Start a query; see the port. The rows must be taken, or `chunks` closed, before the next call."""
        frame = {
            "do": "query",
            "sql": sql,
            "relations": [wire.dump_relation(relation) for relation in relations],
            "sources": [wire.dump_source(source) for source in sources],
            "zone": zone,
            "limit": limit,
            "params": wire.dump_params(params or {}),
        }
        return self._patiently(lambda: self._queried(frame))

    def _queried(self, frame: dict[str, Any]) -> QueryResult:
        runner, request = self._begin(frame)
        header = self._guarded(lambda: self._await(runner, request, None), stays_open=True)
        chunks = self._chunks(runner, request)
        self._stream = chunks
        return QueryResult(columns=tuple(header["columns"]), types=tuple(header["types"]), chunks=chunks)

    def compare(self, request: CompareRequest, zone: str, limit: int | None) -> QueryResult:
        """Compare two states of a table; see the port."""
        return self.query(comparison(request), (request.before, request.after), (), zone, limit)

    def export(self, request: ExportRequest, on_progress: Callable[[Progress], None]) -> Exported:
        """Write one file; see the port."""
        frame = {"do": "export", "request": wire_tasks.dump_export(request), "progress": True}
        return self._patiently(lambda: wire_tasks.load_exported(self._call(frame, on_progress)))

    def script(self, request: ScriptRequest, on_progress: Callable[[Progress], None]) -> Scripted:
        """Run a script; see the port."""
        frame = {"do": "script", "request": wire_tasks.dump_script(request), "progress": True}
        return wire_tasks.load_scripted(self._call(frame, on_progress))

    def limit(self, memory: int | None, threads: int | None) -> None:
        """Let the calls from now on use so much memory (bytes) and so many threads; None: as it was started."""
        self._limits = [memory, threads]

    def wait_for_sources(self, patience: Patience | None) -> None:
        """Let the calls from now on wait for a source that somebody has open, as long as that says; None: not at all.

        A script's own database is not a source: its task tries again.
        """
        self._patience = patience

    def cancel(self) -> None:
        """Interrupt what runs; after 10 s that do not help the group gets SIGTERM, 5 s later SIGKILL."""
        if self._patience is not None:
            self._patience.give_up()
        runner, request = self._runner, self._busy
        if runner is None or request is None or request == self._cancelled:
            return  # nothing runs, or it is being cancelled already
        # By its number: a cancel that comes while a request ends leaves timers that say nothing of the next one.
        self._cancelled = request
        # In a thread: a signal handler may call this while the very same thread is writing a frame.
        threading.Thread(target=runner.send, args=({"do": "cancel", "id": request},), daemon=True).start()
        self._timers += [
            self._later(TERMINATE_AFTER, runner, request, signal.SIGTERM),
            self._later(KILL_AFTER, runner, request, signal.SIGKILL),
        ]

    def stop(self) -> None:
        """Cancel what runs, and whatever is asked from now on: this process is to end. Safe in a signal handler."""
        self._stopped = True
        self.cancel()

    def kill(self) -> None:
        """Kill the runner's process group at once; the call in hand raises `runner_crashed`."""
        runner = self._runner
        if runner is not None:
            runner.signal(signal.SIGKILL)

    def close(self) -> None:
        """End the runner and its process group."""
        runner, self._runner, self._stream = self._runner, None, None
        if runner is not None:
            runner.send({"do": "close"})
            runner.end()

    # --- one call -----------------------------------------------------------------------------------------------

    def _patiently(
        self, attempt: Callable[[], T], locked: Callable[[T], MtctlError | None] = lambda _: None
    ) -> T:
        """Return what an attempt answers, waiting for locked sources where that was asked for."""
        return attempt() if self._patience is None else self._patience.tried(attempt, locked)

    def _call(self, frame: dict[str, Any], on_progress: Callable[[Progress], None] | None = None) -> Any:
        runner, request = self._begin(frame)
        return self._guarded(lambda: self._await(runner, request, on_progress)["answer"])

    def _begin(self, frame: dict[str, Any]) -> tuple[RunnerProcess, int]:
        """Send a request to a runner that lives; raises `cancelled` after `stop`."""
        self._end_stream()
        if self._stopped:
            raise MtctlError("cancelled", "the query was cancelled", kind=Kind.FAILED)
        if self._runner is not None and not self._runner.is_alive:
            self._drop()
        if self._runner is None:
            self._runner = self._started()
        self._last += 1
        self._busy = self._last
        self._runner.send({**frame, "id": self._last, "limits": self._limits})
        if self._stopped:  # it came between the question above and this request
            self.cancel()
        return self._runner, self._last

    def _started(self) -> RunnerProcess:
        """Return a new runner; raises `runner_not_started` (ENGINE) where the system has no room for it."""
        try:
            return RunnerProcess(self._python, self._settings)
        except OSError as error:
            what = f"the query process cannot be started: {error.strerror or error}"
            fix = "look at the limits of processes and open files, and at the space for temporary files"
            raise MtctlError(
                "runner_not_started", what, kind=Kind.ENGINE, where=error.filename or "", fix=fix
            ) from None

    def _guarded(self, wait: Callable[[], Any], *, stays_open: bool = False) -> Any:
        """Wait for an answer; whatever breaks the waiting off (Ctrl-C) cancels the request and waits for its end.

        Where a cancel is under way already, nobody waits for it a second time: the runner is killed.
        `stays_open` says that the request goes on after this answer: its rows are still to come.
        """
        try:
            answer = wait()
        except MtctlError:
            self._settle()
            raise
        except BaseException:
            if self._stopped:
                self.kill()
            else:
                self.cancel()
            self._drain()
            self._settle()
            raise
        if not stays_open:
            self._settle()
        return answer

    def _await(
        self, runner: RunnerProcess, request: int, on_progress: Callable[[Progress], None] | None
    ) -> dict[str, Any]:
        """Return the next frame that answers; progress goes to the listener, an error is raised."""
        while True:
            frame = runner.frames.get()
            if frame is None:
                raise self._crashed()
            if frame["id"] != request:
                continue
            if frame["is"] == "error":
                self._busy = None
                raise wire.load_error(frame["error"])
            if frame["is"] != "progress":
                return frame
            if on_progress is not None:
                on_progress(Progress(percent=frame["percent"], rows=frame["rows"]))

    def _chunks(self, runner: RunnerProcess, request: int) -> Iterator[list[list[str | None]]]:
        """Ask for one chunk at a time; a generator that is left early cancels the query."""
        ended = False
        try:
            while True:
                runner.send({"do": "next", "id": request})
                frame = self._await(runner, request, None)
                if frame["is"] == "done":
                    ended = True
                    return
                yield frame["rows"]
        except MtctlError:
            ended = True
            raise
        finally:
            self._stream = None
            if not ended:
                self.cancel()
                runner.send({"do": "stop", "id": request})
                self._drain()
            self._settle()

    def _end_stream(self) -> None:
        """Close a result that was left open: the runner does one thing at a time."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        close = getattr(stream, "close", None)
        runner, request = self._runner, self._busy
        if close is not None:
            close()
        if self._busy is not None and self._busy == request and runner is not None:
            # A generator that never started has no `finally` to run.
            runner.send({"do": "stop", "id": request})
            self._drain()
            self._settle()

    def _drain(self) -> None:
        """Take frames until the request in hand has ended, or the runner has."""
        runner, request = self._runner, self._busy
        if runner is None or request is None:
            return
        while (frame := runner.frames.get()) is not None:
            if frame["id"] == request and frame["is"] in {"done", "error"}:
                return
        self._drop()

    def _settle(self) -> None:
        self._busy = None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _later(self, seconds: float, runner: RunnerProcess, request: int, number: signal.Signals) -> threading.Timer:
        def act() -> None:
            if self._busy == request:
                runner.signal(number)

        timer = threading.Timer(seconds, act)
        timer.daemon = True
        timer.start()
        return timer

    def _crashed(self) -> MtctlError:
        code, tail = self._drop()
        by = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return MtctlError(
            "runner_crashed",
            f"the query process ended unexpectedly ({by})",
            kind=Kind.ENGINE,
            where=tail,
            fix="try again; if it was killed for memory, lower [engine] memory in mtctl.toml",
        )

    def _drop(self) -> tuple[int, str]:
        """Forget a runner that is gone; return its exit code and last words."""
        runner, self._runner = self._runner, None
        if runner is None:
            return 0, ""
        tail = runner.tail()
        return runner.end(), tail


def _first_lock(answers: Sequence[Description | MtctlError]) -> MtctlError | None:
    """Return the first source that somebody holds, of those that queries name."""
    from mtctl.engine.patience import is_locked  # noqa: PLC0415 - few calls need it

    return next((item for item in answers if isinstance(item, MtctlError) and is_locked(item)), None)
