"""Floor 4. Threads with a project open in each: one reads, one acts, one asks, and none waits for the other.

A project's parts belong to the thread that opened them. What fails to open is tried again at the next call: a state
file that was locked, moved or put back is no reason to end.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from mtctl.tui.near.asking import Asks

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.app import App

T = TypeVar("T")


class Seat:
    """One thread with the project open in it."""

    def __init__(self, name: str, open_app: Callable[[], App], *, careful: bool = False) -> None:
        """Start no thread yet; `open_app` is called in it, at the first use and after trouble.

        A `careful` one opens the project anew where another state file has taken the place of the one that it has open:
        what were written there nobody would ever see.
        """
        self._open_app = open_app
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"mtctl-ui-{name}")
        self._app: App | None = None
        self._careful = careful
        self._lock = threading.Lock()
        self.doing = 0

    async def do(self, act: Callable[[App], T]) -> T:
        """Run it in the thread; errors of the project come back as they are."""
        self.doing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, act)
        finally:
            self.doing -= 1

    def stop(self) -> None:
        """Interrupt what runs in the thread."""
        with self._lock:
            if self._app is not None:
                self._app.interrupt()

    def close(self) -> None:
        """End the thread and close its project."""
        self._pool.submit(self._drop)
        self._pool.shutdown(wait=True)

    def _run(self, act: Callable[[App], T]) -> T:
        from mtctl.core.errors import Kind, MtctlError  # noqa: PLC0415 - only where something runs

        try:
            if self._app is not None and self._careful:
                self._app.board.mark()
        except MtctlError:
            self._drop()
        if self._app is None:
            opened = self._open_app()
            with self._lock:
                self._app = opened
        try:
            return act(self._app)
        except MtctlError as error:
            if error.kind is Kind.STATE:
                self._drop()
            raise

    def _drop(self) -> None:
        with self._lock:
            app, self._app = self._app, None
        if app is not None:
            with suppress(Exception):  # it is gone or broken: nothing more can be done with it
                app.__exit__(None, None, None)


class Desk:
    """The reading and the acting seat, and the thread of questions to the lake."""

    def __init__(self, open_app: Callable[[], App]) -> None:
        """Keep the way to the project."""
        self.reads = Seat("reads", open_app)
        self.acts = Seat("acts", open_app, careful=True)
        self.asks = Asks(open_app)
        self.acting: set[str] = set()
        """The commands that are being done."""

    async def mark(self) -> int:
        """Return a number that changes when anybody else has written."""
        return await self.reads.do(lambda app: app.board.mark())

    def close(self) -> None:
        """End all threads; what acts or is asked is interrupted."""
        self.acts.stop()
        self.asks.close()
        self.reads.close()
        self.acts.close()
