"""Floor 2. Running a program: its environment, its supervisor, and its end in the words of the user.

The environment is made here from an allow-list; a program gets its argv exactly, and a shell only where it was asked
for, with values in the environment and never in the text.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtctl.actions import processes
from mtctl.actions.logs import CAP, HEAD
from mtctl.core.names import printable
from mtctl.core.states import Outcome
from mtctl.core.values import replace
from mtctl.ports.actions import ActionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from mtctl.ports.actions import CommandRequest

MARK = "MTCTL_ATTEMPT"
"""The variable that everything an attempt starts inherits: what is left of a dead supervisor is found by it."""

_POLL = 0.1
_SPARE_SECONDS = 10.0
_SWEEP_SECONDS = 2.0
_SWEEP_POLL = 0.01
_EMPTY_LOOKS = 3
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from mtctl.actions.supervisor import main; main()"
_HERE = str(Path(__file__).resolve().parents[2])
_LONGEST = 200


def run_command(
    request: CommandRequest,
    stop: Event,
    on_group: Callable[[int, int], None],
    *,
    cap: int = CAP,
    head: int = HEAD,
) -> ActionResult:
    """Run the program and return how it ended, with all that it started ended too.

    Codes: `command_not_found`, `command_not_executable`, `command_folder`, `command_too_long`, `command_resources`,
    `command_log`, `command_exit`, `command_signal`, `command_timeout`, `command_lost`, `cancelled`; on a success
    `command_left_running` where processes that it left behind had to be ended, `command_escaped` where they could not.
    """
    if stop.is_set():
        return ActionResult(outcome=Outcome.CANCELLED, code="cancelled", message="cancelled before it began")
    group = 0
    try:
        supervisor = _start()
    except OSError as error:  # no room for one more process or pipe, as when the program itself cannot be forked
        return _not_started(request, {"stage": "fork", "errno": error.errno or errno.EAGAIN})
    with _supervised(supervisor, _frame(request, cap, head)) as process:
        for frame in _frames(process, request, stop):
            if frame["is"] == "started":
                group = frame["group"]
                on_group(group, frame["ticks"])
                _send(process, b"go\n")  # not before the group is in the books
            elif frame["is"] == "not_started":
                return _not_started(request, frame)
            else:
                return _ended(request, frame)
        process.kill()
    _sweep(request, group)
    return ActionResult(
        outcome=Outcome.FAILED,
        code="command_lost",
        message="the process that watched the program died; what was left of the program was killed",
        transient=True,
        log=_log(request),
    )


# --- the supervisor ---------------------------------------------------------------------------------------------


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOT, _HERE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


@contextlib.contextmanager
def _supervised(process: subprocess.Popen[bytes], frame: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """Give a supervisor its request; at the end its pipe closes, which ends whatever it still has."""
    try:
        _send(process, json.dumps(frame).encode() + b"\n")
        yield process
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


def _frames(process: subprocess.Popen[bytes], request: CommandRequest, stop: Event) -> Iterator[dict[str, Any]]:
    """Yield what the supervisor tells, and pass a stop on; ends when it is gone, or silent long after its time."""
    if process.stdout is None:
        return
    output, rest = process.stdout.fileno(), b""
    spare = request.grace / 1e6 + _SPARE_SECONDS
    until = None if request.timeout is None else time.monotonic() + request.timeout / 1e6 + spare
    is_stopping = False
    while until is None or time.monotonic() < until:
        if stop.is_set() and not is_stopping:
            is_stopping = True
            until = time.monotonic() + spare
            _send(process, b"stop\n")
        if not select.select([output], [], [], _POLL)[0]:
            continue
        block = os.read(output, 1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        yield from (json.loads(line) for line in lines)


def _send(process: subprocess.Popen[bytes], data: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(data)
            process.stdin.flush()


def _frame(request: CommandRequest, cap: int, head: int) -> dict[str, Any]:
    inherited = {name: os.environ[name] for name in request.inherit if name in os.environ}
    return {
        "argv": ["/bin/sh", "-c", request.argv[0]] if request.shell else list(request.argv),
        "env": inherited | dict(request.env) | {MARK: request.attempt},
        "folder": request.folder,
        "timeout": None if request.timeout is None else request.timeout / 1e6,
        "grace": request.grace / 1e6,
        "log": request.log,
        "cap": cap,
        "head": head,
    }


def _sweep(request: CommandRequest, group: int) -> None:
    """Kill what a dead supervisor has left: the group, and all that bears the attempt's mark."""
    if group:
        processes.kill_group(group, signal.SIGKILL)
    until = time.monotonic() + _SWEEP_SECONDS
    empty = 0
    # One that is just being forked, or has no environment yet in the midst of its exec, is not seen by the first look.
    while empty < _EMPTY_LOOKS and time.monotonic() < until:
        found = processes.marked(MARK, request.attempt)
        empty = 0 if found else empty + 1
        for pid in found:
            processes.kill(pid, signal.SIGKILL)
        time.sleep(_SWEEP_POLL)


# --- in words ---------------------------------------------------------------------------------------------------


def _not_started(request: CommandRequest, frame: dict[str, Any]) -> ActionResult:
    stage, number = frame["stage"], frame["errno"]
    program = "/bin/sh" if request.shell else printable(request.argv[0][:_LONGEST])
    reason = os.strerror(number)
    code, message = "command_not_executable", f"{program} cannot be run: {reason}"
    if stage == "log":
        code, message = "command_log", f"the log file {request.log} cannot be made: {reason}"
    elif stage == "folder":
        code, message = "command_folder", f"the folder {printable(request.folder)} cannot be entered: {reason}"
    elif stage == "fork" or number in {errno.ENOMEM, errno.EAGAIN}:
        code, message = "command_resources", f"the system has no room for {program}: {reason}"
    elif number == errno.E2BIG:
        code, message = "command_too_long", f"the arguments and variables of {program} are too long for the system"
    elif number in {errno.ENOENT, errno.ENOTDIR} and stage == "find":
        where = "" if "/" in program else " on the PATH"
        code, message = "command_not_found", f"there is no program {program}{where}"
    elif number == errno.ENOENT:
        message = f"{program} cannot be run: the interpreter of its first line does not exist"
    elif number == errno.ENOEXEC:
        message = f"{program} cannot be run: it is neither a program nor begins with #!"
    transient = code in {"command_resources", "command_log"}
    return ActionResult(outcome=Outcome.FAILED, code=code, message=message, transient=transient, log=_log(request))


def _ended(request: CommandRequest, frame: dict[str, Any]) -> ActionResult:
    result = replace(_judged(request, frame), log=_log(request))
    notes = [result.message] if result.message else []
    code = result.code
    if frame.get("left"):
        code = code or "command_left_running"
        notes.append(f"{frame['left']} processes that it left running were ended")
    if frame.get("escaped"):
        code = code or "command_escaped"
        notes.append(f"escaped and still running: {', '.join(frame['escaped'][:10])}")
    if frame.get("left_out"):
        notes.append(f"{frame['left_out']:,} bytes of its output are left out of the log")
    if frame.get("trouble"):
        notes.append(f"its output could not all be written: {frame['trouble']}")
    return replace(result, code=code, message="; ".join(notes))


def _judged(request: CommandRequest, frame: dict[str, Any]) -> ActionResult:
    code, cause = frame["code"], frame["cause"]
    if cause == "timeout":
        seconds = (request.timeout or 0) / 1e6
        message = f"ended after its time of {seconds:g} s"
        return ActionResult(outcome=Outcome.TIMED_OUT, code="command_timeout", message=message, transient=True)
    if cause != "exit":
        return ActionResult(outcome=Outcome.CANCELLED, code="cancelled", message="cancelled")
    if code in request.ok:
        return ActionResult(outcome=Outcome.SUCCESS)
    last = _last_line(frame["last"])
    if code is None or code < 0:
        name = "an unknown signal" if code is None else _signal_name(-code)
        # Nobody but the kernel, short of memory, kills a program from outside without a word.
        is_killed = code == -signal.SIGKILL
        hint = ", perhaps because memory ran out" if is_killed else ""
        message = f"ended by {name}{hint}{last}"
        return ActionResult(outcome=Outcome.FAILED, code="command_signal", message=message, transient=is_killed)
    transient = not request.transient or code in request.transient
    message = f"ended with exit code {code}{last}"
    return ActionResult(outcome=Outcome.FAILED, code="command_exit", message=message, transient=transient)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {printable(lines[-1][:_LONGEST])}" if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _log(request: CommandRequest) -> str | None:
    return request.log if Path(request.log).exists() else None
