"""Floor 2. Starting one program: found on its own PATH, in a session of its own, with nothing inherited but output.

Fork and exec by hand: the supervisor has one thread, and must know at which step and why a start failed.
"""

# ruff: noqa: PTH110, PTH112, PTH118 - os.path: the supervisor must start at once

from __future__ import annotations

import errno
import os
import signal
import stat
from typing import Any, NamedTuple, NoReturn

_RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class NotStartedError(Exception):
    """Why a program did not start: at which step (find, folder, fork, exec), and the system's number."""

    def __init__(self, stage: str, number: int) -> None:
        """Keep both."""
        super().__init__(stage, number)
        self.stage = stage
        self.number = number


class Waiting(NamedTuple):
    """A process that is about to become the program: it waits for a byte on `gate`, and tells `trouble` of its own."""

    pid: int
    gate: int
    trouble: int


def prepare(request: dict[str, Any], output: int) -> Waiting:
    """Fork what is to be the program; nothing of it runs before `release`. Raises `NotStartedError`.

    It leads its own session and group; stdin is empty, stdout and stderr are `output`. argv goes as it is.
    """
    folder, argv, env = request["folder"], request["argv"], request["env"]
    if not os.path.isdir(folder):
        raise NotStartedError("folder", errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT)
    program = _find(argv[0], folder, env.get("PATH", ""))
    gate, release_end = os.pipe()
    read_end, trouble = os.pipe()  # closed by a successful exec
    try:
        pid = os.fork()
    except OSError as error:
        raise NotStartedError("fork", error.errno or errno.EAGAIN) from None
    if pid == 0:
        os.close(release_end)
        os.setsid()
        os.write(trouble, b".")
        if not os.read(gate, 1):
            os._exit(127)  # the supervisor is gone
        _become(program, argv, env, folder, output, trouble)
    os.close(gate)
    os.close(trouble)
    os.read(read_end, 1)  # now it leads its group
    return Waiting(pid, release_end, read_end)


def release(waiting: Waiting) -> None:
    """Let the program run; returns once it does. Raises `NotStartedError`."""
    os.write(waiting.gate, b"!")
    os.close(waiting.gate)
    trouble = os.read(waiting.trouble, 100).decode()
    os.close(waiting.trouble)
    if trouble:
        os.waitpid(waiting.pid, 0)
        stage, _, number = trouble.partition(" ")
        raise NotStartedError(stage, int(number))


def _find(name: str, folder: str, path: str) -> str:
    """Return the file to run: a name without a slash is looked for in the absolute folders of PATH."""
    if "/" in name:
        _check_runs(os.path.join(folder, name))
        return name
    number = errno.ENOENT
    for part in path.split(":"):
        candidate = os.path.join(part, name)
        if not part.startswith("/") or not os.path.exists(candidate):
            continue
        try:
            _check_runs(candidate)
        except NotStartedError as error:
            number = error.number
        else:
            return candidate
    raise NotStartedError("find", number)


def _check_runs(path: str) -> None:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - as above
    except OSError as error:
        raise NotStartedError("find", error.errno or errno.ENOENT) from None
    if stat.S_ISDIR(mode):
        raise NotStartedError("find", errno.EISDIR)
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
        raise NotStartedError("find", errno.EACCES)


def _become(program: str, argv: list[str], env: dict[str, str], folder: str, output: int, trouble: int) -> NoReturn:
    """Turn this fork into the program; it never returns to the code of its parent."""
    stage = "exec"
    try:
        signal.set_wakeup_fd(-1)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        stage = "folder"
        os.chdir(folder)
        stage = "exec"
        os.execve(program, argv, env)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(trouble, f"{stage} {error.errno}".encode())
    except BaseException:  # noqa: BLE001 - whatever it is, the fork must not go on as a second supervisor
        os.write(trouble, f"{stage} {errno.EINVAL}".encode())
    finally:
        os._exit(127)
