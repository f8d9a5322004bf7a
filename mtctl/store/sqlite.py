"""Floor 2. The store: consistent views and write transactions over one connection.

Every write begins IMMEDIATE, so a busy database is waited for at the one place where nothing has happened yet.
A store belongs to one thread; a heartbeat thread opens its own.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import apsw

from mtctl.store.check import check_version
from mtctl.store.session import Session
from mtctl.store.troubles import bug, state_error, translated
from mtctl.store.view import SqliteView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.store.rewind import SqliteRewindTx
    from mtctl.store.tx import SqliteTx

T = TypeVar("T")

CLOCK_SLACK = 3_600_000_000
"""How far behind the greatest time ever written the wall clock may be: one hour in microseconds."""

_CLOCK_STEP = 60_000_000  # the greatest time is noted once a minute: it must not cost every transaction a page


class SqliteStore:
    """One connection to the state file; implements `ports.Store`."""

    def __init__(self, connection: apsw.Connection, clock: Clock, path: Path, on_close: Callable[[], None]) -> None:
        """Keep a ready connection; `on_close` is told once when it is closed."""
        self._connection = connection
        self._clock = clock
        self._path = path
        self._on_close = on_close
        self._closed = False
        self._checked_at: Instant | None = None
        opened = os.stat(path)  # noqa: PTH116 - the same
        self._identity = opened.st_dev, opened.st_ino

    @contextmanager
    def read(self) -> Iterator[SqliteView]:
        """Open a consistent view: everything read in it is of one moment."""
        with self._transaction("BEGIN"):
            yield SqliteView(Session(self._connection, self._clock))

    @contextmanager
    def write(self) -> Iterator[SqliteTx]:
        """Open a write transaction: committed at the end of the block, rolled back when it raises.

        Raises `clock_behind` (STATE) where the wall clock is more than an hour behind the newest time in the file.
        """
        from mtctl.store.tx import SqliteTx  # noqa: PLC0415 - readers need not load what writes

        with self._transaction("BEGIN IMMEDIATE"):
            session = Session(self._connection, self._clock)
            self._check_clock(session)
            yield SqliteTx(session)
            if session.published:
                from mtctl import trace  # noqa: PLC0415 - only publishing is a point to be killed at

                trace.point("publishing")

    @contextmanager
    def rewind(self) -> Iterator[SqliteRewindTx]:
        """Open a write transaction although the clock is behind; at its end its own time is the newest in the file.

        For the one verb that brings back what a clock that was ahead has written; all others would do more harm.
        """
        from mtctl.store.rewind import SqliteRewindTx  # noqa: PLC0415 - once in a project's life

        with self._transaction("BEGIN IMMEDIATE"):
            session = Session(self._connection, self._clock)
            self._checked_at = None
            yield SqliteRewindTx(session)
            session.run("leases.set_last_now", {"now": session.now})

    def change_mark(self) -> int:
        """Return a number that changes when another connection has written; asked outside of a transaction.

        Raises `state_moved` (STATE) where another file, or none, has taken the place of the one that is open, and
        `state_newer` where a newer mtctl has upgraded it meanwhile.
        """
        self._check_in_place()
        try:
            mark, version = self._connection.pragma("data_version"), self._connection.pragma("user_version")
        except apsw.Error as error:
            raise translated(error, self._path) from error
        check_version(self._path, int(version))
        return int(mark)

    def copy_catalog(self, target: Path, mode: int) -> int:
        """Write a copy of the catalog's tables to a file of this mode, whole and in one step; return its snapshot."""
        from mtctl.store.share import copy_catalog  # noqa: PLC0415 - only projects that share

        try:
            return copy_catalog(self._connection, target, mode)
        except apsw.Error as error:
            raise translated(error, self._path) from error

    def facts(self, ask: Callable[[apsw.Connection], T]) -> T:
        """Return what is asked of the bare connection, outside of any transaction: for checks of the file itself."""
        return ask(self._connection)

    def _check_in_place(self) -> None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked twice a second for months
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            what = "the state file that was opened here is gone or has been replaced"
            raise state_error("state_moved", what, self._path, "put it back, or start anew")

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self._connection.close()
        self._on_close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        if self._connection.in_transaction:
            raise bug("store_nested", "a transaction was opened inside another")
        try:
            self._connection.execute(begin)
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, apsw.Error):
                raise translated(error, self._path) from error
            raise

    def _check_clock(self, session: Session) -> None:
        checked_at, self._checked_at = self._checked_at, None
        if checked_at is None or not checked_at <= session.now < checked_at + _CLOCK_STEP:
            self._compare_clock(session)
            checked_at = session.now
        self._checked_at = checked_at

    def _compare_clock(self, session: Session) -> None:
        last: int = session.value("leases.last_now")
        if session.now < last - CLOCK_SLACK:
            hours = (last - session.now) / 3_600_000_000
            fix = "set the clock; if it is right, `mtctl scheduler rewind`"
            raise state_error("clock_behind", f"the clock is {hours:.1f} hours behind the state file", self._path, fix)
        if session.now > last + _CLOCK_STEP:
            session.run("leases.set_last_now", {"now": session.now})
