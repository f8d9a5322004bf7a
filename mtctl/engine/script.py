"""Floor 2. Runs statements in a database file of the user, all of them or none.

The file is opened as a database of its own beside the session, locked down like it: what a script can reach is that
one file. Statements that reach elsewhere (ATTACH, COPY, LOAD, SET, …) or end the transaction are refused unread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.engine.binding import bind_values
from mtctl.engine.locks import locked_by
from mtctl.engine.sandbox import writable
from mtctl.engine.syntax import MAX_QUERY_BYTES
from mtctl.engine.troubles import Text, translate
from mtctl.ports.engine import Scripted

if TYPE_CHECKING:
    from mtctl.engine.session import Session
    from mtctl.ports.engine import ScriptRequest

_ALLOWED = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "DROP", "ALTER", "ANALYZE"})
_COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO"})
_FORMAT = re.compile(r"not a valid DuckDB|newer version|version number|Trying to read a database file", re.IGNORECASE)
_SECRET = re.compile(r"\s*CREATE\s+(OR\s+REPLACE\s+)?((PERSISTENT|TEMP|TEMPORARY)\s+)?SECRET\b", re.IGNORECASE)


def script(session: Session, request: ScriptRequest) -> Scripted:
    """Run a script in one transaction; a database file that does not exist is made.

    Errors: `script_empty`, `script_statement`, `target_access`, `database_format`, and those of queries (INVALID);
    `source_locked` (BUSY); `database_unreadable` (ENGINE).
    """
    statements = _statements(session, request.script)
    path = writable(session.settings, request.database)
    rows = 0
    try:
        with session.database(path, request.zone) as connection:
            connection.execute("BEGIN")
            for number, statement in enumerate(statements, 1):
                session.check()
                rows += _run(connection, statement, number, request)
            session.check()
            connection.execute("COMMIT")
    except duckdb.Error as error:
        raise _trouble(error, request) from None
    return Scripted(statements=len(statements), rows=rows)


def _statements(session: Session, text: str) -> list[Any]:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_QUERY_BYTES:
        raise invalid("sql_too_large", "the script has more than 10 MB", fix="put the data into a file")
    try:
        statements = session.connection.extract_statements(text)
    except duckdb.Error as error:
        raise translate(error, Text(original=text.encode("utf-8", "surrogatepass"))) from None
    if not statements:
        raise invalid("script_empty", "the script holds no statement", fix="write at least one")
    for number, statement in enumerate(statements, 1):
        name = statement.type.name
        if name not in _ALLOWED or _SECRET.match(statement.query):
            raise invalid(
                "script_statement",
                f"statement {number} of the script is {name.replace('_', ' ')}, which a script may not do",
                where=f"statement {number}: {' '.join(statement.query.split())[:80]}",
                fix="a script changes tables of its own database; the transaction around it is mtctl's",
            )
    return statements


def _run(connection: duckdb.DuckDBPyConnection, statement: Any, number: int, request: ScriptRequest) -> int:
    """Run one statement; return how many rows it changed. DuckDB tells positions in the text of all statements."""
    values = bind_values(request.params, [str(name) for name in statement.named_parameters])
    try:
        answer = connection.execute(statement, values or None).fetchmany(1)
        is_count = bool(connection.description) and connection.description[0][0] == "Count"  # else RETURNING
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        trouble = translate(error, Text(original=request.script.encode("utf-8", "surrogatepass")))
        trouble.where = f"statement {number}{', ' if trouble.where else ''}{trouble.where}"
        raise trouble from None
    return int(answer[0][0]) if is_count and answer and statement.type.name in _COUNTED else 0


def _trouble(error: duckdb.Error, request: ScriptRequest) -> MtctlError:
    """Return what opening the file or ending the transaction met with."""
    text = str(error)
    locked = locked_by(text)
    if locked is not None:
        return MtctlError(
            "source_locked",
            f"the database {request.database!r} is open in {locked.words}",
            kind=Kind.BUSY,
            fix="close it there; the task tries again",
        )
    if _FORMAT.search(text):
        return invalid(
            "database_format",
            f"{request.database!r} is not a DuckDB database that this version can open",
            where=text.splitlines()[0][:200],
        )
    trouble = translate(error)
    if trouble.code == "source_unreadable":
        trouble.code = "database_unreadable"
    return trouble
