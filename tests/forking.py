"""Runners by fork: the runner's own program, from a process that has imported it once.

A runner of its own costs 0.15 s of CPU before its first frame, nearly all of it imports, and the suite starts hundreds.
The zygote, one process of each worker, imports it and forks; all after that is as in production: a process of its own,
its own session, DuckDB opened in it, a child of who asked; but limits and umask it has of the zygote. Commands that a
test runs as processes, daemons, and tests with the fixture `started` start theirs as users do.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from mtctl import trace
from mtctl.engine import process

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[[str, IO[bytes]], Any]

_PR_SET_CHILD_SUBREAPER = 36
_MOST = 1 << 20


class Forked:
    """A runner as `subprocess.Popen` shows one."""

    def __init__(self, pid: int, stdin: int, stdout: int) -> None:
        self.pid = pid
        self.stdin: IO[bytes] = os.fdopen(stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb")
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        code = self.poll()
        if code is None:
            self._until_it_ends(timeout)
            code = self.poll()
            if code is None:
                raise subprocess.TimeoutExpired("runner", timeout or 0.0)
        return code

    def _until_it_ends(self, timeout: float | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                select.select([descriptor], [], [], timeout)
            finally:
                os.close(descriptor)


class Zygote:
    """The process that forks; started at the first runner, ended with this one."""

    def __init__(self, ordinary: Start) -> None:
        self._ordinary = ordinary
        self._begun: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """End it; runners that live do not notice."""
        if self._begun is not None:
            helper, ours = self._begun
            ours.close()
            helper.wait()

    def start(self, python: str, stderr: IO[bytes]) -> Any:
        """Stand in for `mtctl.engine.process._start`."""
        if python != sys.executable or trace.descriptors() or not _can_fork():
            return self._ordinary(python, stderr)
        (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
        try:
            with self._lock:
                pid = self._fork([read_in, write_out, stderr.fileno()])
        finally:
            os.close(read_in)
            os.close(write_out)
        return Forked(pid, write_in, read_out)

    def _fork(self, descriptors: list[int]) -> int:
        if self._begun is None:
            self._begun = _begin()
        _, ours = self._begun
        wanted = json.dumps({"cwd": str(Path.cwd()), "env": dict(os.environ)})
        _reap_grandchildren(on=True)  # the fork's parent ends at once, so that the runner becomes a child of ours
        try:
            socket.send_fds(ours, [wanted.encode()], descriptors)
            found = ours.recv(64)
        finally:
            _reap_grandchildren(on=False)
        if not found:
            raise RuntimeError("the zygote has ended")
        return int(found)


@cache
def _can_fork() -> bool:
    """Return whether this is a Linux that can wait for a process of another's making."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        _reap_grandchildren(on=False)
    except (AttributeError, OSError):
        return False
    return True


def _begin() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        helper = subprocess.Popen(
            [sys.executable, "-P", "-c", f"import forking; forking.serve({theirs.fileno()})"],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=process._environment() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    return helper, ours


def _reap_grandchildren(*, on: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


# --- in the process that forks ----------------------------------------------------------------------------------------


def serve(descriptor: int) -> None:
    """Fork a runner for each message, until the other end is closed."""
    from mtctl.engine import runner

    with socket.socket(fileno=descriptor) as asked:
        while True:
            words, descriptors, _, _ = socket.recv_fds(asked, _MOST, 3)
            if not words:
                return
            asked.send(str(_grandchild(asked, json.loads(words), descriptors, runner.main)).encode())
            for each in descriptors:
                os.close(each)


def _grandchild(asked: socket.socket, wanted: dict[str, Any], descriptors: list[int], main: Callable[[], None]) -> int:
    told, tell = os.pipe()
    between = os.fork()
    if not between:
        try:
            if not os.fork():
                asked.close()
                os.close(told)
                _be_a_runner(wanted, descriptors, tell, main)
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(between, 0)
    pid = int(os.read(told, 64))
    os.close(told)
    return pid


def _be_a_runner(wanted: dict[str, Any], descriptors: list[int], tell: int, main: Callable[[], None]) -> NoReturn:
    os.setsid()
    os.write(tell, str(os.getpid()).encode())  # only now: who knows of it may send its whole group a signal
    os.close(tell)
    for number, each in enumerate(descriptors):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environ.update(wanted["env"])
    os.chdir(wanted["cwd"])
    time.tzset()
    try:
        main()
    finally:
        os._exit(1)
