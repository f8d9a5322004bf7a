"""Floor 2. The process above one program: it alone sees everything that the program starts, and ends all of it.

`PR_SET_CHILD_SUBREAPER` holds for a whole process, and the daemon is one with many threads and children of its own; so
each program has a supervisor (20 ms), which orphans come back to even after `setsid` and a double fork. What the
program prints goes through a pipe that this process reads: only so can a log be capped. It cannot hang on a
grandchild that keeps the pipe open: the grandchild is ended first. When the pipe from the holder ends, the holder is
dead, and all of it is killed at once, before anybody can try again.

Runs as `python -I -S`; loads nothing of mtctl but `launch`, `logs` and `processes`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import Any

from mtctl.actions import processes
from mtctl.actions.launch import NotStartedError, prepare, release
from mtctl.actions.logs import CappedLog

LINGER = 0.5
"""Seconds that the rest of a program has to end by itself after its first process has."""

KILL_SECONDS = 1.5
"""Seconds after SIGKILL until what still lives is called escaped."""

_SUBREAPER = 36
_BLOCK = 1 << 18
_POLL = 0.02
_DRAIN_SECONDS = 0.5
_LAST_WORDS = 2000
_RUNNING, _LINGERING, _TERMINATING, _KILLING = range(4)


class Supervisor:
    """Runs one program to its end; `said` is what the holder said right behind the request."""

    def __init__(self, request: dict[str, Any], said: bytes) -> None:
        self._request = request
        self._said = said
        self._log = CappedLog(request["log"], cap=request["cap"], head=request["head"])
        self._last = b""
        self._pid = 0
        self._status: int | None = None
        self._cause = "exit"
        self._left = 0
        self._phase = _RUNNING
        self._until: float | None = None
        self._control: int | None = 0
        self._output: int | None = None

    def run(self) -> None:
        """Start the program, watch it, end what is left, and report."""
        wakeup = _wakeup()
        self._output, write_end = os.pipe()
        try:
            waiting = prepare(self._request, write_end)
            self._pid = waiting.pid
            _report({"is": "started", "group": self._pid, "ticks": processes.started(self._pid)})
            if not self._may_go():
                return  # with us ends what waits, and nothing of the program has run
            release(waiting)
        except NotStartedError as error:
            self._log.finish()
            _report({"is": "not_started", "stage": error.stage, "errno": error.number})
            return
        os.close(write_end)
        timeout = self._request["timeout"]
        self._until = None if timeout is None else time.monotonic() + timeout
        if self._said:  # a stop came right behind
            self._stop()
        self._watch(wakeup)
        self._reap()
        self._drain()
        escaped = [f"{found.name} ({found.pid})" for found in self._alive()]
        self._note(escaped)
        _report(
            {
                "is": "ended",
                "code": None if self._status is None else os.waitstatus_to_exitcode(self._status),
                "cause": self._cause,
                "left": self._left,
                "escaped": escaped,
                "left_out": self._log.finish(),
                "trouble": self._log.trouble,
                "last": self._last.decode("utf-8", "replace"),
            }
        )

    def _may_go(self) -> bool:
        """Wait until the holder has written down the group; False where it is gone or wants no more of it."""
        said = self._said
        while b"\n" not in said:
            part = os.read(0, 4096)
            if not part:
                return False
            said += part
        if said.startswith(b"go"):
            self._said = said.partition(b"\n")[2]
            return True
        self._log.finish()
        _report({"is": "ended", "code": None, "cause": "stop"})
        return False

    def _note(self, escaped: list[str]) -> None:
        """Write down in the log what was done beside running the program."""
        if self._left:
            self._log.write(f"\n[mtctl: ended {self._left} processes that were left running]\n".encode())
        if escaped:
            self._log.write(f"\n[mtctl: cannot end {', '.join(escaped)[:1000]}]\n".encode())

    # --- watching -----------------------------------------------------------------------------------------------

    def _watch(self, wakeup: int) -> None:
        """Return when nothing of the program lives, or what does cannot be killed."""
        while True:
            self._reap()
            if self._status is not None and not self._alive():
                return
            if self._status is not None and self._phase == _RUNNING:
                self._enter(_LINGERING, LINGER)
            if self._phase == _KILLING:
                self._signal(signal.SIGKILL)  # again and again: it may have forked meanwhile
            if self._until is not None and time.monotonic() >= self._until and self._late():
                return
            fds = [fd for fd in (self._control, self._output, wakeup) if fd is not None]
            ready, _, _ = select.select(fds, [], [], self._patience())
            if self._output in ready:
                self._pump()
            if self._control in ready:
                self._listen()
            if wakeup in ready:
                os.read(wakeup, 4096)

    def _patience(self) -> float | None:
        """Return how long to sleep: who waits for the end of others must look, nobody tells of a grandchild."""
        if self._phase != _RUNNING:
            return _POLL
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def _late(self) -> bool:
        """Go on to the next phase, whose time has come; True when there is none."""
        if self._phase == _KILLING:
            return True
        if self._phase == _TERMINATING:
            self._enter(_KILLING, KILL_SECONDS)
            return False
        if self._phase == _RUNNING:
            self._cause = "timeout"
        else:
            self._left = len(self._alive())
        self._terminate()
        return False

    def _enter(self, phase: int, seconds: float) -> None:
        self._phase = phase
        self._until = time.monotonic() + seconds

    def _terminate(self) -> None:
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        self._enter(_TERMINATING, self._request["grace"])

    def _stop(self) -> None:
        """End it on request; a program that has ended already stays what it was."""
        if self._phase == _RUNNING and self._status is None:
            self._cause = "stop"
        if self._phase in {_RUNNING, _LINGERING}:
            self._terminate()

    def _listen(self) -> None:
        if os.read(0, 4096):
            self._stop()
            return
        self._control = None
        self._cause = "orphaned"
        self._enter(_KILLING, KILL_SECONDS)

    # --- processes ----------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Take in every child that has ended: the program itself, and orphans that came to us."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self._status = status

    def _alive(self) -> list[processes.Process]:
        found = processes.descendants(os.getpid())
        if found or processes.is_telling() or not processes.group_lives(self._pid):
            return found
        return [processes.Process(self._pid, os.getpid(), self._pid, self._request["argv"][0])]

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group at one moment, then to everybody who has left it."""
        found = self._alive()
        is_group = self._status is None or any(process.group == self._pid for process in found)
        if is_group:
            processes.kill_group(self._pid, number)
        for process in found:
            if process.group != self._pid:
                processes.kill(process.pid, number)

    # --- output -------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        if self._output is None:
            return
        block = os.read(self._output, _BLOCK)
        if not block:
            os.close(self._output)
            self._output = None
            return
        self._log.write(block)
        self._last = (self._last + block[-_LAST_WORDS:])[-_LAST_WORDS:]

    def _drain(self) -> None:
        """Take what is still in the pipe; somebody who has escaped may hold it open and print for ever."""
        end = time.monotonic() + _DRAIN_SECONDS
        while self._output is not None and time.monotonic() < end and select.select([self._output], [], [], 0)[0]:
            self._pump()


def main() -> None:
    """Take one request from stdin, run it, and tell on stdout what happened."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the holder's pipe says when to stop
    line, rest = _request()
    if line is None:
        return
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        supervisor = Supervisor(json.loads(line), rest)
    except OSError as error:
        _report({"is": "not_started", "stage": "log", "errno": error.errno})
        return
    supervisor.run()
    sys.stdout.flush()


def _request() -> tuple[bytes | None, bytes]:
    """Return the first line of stdin and what came behind it, None when the holder is gone already."""
    parts = bytearray()
    while b"\n" not in parts:
        part = os.read(0, 1 << 16)
        if not part:
            return None, b""
        parts += part
    line, _, rest = bytes(parts).partition(b"\n")
    return line, rest


def _report(frame: dict[str, Any]) -> None:
    line = json.dumps(frame).encode() + b"\n"
    with contextlib.suppress(BrokenPipeError):  # the holder is gone; the program's end is ours all the same
        while line:
            line = line[os.write(1, line) :]


def _wakeup() -> int:
    """Return a descriptor that can be read from whenever a child has ended."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return read_end
