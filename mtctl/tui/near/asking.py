"""Floor 4. Questions to the lake: one at a time, in a thread of their own, each with the project opened for it alone.

A query may take minutes: neither what is read nor what is done may wait for it. It is opened anew for each, as each
`mtctl query` does: then nothing stays pinned, no engine stays behind, and an interrupted one leaves nothing broken.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.words import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.app import App
    from mtctl.ports.engine import QueryResult
    from mtctl.ports.history import Moment

T = TypeVar("T")

LONGEST_CELL = 10_000
"""Letters of one value that are kept."""

MOST_TEXT = 16 << 20
"""Letters of one answer that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The first rows of an answer; `cut` says that there are or may be more, `moment` as of when the lake was read."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    cut: bool
    moment: str


class Asks:
    """The thread that asks."""

    def __init__(self, open_app: Callable[[], App]) -> None:
        """Start no thread yet; `open_app` is called in it for every question."""
        self._open_app = open_app
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mtctl-ui-asks")
        self._lock = threading.Lock()
        self._app: App | None = None
        self._last = 0
        self._stopped = 0

    async def do(self, act: Callable[[App], T]) -> T:
        """Ask; errors of the project come back as they are, `cancelled` after `stop`."""
        with self._lock:
            self._last += 1
            number = self._last
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, number, act)

    def stop(self) -> None:
        """Interrupt what is asked now, and what waits for its turn."""
        with self._lock:
            self._stopped = self._last
            if self._app is not None:
                self._app.interrupt()

    def close(self) -> None:
        """Interrupt what is asked and end the thread."""
        self.stop()
        self._pool.shutdown(wait=True)

    def _run(self, number: int, act: Callable[[App], T]) -> T:
        if number <= self._stopped:
            raise _cancelled()
        app = self._open_app()
        with self._lock:
            self._app = app
            is_stopped = number <= self._stopped
        try:
            if is_stopped:
                raise _cancelled()
            return act(app)
        finally:
            with self._lock:
                self._app = None
            with suppress(Exception):  # whatever is wrong with its end, the answer is there
                app.__exit__(None, None, None)


def query(app: App, sql: str, at: str, limit: int) -> Told:
    """Run `mtctl query SQL --limit N [--at WHEN]`; runs in the asking thread."""
    if not at:
        return taken(app, app.query(sql, limit), limit)
    then = app.lake.past.moment(at)
    return taken(app, app.lake.past.query(sql, limit, then), limit, _shown(then))


def taken(app: App, result: QueryResult, limit: int, as_of: str = "") -> Told:
    """Take the rows of an answer, so many at most, and say as of which snapshot they are."""
    rows: list[tuple[str | None, ...]] = []
    size, cut = 0, False
    for chunk in result.chunks:
        for row in chunk:
            kept = tuple(None if text is None else text[:LONGEST_CELL] for text in row)
            size += sum(len(text) for text in kept if text)
            rows.append(kept)
        if size > MOST_TEXT or len(rows) >= limit:
            cut = True
            break
    close = getattr(result.chunks, "close", None)
    if cut and close is not None:
        close()
    if not as_of and result.snapshot_id is not None:
        as_of = _moment(app, result.snapshot_id)
    return Told(columns=result.columns, types=result.types, rows=tuple(rows[:limit]), cut=cut, moment=as_of)


def _moment(app: App, snapshot_id: int) -> str:
    try:
        return _shown(app.lake.past.moment(str(snapshot_id)))
    except MtctlError:
        return f"snapshot {snapshot_id}"


def _shown(then: Moment) -> str:
    return f"snapshot {then.snapshot_id} of {moment(then.at)}"


def _cancelled() -> MtctlError:
    return MtctlError("cancelled", "the query was cancelled", kind=Kind.FAILED)
