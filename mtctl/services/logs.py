"""Floor 3. The captured output of commands and requests, read from the log files of their attempts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.workflow import TaskKind
from mtctl.services.instance_naming import find_instance, find_tasks
from mtctl.services.reports.verbs import LogFile
from mtctl.services.verbs import ENDED

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store

POLL_SECONDS = 0.2
"""How often somebody who follows looks for more."""

_CHUNK = 1 << 16


class Logs:
    """Reads log files; only what there is of them, for they are capped and may be removed."""

    def __init__(self, store: Store, clock: Clock, folder: Path, stop: threading.Event) -> None:
        """Keep the ports; `folder` holds a file for each attempt, `stop` ends following."""
        self._store = store
        self._clock = clock
        self._folder = folder
        self._stop = stop

    def files(self, prefix: str, task: str | None = None) -> tuple[LogFile, ...]:
        """Return the log files of an instance by attempt, those of one task by name; error `task_unknown`."""
        return self._look(prefix, task)[0]

    def read(
        self, prefix: str, task: str | None, on_data: Callable[[LogFile, bytes], None], *, follow: bool = False
    ) -> tuple[LogFile, ...]:
        """Give the output piece by piece; with `follow` go on with what comes until the instance has ended."""
        seen: dict[str, int] = {}
        while True:
            files, has_ended = self._look(prefix, task)
            for file in files:
                seen[file.attempt] = _more(file, seen.get(file.attempt, 0), on_data)
            if not follow or has_ended or self._stop.is_set():
                return files
            self._clock.wait(self._stop, POLL_SECONDS)

    def _look(self, prefix: str, task: str | None) -> tuple[tuple[LogFile, ...], bool]:
        with self._store.read() as view:
            row = find_instance(view, prefix)
            tasks, attempts = view.tasks(row.instance_id), view.attempts(row.instance_id)
        chosen = tasks if task is None else find_tasks(tasks, task)
        names = {one.task_id: one.name for one in chosen if one.kind is not TaskKind.REFRESH}
        files = tuple(
            LogFile(
                task=names[attempt.task_id],
                attempt=attempt.ulid,
                number=attempt.number,
                path=str(log_path(self._folder, attempt.ulid)),
                ended=attempt.outcome is not None,
            )
            for attempt in attempts
            if attempt.task_id in names
        )
        return files, row.state in ENDED


def log_path(folder: Path, attempt: str) -> Path:
    """Return where the output of an attempt is captured."""
    return folder / f"{attempt}.log"


def tail(path: Path, begin: int | None, most: int) -> tuple[bytes, int] | None:
    """Return what stands behind a place in a log (None: its end), at most so many bytes, and the place behind that.

    None where there is no such file, or one that cannot be read. One that has become shorter was put in order at its
    end: it is read anew.
    """
    try:
        with path.open("rb") as stream:
            length = stream.seek(0, 2)
            if begin is None or begin > length:
                begin = max(0, length - most)
            stream.seek(begin)
            data = stream.read(most)
    except OSError:
        return None
    return data, begin + len(data)


def _more(file: LogFile, begin: int, on_data: Callable[[LogFile, bytes], None]) -> int:
    """Give what stands behind a place in a file; return the place behind that."""
    try:
        with Path(file.path).open("rb") as stream:
            stream.seek(begin)
            while chunk := stream.read(_CHUNK):
                begin += len(chunk)
                on_data(file, chunk)
    except FileNotFoundError:
        return begin
    return begin
