"""Floor 2. Database sources: which of them a query names, and attaching them read-only before an instance is locked.

SQLite and PostgreSQL are read by extensions that open files and servers by themselves, past DuckDB's own rules of
access. So they are attached before the lock, no query may call their functions, and a view or macro of an attached
DuckDB file that calls one is refused. A password never stands where a query could read it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.names import quote
from mtctl.core.secret import redact
from mtctl.engine import extensions, literals
from mtctl.engine.connection_string import password_apart, passwords_of
from mtctl.engine.locks import locked_by
from mtctl.engine.sandbox import database_file
from mtctl.engine.troubles import translate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Source
    from mtctl.engine.settings import RunnerSettings
    from mtctl.engine.syntax import Syntax


def databases_of(syntax: Syntax, sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the database sources that a query names: `<source>.<table>` or `<source>.<schema>.<table>`."""
    known = [source for source in sources if source.kind != "files"]
    if not known:
        return ()
    first = {table.parts[0].lower() for table in syntax.tables if len(table.parts) > 1}
    named = syntax.words if syntax.parsed.tables is None else first
    return tuple(dict.fromkeys(source for source in known if source.text in named))


def secrets_of(databases: Iterable[Source]) -> tuple[str, ...]:
    """Return what no message may repeat."""
    dsns = [database.dsn for database in databases if database.dsn]
    return tuple(text for dsn in dsns for text in (dsn, password_apart(dsn)[0], *passwords_of(dsn)))


def attach(connection: duckdb.DuckDBPyConnection, database: Source, settings: RunnerSettings) -> None:
    """Attach one database under its name.

    Errors: `source_locked` (BUSY) naming who holds it, `extension_missing`, `source_missing`, `source_unreachable`,
    `source_unreadable` (ENGINE), `sql_access`, `source_is_state` (INVALID).
    """
    name = quote(database.text)
    path = "" if database.kind == "postgres" else database_file(settings, database.text, database.paths[0])
    extensions.load(connection, database.kind, install=settings.install_extensions)
    if database.kind == "sqlite":
        _check_sqlite(path, database)
    try:
        if database.kind == "postgres":
            _attach_server(connection, name, database.dsn)
        else:
            connection.execute(f"ATTACH {literals.text(path)} AS {name} (TYPE {database.kind}, READ_ONLY)")
    except duckdb.Error as error:
        raise _trouble(error, database) from None


def _check_sqlite(path: str, database: Source) -> None:
    """Refuse what is no SQLite file, which attaching one does not look at; error `source_unreadable`."""
    try:
        with Path(path).open("rb") as file:
            begin = file.read(len(_SQLITE))
    except OSError:
        return  # who attaches it says why
    if begin and begin != _SQLITE:
        raise _unreadable(database, "it does not begin as one does")


def refuse_reaching(connection: duckdb.DuckDBPyConnection, databases: Sequence[Source]) -> None:
    """Refuse views and macros of DuckDB files that call what reaches past the sandbox; error `sql_access`.

    Only where an extension is loaded that could: everything else DuckDB itself keeps from files.
    """
    files = [database.text for database in databases if database.kind == "duckdb"]
    if not files or all(database.kind == "duckdb" for database in databases):
        return
    rows = connection.execute(_DEFINED).fetchall()
    for database, what, text in rows:
        if database in files and _REACHING.search(str(text)):
            raise invalid(
                "sql_access",
                f"{what} of the source {database!r} calls a function that reaches other databases",
                fix="drop it there, or read the sources in two tables",
            )


_DEFINED = """
SELECT database_name, 'the view ' || view_name, sql FROM duckdb_views() WHERE NOT internal
UNION ALL
SELECT database_name, 'the macro ' || function_name, macro_definition FROM duckdb_functions() WHERE NOT internal
"""
_REACHING = re.compile(r"\b(sqlite_|postgres_|query\b|query_table\b)", re.IGNORECASE)
_SECRET = "_mtctl_password"  # noqa: S105 - the name of one


def _attach_server(connection: duckdb.DuckDBPyConnection, name: str, dsn: str) -> None:
    """Attach a server; the password goes by a secret of the instance, since DuckDB shows how it is connected."""
    plain, password = password_apart(dsn)
    options = "TYPE postgres, READ_ONLY"
    if password is not None:
        connection.execute(f"CREATE TEMPORARY SECRET {_SECRET} (TYPE postgres, PASSWORD {literals.text(password)})")
        options += f", SECRET {_SECRET}"
    try:
        connection.execute(f"ATTACH {literals.text(plain)} AS {name} ({options})")
    finally:
        if password is not None:
            connection.execute(f"DROP SECRET {_SECRET}")


def _trouble(error: duckdb.Error, database: Source) -> MtctlError:
    locked = locked_by(str(error))
    if locked is not None:
        return MtctlError(
            "source_locked",
            f"the source {database.text!r} is open for writing in {locked.words}",
            kind=Kind.BUSY,
            where=database.paths[0],
            fix="close it there, or wait longer with --lock-wait",
            details={"source": database.text, "pid": locked.pid, "program": locked.program},
        )
    found = translate(error)
    what = redact(found.what, secrets_of([database]))
    if database.kind == "postgres":
        reason = what.partition('": ')[2] or what  # before it stands how the driver was told to connect
        return MtctlError(
            "source_unreachable",
            f"the source {database.text!r} cannot be connected: {reason}",
            kind=Kind.ENGINE,
            fix="check the server and what its dsn says",
        )
    return _unreadable(database, what)


def _unreadable(database: Source, what: str) -> MtctlError:
    return MtctlError(
        "source_unreadable",
        f"the source {database.text!r} cannot be opened: {what}",
        kind=Kind.ENGINE,
        where=database.paths[0],
        fix=f"check that it is a {_FORMATS[database.kind]} of a version that DuckDB {duckdb.__version__} reads",
    )


_SQLITE = b"SQLite format 3\0"
_FORMATS = {"duckdb": "DuckDB file", "sqlite": "SQLite file"}
