"""Floor 2. The runner's process as its holder sees it: its own group, one thread that hears it, a sure end."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mtctl import trace
from mtctl.engine.frames import read_frame, write_frame
from mtctl.engine.settings import dump_settings

if TYPE_CHECKING:
    from mtctl.engine.settings import RunnerSettings

_PREFIX = "mtctl-runner-"
_TAIL_BYTES = 2000
_CLOSE_SECONDS = 2.0


class RunnerProcess:
    """One running runner. `frames` yields what it sends, None once it is gone."""

    def __init__(self, python: str, settings: RunnerSettings) -> None:
        """Start the process and send it the opening frame."""
        sweep(settings.temp)
        Path(settings.temp).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temp = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=settings.temp)
        self._stderr = os.fdopen(os.open(Path(self.temp, "stderr"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
        try:
            self._process = _start(python, self._stderr)
        except OSError:
            self._stderr.close()
            shutil.rmtree(self.temp, ignore_errors=True)
            raise
        self.frames: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._write_lock = threading.Lock()
        self._reader = threading.Thread(target=self._hear, name="runner-reader", daemon=True)
        self._reader.start()
        self.send({"do": "open", "temp": self.temp, "settings": dump_settings(settings)})

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group too."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def send(self, frame: dict[str, Any]) -> None:
        """Send one frame; a runner that is gone shows as the end of `frames`."""
        if self._process.stdin is None:
            return
        with self._write_lock, contextlib.suppress(BrokenPipeError, ValueError):
            write_frame(self._process.stdin.fileno(), frame)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def tail(self) -> str:
        """Return the last line that the process wrote to stderr."""
        with contextlib.suppress(OSError, ValueError):
            self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, self._stderr.tell() - _TAIL_BYTES))
            lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""

    def end(self) -> int:
        """Close the pipe, wait briefly, kill if needed, remove the private folder; return the exit code.

        A descriptor is closed only when no thread can be about to use it: the system gives its number to the next
        runner's pipe at once, and a late reader would take that one's answer.
        """
        self._close_stdin()
        try:
            code = self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            code = self._process.wait()
        self._reader.join(_CLOSE_SECONDS)  # it ends with the process and closes what it reads
        self._stderr.close()
        shutil.rmtree(self.temp, ignore_errors=True)
        return code

    def _close_stdin(self) -> None:
        """Close the pipe to the runner, not under a thread that writes: one that is stuck is freed by a kill."""
        if not self._write_lock.acquire(timeout=_CLOSE_SECONDS):
            self.signal(signal.SIGKILL)
            self._write_lock.acquire()
        try:
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
        finally:
            self._write_lock.release()

    def _hear(self) -> None:
        out = self._process.stdout
        if out is not None:
            with contextlib.suppress(OSError, ValueError):
                while (frame := read_frame(out.fileno())) is not None:
                    self.frames.put(frame)
            out.close()
        self.frames.put(None)


def sweep(folder: str) -> None:
    """Remove the private folders of runners whose holder is gone."""
    for path in Path(folder).glob(f"{_PREFIX}*"):
        holder = path.name.removeprefix(_PREFIX).partition("-")[0]
        if holder.isdigit() and not _exists(int(holder)):
            shutil.rmtree(path, ignore_errors=True)


def _start(python: str, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [python, "-P", "-m", "mtctl.engine.runner"],  # -P: a json.py where the user stands is not ours
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        pass_fds=trace.descriptors(),
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Return our environment, with the place that this very package was loaded from first on the path."""
    here = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": here if not before else f"{here}{os.pathsep}{before}"}


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
