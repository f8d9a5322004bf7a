"""Floor 2. One connection with its clock: runs named statements with bound values.

Times reach SQL only as bindings: every statement may name `:now` and the lease clock, taken once a transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.store.statements import statement
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import apsw

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock

Row = tuple[Any, ...]

LEASE_NS = 60_000_000_000
"""How long a lease lasts without a beat: 60 s of CLOCK_BOOTTIME (six missed beats)."""


class Session:
    """A transaction's reach: the connection, its one time, and what was looked up once."""

    __slots__ = ("_data_path", "boot_id", "boottime", "connection", "now", "published")

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        """Take the time once; everything in this transaction happens then."""
        self.connection = connection
        self.now: Instant = clock.now()
        self.boottime = clock.boottime()
        self.boot_id = clock.boot_id()
        self.published = False
        self._data_path: str | None = None

    @property
    def lease_until(self) -> int:
        """When a lease given now runs out, in CLOCK_BOOTTIME nanoseconds."""
        return self.boottime + LEASE_NS

    def rows(self, name: str, bindings: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement and return all its rows."""
        return self.connection.execute(statement(name), bindings).fetchall()

    def row(self, name: str, bindings: Mapping[str, Any] | None = None) -> Row | None:
        """Run a statement and return its first row, None when there is none."""
        found = self.connection.execute(statement(name), bindings).fetchall()
        return found[0] if found else None

    def value(self, name: str, bindings: Mapping[str, Any] | None = None) -> Any:
        """Run a statement and return the first value of its first row, None when there is none."""
        found = self.row(name, bindings)
        return None if found is None else found[0]

    def run(self, name: str, bindings: Mapping[str, Any] | None = None) -> int:
        """Run a change and return how many rows it touched."""
        self.connection.execute(statement(name), bindings)
        return self.connection.changes()

    def run_many(self, name: str, bindings: Iterable[Mapping[str, Any]]) -> None:
        """Run a change once for each binding."""
        self.connection.executemany(statement(name), bindings)

    def data_path(self) -> str:
        """Return the lake's data path as the catalog has it: absolute, with a trailing slash."""
        if self._data_path is None:
            found = self.value("catalog.metadata", {"key": "data_path"})
            if found is None:
                raise bug("catalog_data_path", "the catalog names no data path")
            self._data_path = str(found)
        return self._data_path

    def forget_data_path(self) -> None:
        """Read the data path again at the next use: it has been rewritten."""
        self._data_path = None
