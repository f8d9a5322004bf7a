"""Floor 3. Questions to the lake: `query`, `preview`, and the statement with which any DuckDB attaches it.

A query pins one snapshot and sees all tables as of it, whatever is published meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ddl import parse_statement
from mtctl.core.errors import MtctlError
from mtctl.core.interval import Interval
from mtctl.core.keys import table_options
from mtctl.core.model import Mode
from mtctl.core.values import replace
from mtctl.core.variables import request_values, rewrite_variables, variable_values
from mtctl.services.asking import Asking
from mtctl.services.damaged import explained, told
from mtctl.services.naming import unknown_table
from mtctl.services.pinned import pinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.ports.engine import Parsed, QueryResult

_SAMPLE_DAY = 86_400_000_000


class Reader(Asking):
    """Runs one SELECT at a time over a pinned snapshot."""

    def query(self, sql: str, limit: int | None) -> QueryResult:
        """Run one SELECT over tables and sources; rows come in chunks as they are asked for."""
        return self._run(rewrite_variables(sql), limit, self._project.zone, {})

    def preview(self, target: str, limit: int) -> QueryResult:
        """Run a table's query, of a table in force or of a definition file, for the first rows; nothing is written.

        The query of an interval table is run unrestricted, with the first wanted interval bound to its variables.
        """
        with self._store.read() as view:
            tables = {table.definition.name: table for table in view.tables()}
        if target.lower() in tables:
            definition = tables[target.lower()].definition
            zone, query, partition = definition.zone, definition.query, definition.partition
            native = partition.columns[0].type if partition is not None else "TIMESTAMP"
            start = definition.start or 0
            has_intervals = definition.mode is Mode.INTERVAL
        else:
            path = self._project.root / target
            if not path.is_file():
                raise unknown_table(target, tables)
            statement = parse_statement(path.read_text(encoding="utf-8"), file=target)
            options = table_options(statement, self._project.defaults, where=target)
            zone, query, native, start = (
                options.time_zone or self._project.zone,
                rewrite_variables(statement.query),
                "TIMESTAMP",
                0,
            )
            has_intervals = bool(statement.partition_columns)
        [parsed] = self._engine().parse([query])
        if isinstance(parsed, MtctlError):
            raise parsed
        if has_intervals:
            params = variable_values(parsed.params, Interval(start, start + _SAMPLE_DAY), zone, native)
        else:
            params = request_values(parsed.params, self._clock.now(), zone)
        return self._run(query, limit, zone, params, parsed)

    def attach_statement(self) -> str:
        """Return the statement that attaches the lake to a plain DuckDB, read-only."""
        path = str(self._project.state_file).replace("'", "''")
        return f"ATTACH 'ducklake:sqlite:{path}' AS {self._project.name} (READ_ONLY);"

    def _run(
        self, sql: str, limit: int | None, zone: str, params: Mapping[str, object], parsed: Parsed | None = None
    ) -> QueryResult:
        if parsed is None:
            [found] = self._engine().parse([sql])
            if isinstance(found, MtctlError):
                raise found
            parsed = found
        with self._store.read() as view:
            snapshot = view.snapshot()
            relations, sources = pinned(
                self._project, view, parsed, snapshot, lambda: self._engine().sight(sql), params
            )
        self._pin(snapshot)
        names = [relation.names[0] for relation in relations]
        result = told(
            lambda: self._engine().query(sql, relations, sources, zone, limit, params),
            lambda error: explained(error, self._store, self._lake(), names, snapshot),
        )
        return replace(result, snapshot_id=snapshot)
