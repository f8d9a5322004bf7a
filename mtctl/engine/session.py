"""Floor 2. One locked-down DuckDB: opened for a set of paths, cleaned between attempts, interrupted on request.

DuckDB cannot change its list of allowed paths once external access is off. So a session that needs a path which its
instance does not allow opens a new instance, which costs about ten milliseconds, allowing all paths seen so far.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.errors import Kind, MtctlError
from mtctl.engine import literals
from mtctl.engine.databases import attach, refuse_reaching, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mtctl.core.model import Source
    from mtctl.engine.settings import RunnerSettings
    from mtctl.engine.syntax import Syntax

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # It knows a file by path and time: one rewritten within a tick of the clock was answered from the cache. The
    # operating system keeps the bytes anyway.
    "enable_external_file_cache": False,
}


class Session:
    """The runner's DuckDB instance and its connections; `interrupt` may come from another thread."""

    def __init__(self, settings: RunnerSettings, temp: str) -> None:
        """Keep the settings; `temp` is this runner's own spill folder."""
        self.settings = settings
        self.syntaxes: dict[str, Syntax] = {}
        self._temp = temp
        self._paths: set[str] = set()
        self._databases: tuple[Source, ...] = ()
        self._troubles: dict[str, MtctlError] = {}
        self.secrets: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._cancelled = threading.Event()
        self._zone = ""
        self._memory, self._threads = settings.memory, settings.threads
        self.generation = 0
        self._connection = self._open()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The main connection."""
        return self._connection

    def allow(self, paths: Iterable[str]) -> None:
        """Make the instance able to read these files; where it was not, a new one takes its place, empty."""
        new = set(paths) - self._paths
        if not new:
            return
        self._paths |= new
        self.reopen()

    def reach(self, paths: Iterable[str], databases: Sequence[Source]) -> dict[str, MtctlError]:
        """Do as `allow` and attach databases in a new instance; return what could not be attached, by source.

        They stay until `detach`, which whoever answers a request calls.
        """
        if not databases:
            self.allow(paths)
            return {}
        self._paths |= set(paths)
        self._databases = tuple(databases)
        self.secrets = secrets_of(databases)
        self.reopen()
        return self._troubles

    def read_from(self, paths: Iterable[str], databases: Sequence[Source]) -> None:
        """Do as `reach`, and raise the first trouble."""
        for trouble in self.reach(paths, databases).values():
            raise trouble

    def detach(self) -> None:
        """Let go of all databases: the instance that had them ends."""
        if self._databases:
            self._databases = ()
            self.reopen()

    def forget(self, path: str) -> None:
        """Leave a path out of the instances to come."""
        self._paths.discard(path)

    @contextmanager
    def database(self, path: str, zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a database file, writable and as locked down as the session itself; `interrupt` reaches it too."""
        connection = duckdb.connect(path, config=_CONFIG | self._limits())
        try:
            connection.execute(f"SET errors_as_json = true; SET TimeZone = {literals.text(zone)}")
            connection.execute(
                "SET enable_external_access = false; SET allowed_configs = []; SET lock_configuration = true"
            )
            with self._lock:
                self._cursors.append(connection)
            try:
                yield connection
            finally:
                with self._lock:
                    self._cursors.remove(connection)
        finally:
            connection.close()

    def reopen(self) -> None:
        """Throw the instance away and open a fresh one."""
        self._connection.close()
        self._zone = ""
        self.generation += 1
        connection = self._open()
        with self._lock:
            self._connection = connection

    def limit(self, memory: int | None, threads: int | None) -> None:
        """Use so much memory (bytes, Python's share included) and so many threads from now on; None: as settled."""
        wanted = memory or self.settings.memory, threads or self.settings.threads
        if wanted == (self._memory, self._threads):
            return
        self._memory, self._threads = wanted
        self._connection.execute(
            f"SET memory_limit = '{_engine_memory(self._memory)}B'; SET threads = {int(self._threads)}"
        )

    def use_zone(self, zone: str) -> None:
        """Set the session's time zone."""
        if zone != self._zone:
            self._connection.execute(f"SET TimeZone = {literals.text(zone)}")
            self._zone = zone

    def run(self, sql: str, params: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Execute one statement on the main connection and fetch all; MtctlError `cancelled` once interrupted."""
        self.check()
        return self._connection.execute(sql, dict(params) if params else None).fetchall()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return one more connection to the same instance, which `interrupt` reaches too; close it after use."""
        with self._lock:
            cursor = self._connection.cursor()
            self._cursors.append(cursor)
        if self._zone:
            cursor.execute(f"SET TimeZone = {literals.text(self._zone)}")
        return cursor

    def release(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Close a cursor."""
        with self._lock:
            self._cursors.remove(cursor)
        cursor.close()

    def check(self) -> None:
        """Raise `cancelled` when a cancel has come since `begin`."""
        if self._cancelled.is_set():
            raise cancelled()

    def begin(self) -> None:
        """Start an attempt: no cancel is pending."""
        self._cancelled.clear()

    def interrupt(self) -> None:
        """Stop whatever runs, from any thread."""
        self._cancelled.set()
        for connection in self._connections():
            connection.interrupt()

    def progress(self) -> float:
        """Return the main connection's progress in percent, negative when unknown; from any thread."""
        with self._lock:
            return float(self._connection.query_progress())

    def close(self) -> None:
        """Close everything."""
        for connection in self._connections():
            connection.close()

    def _connections(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            found = [*self._cursors, self._connection]
        yield from found

    def _limits(self) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "memory_limit": f"{_engine_memory(self._memory)}B",
            "threads": self._threads,
            "temp_directory": self._temp,
        }

    def _open(self) -> duckdb.DuckDBPyConnection:
        settings = self.settings
        connection = duckdb.connect(":memory:", config=_CONFIG | self._limits())
        self._troubles = self._attach(connection)
        folders = [folder.rstrip("/") + "/" for folder in (settings.data, settings.staging)]
        connection.execute(
            f"SET allowed_paths = {literals.text_list(sorted(self._paths))};"
            f"SET allowed_directories = {literals.text_list(folders)};"
            "SET errors_as_json = true;"
            "SET enable_progress_bar = true;"
            "SET enable_progress_bar_print = false;"
            "SET enable_external_access = false;"
            "SET allowed_configs = ['TimeZone', 'memory_limit', 'threads'];"
            "SET lock_configuration = true"
        )
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> dict[str, MtctlError]:
        """Attach what is asked for, each on its own; afterwards nothing can be attached any more."""
        troubles: dict[str, MtctlError] = {}
        for database in self._databases:
            try:
                attach(connection, database, self.settings)
            except MtctlError as error:
                troubles[database.text] = error
        try:
            refuse_reaching(connection, self._databases)
        except MtctlError as error:
            troubles.update((database.text, error) for database in self._databases)
        return troubles


def _engine_memory(memory: int) -> int:
    """Return DuckDB's share of the runner's memory.

    Parquet writers, the allocator's own keep and Python take 220 to 290 MB beside what DuckDB accounts for, whatever
    its limit is: most of that comes out of the limit, the rest is the margin that a runner may go above it.
    """
    return max(memory - (160 << 20), memory * 7 // 10)


def cancelled() -> MtctlError:
    """Return the error of a call that was interrupted."""
    return MtctlError("cancelled", "the query was cancelled", kind=Kind.FAILED)
