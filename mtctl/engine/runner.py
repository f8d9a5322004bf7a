"""Floor 2. The runner process: the only place where duckdb lives, started as `python -m mtctl.engine.runner`.

It reads frames from stdin and answers on stdout, one request at a time; a thread of its own reads, so that a cancel
reaches a running query and the end of the holder ends the runner. It never loads an SQLite library.
"""

from __future__ import annotations

import errno
import os
import queue
import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.secret import redact
from mtctl.engine import wire, wire_rewrite, wire_shape, wire_survey, wire_tasks
from mtctl.engine.binding import Binder
from mtctl.engine.bounds import sight_of
from mtctl.engine.compact import layouts, rewrite
from mtctl.engine.describe import describe
from mtctl.engine.export import export
from mtctl.engine.fingerprint import PROBE_SQL
from mtctl.engine.frames import read_frame, write_frame
from mtctl.engine.measure import measure
from mtctl.engine.result import Question, Result
from mtctl.engine.script import script
from mtctl.engine.session import Session
from mtctl.engine.settings import load_settings
from mtctl.engine.stage import stage
from mtctl.engine.survey import survey
from mtctl.engine.syntax import read_selects, shapes
from mtctl.engine.troubles import FULL_FIX, translate
from mtctl.engine.wire_sight import dump_sight

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRESS_SECONDS = 0.2
_INTERRUPT_SECONDS = 0.05
_FORBIDDEN = ("apsw", "sqlite3")


class Runner:
    """Serves one holder over two descriptors until its end."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._write_lock = threading.Lock()
        self._frames: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._busy: int | None = None
        self._early = 0  # the newest request that was cancelled before it began
        self._idle = threading.Event()
        self._watched_requests: queue.SimpleQueue[tuple[int, threading.Event]] = queue.SimpleQueue()
        self._telling = threading.Lock()
        self._turn = threading.Lock()
        self._session: Session | None = None
        self._binder: Binder | None = None
        self._probe = 0
        self._temp = ""

    def serve(self) -> None:
        """Open with the first frame, then answer request after request."""
        opening = read_frame(self._read_fd)
        if opening is None:
            return
        self._open(opening)
        threading.Thread(target=self._listen, name="reader", daemon=True).start()
        threading.Thread(target=self._report, name="progress", daemon=True).start()
        while (frame := self._frames.get()) is not None:
            if frame["do"] == "close":
                return
            if frame["do"] in _ANSWERS:  # a `next` or `stop` may come late, when its query has failed already
                self._answer(frame)

    def leave(self) -> None:
        """Remove the private folder: whoever ends last must not leave gigabytes."""
        shutil.rmtree(self._temp, ignore_errors=True)

    def _open(self, frame: dict[str, Any]) -> None:
        self._temp = frame["temp"]
        settings = load_settings(frame["settings"])
        os.chdir(settings.root)
        self._session = Session(settings, self._temp)
        self._binder = Binder(self._session)
        self._probe = int(self._session.run(PROBE_SQL)[0][0])
        loaded = [name for name in _FORBIDDEN if name in sys.modules]
        if loaded:
            raise RuntimeError(f"the runner has loaded {loaded[0]}")

    def _listen(self) -> None:
        """Read frames; a cancel acts at once, the end of the stream is the end of the holder."""
        while (frame := read_frame(self._read_fd)) is not None:
            if frame["do"] == "cancel":
                threading.Thread(target=self._interrupt, args=(frame["id"],), daemon=True).start()
            else:
                self._frames.put(frame)
        if self._busy is None:
            self._frames.put(None)
            return
        if self._session is not None:
            self._session.interrupt()
        self.leave()
        os._exit(0)

    def _interrupt(self, request: int) -> None:
        """Interrupt until the request has ended: it may be between two statements just now."""
        while self._interrupt_once(request):
            self._idle.wait(_INTERRUPT_SECONDS)

    def _interrupt_once(self, request: int) -> bool:
        """Interrupt if the request runs; a late one must not hit the next request, an early one waits for its own."""
        with self._turn:
            if self._busy != request or self._session is None:
                self._early = max(self._early, request)
                return False
            self._session.interrupt()
            return True

    def _answer(self, frame: dict[str, Any]) -> None:
        if self._session is None or self._binder is None:
            raise RuntimeError("not opened")
        request = int(frame["id"])
        self._session.begin()
        self._idle.clear()
        with self._turn:
            self._busy = request
            if self._early == request:
                self._session.interrupt()
        failed = True
        try:
            answer = self._watched(frame)
            self._send({"id": request, "is": "done", "answer": answer})
            failed = False
        except MtctlError as error:
            self._fail(request, self._honest(error))
        except duckdb.Error as error:
            self._fail(request, self._honest(translate(error)))
        except (OSError, RecursionError, MemoryError) as error:
            self._fail(request, _machine_trouble(error))
        finally:
            with self._turn:
                self._busy = None
            self._idle.set()
            self._clean(failed=failed)

    def _fail(self, request: int, error: MtctlError) -> None:
        """Tell an error, without the secrets of what is attached: drivers repeat how they were told to connect."""
        secrets = self._opened.secrets
        data = wire.dump_error(error)
        if secrets:
            data |= {key: redact(data[key], secrets) for key in ("what", "where", "fix", "excerpt")}
        self._send({"id": request, "is": "error", "error": data})

    def _honest(self, error: MtctlError) -> MtctlError:
        """Return the error to tell: an interrupted query fails in many words, after a cancel all mean the same."""
        try:
            if self._session is not None:
                self._session.check()
        except MtctlError as cancelled:
            return cancelled
        return _broken_off() if error.code == "cancelled" else error

    def _clean(self, *, failed: bool) -> None:
        """Drop what the attempt made; where that fails, a new instance is clean for certain.

        An instance that met an error of its own (a damaged file is enough) answers nothing more to anybody.
        """
        if self._session is None or self._binder is None:
            return
        self._session.begin()
        try:
            self._binder.clear()
            if failed:
                self._session.run("SELECT 1")
        except (duckdb.Error, MtctlError):
            self._session.reopen()

    def _watched(self, frame: dict[str, Any]) -> Any:
        """Do the request, with progress frames beside it if they were asked for."""
        act = _ANSWERS[frame["do"]]
        if self._session is not None:
            self._session.limit(*frame.get("limits", (None, None)))
        if not frame.get("progress"):
            return self._acted(act, frame)
        ended = threading.Event()
        self._watched_requests.put((frame["id"], ended))
        try:
            return self._acted(act, frame)
        finally:
            ended.set()
            with self._telling:  # nothing asks the session any more
                pass

    def _acted(self, act: Callable[[Runner, dict[str, Any]], Any], frame: dict[str, Any]) -> Any:
        """Do the request and let go of what was attached for it: whoever hears the answer may open it."""
        try:
            return act(self, frame)
        finally:
            self._opened.detach()

    def _report(self) -> None:
        """Send progress of one request after the other; one thread for all, a task is shorter than its start."""
        while True:
            request, ended = self._watched_requests.get()
            while not ended.wait(_PROGRESS_SECONDS):
                with self._telling:
                    if ended.is_set():
                        break
                    percent = self._session.progress() if self._session is not None else -1.0
                    known = percent if percent >= 0 else None
                    self._send({"id": request, "is": "progress", "percent": known, "rows": 0})

    def _send(self, frame: dict[str, Any]) -> None:
        with self._write_lock:
            write_frame(self._write_fd, frame)

    # --- requests -----------------------------------------------------------------------------------------------

    def parse(self, frame: dict[str, Any]) -> Any:
        """Answer a `parse` frame."""
        found = read_selects(self._opened.connection, frame["queries"], self._opened.syntaxes)
        return [
            {"error": wire.dump_error(item)}
            if isinstance(item, MtctlError)
            else {"parsed": wire.dump_parsed(item.parsed)}
            for item in found
        ]

    def shapes(self, frame: dict[str, Any]) -> Any:
        """Answer a `shapes` frame."""
        return [wire_shape.dump_shape(shape) for shape in shapes(self._opened.connection, frame["queries"])]

    def sight(self, frame: dict[str, Any]) -> Any:
        """Answer a `sight` frame."""
        return dump_sight(sight_of(self._opened.connection, frame["query"]))

    def describe(self, frame: dict[str, Any]) -> Any:
        """Answer a `describe` frame."""
        requests = [wire.load_describe(data) for data in frame["requests"]]
        answers = describe(self._opened, self._bound, requests)
        return [
            {"error": wire.dump_error(answer)}
            if isinstance(answer, MtctlError)
            else {"description": wire.dump_description(answer)}
            for answer in answers
        ]

    def stage(self, frame: dict[str, Any]) -> Any:
        """Answer a `stage` frame."""
        request = wire.load_stage(frame["request"])
        return wire.dump_staged(stage(self._opened, self._bound, request, self._probe))

    def measure(self, frame: dict[str, Any]) -> Any:
        """Answer a `measure` frame."""
        return wire.dump_measured(measure(self._opened, wire.load_measure(frame["request"]), self._probe))

    def survey(self, frame: dict[str, Any]) -> Any:
        """Answer a `survey` frame."""
        found = survey(self._opened, wire_survey.load_survey(frame["requests"]), self._probe, deep=frame["deep"])
        return [None if one is None else wire.dump_measured(one) for one in found]

    def rewrite(self, frame: dict[str, Any]) -> Any:
        """Answer a `rewrite` frame."""
        files = rewrite(self._opened, wire_rewrite.load_request(frame["request"]))
        return [wire.dump_staged_file(one) for one in files]

    def layouts(self, frame: dict[str, Any]) -> Any:
        """Answer a `layouts` frame."""
        return layouts(self._opened, frame["paths"])

    def export(self, frame: dict[str, Any]) -> Any:
        """Answer an `export` frame."""
        return wire_tasks.dump_exported(export(self._opened, self._bound, wire_tasks.load_export(frame["request"])))

    def script(self, frame: dict[str, Any]) -> Any:
        """Answer a `script` frame."""
        return wire_tasks.dump_scripted(script(self._opened, wire_tasks.load_script(frame["request"])))

    def query(self, frame: dict[str, Any]) -> Any:
        """Answer a `query` frame: a header, then a chunk for every `next`."""
        question = Question(
            sql=frame["sql"],
            relations=tuple(wire.load_relation(data) for data in frame["relations"]),
            sources=tuple(wire.load_source(data) for data in frame["sources"]),
            zone=frame["zone"],
            limit=frame["limit"],
            params=frame["params"],
        )
        result = Result(self._opened, self._bound, question)
        request = int(frame["id"])
        self._send({"id": request, "is": "header", "columns": result.columns, "types": result.types})
        chunks = result.chunks()
        while self._wants_more(request):
            chunk = next(chunks, None)
            if chunk is None:
                break
            self._send({"id": request, "is": "rows", "rows": chunk})
        return None

    def _wants_more(self, request: int) -> bool:
        frame = self._frames.get()
        if frame is None or frame["do"] == "close":
            self._frames.put(frame)
            return False
        return bool(frame["do"] == "next" and frame["id"] == request)

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise RuntimeError("not opened")
        return self._session

    @property
    def _bound(self) -> Binder:
        if self._binder is None:
            raise RuntimeError("not opened")
        return self._binder


_ANSWERS: dict[str, Callable[[Runner, dict[str, Any]], Any]] = {
    "parse": Runner.parse,
    "shapes": Runner.shapes,
    "sight": Runner.sight,
    "describe": Runner.describe,
    "stage": Runner.stage,
    "measure": Runner.measure,
    "survey": Runner.survey,
    "rewrite": Runner.rewrite,
    "layouts": Runner.layouts,
    "query": Runner.query,
    "export": Runner.export,
    "script": Runner.script,
}


def main() -> None:
    """Serve the holder on stdin and stdout; whatever else is printed goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the holder's to handle
    os.umask(0o077)
    read_fd, write_fd = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    runner = Runner(read_fd, write_fd)
    try:
        runner.serve()
    except BrokenPipeError:
        pass  # the holder is gone
    finally:
        runner.leave()
    os._exit(0)  # freeing gigabytes page by page helps nobody


def _broken_off() -> MtctlError:
    """Return the error of a query that DuckDB interrupted itself, without anybody having asked for it.

    It does so where one of its threads meets an error, and now and then tells of the interruption instead of the error:
    another try is likely to tell what is wrong.
    """
    what = "the query failed in one of its threads, and DuckDB did not tell why"
    return MtctlError("query_failed", what, kind=Kind.ENGINE, fix="run it again to see the reason")


def _machine_trouble(error: Exception) -> MtctlError:
    if isinstance(error, RecursionError):
        return MtctlError("sql_depth", "the query is nested too deeply", kind=Kind.INVALID)
    if isinstance(error, OSError):
        where = str(error.filename or "")
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return MtctlError("disk_full", "no space is left on the disk", kind=Kind.FAILED, where=where, fix=FULL_FIX)
        return MtctlError(
            "io", error.strerror or str(error), kind=Kind.ENGINE, where=where, fix="check disk and folder"
        )
    return MtctlError("resource", "the runner is out of memory", kind=Kind.FAILED, fix="raise [engine] memory")


if __name__ == "__main__":
    main()
