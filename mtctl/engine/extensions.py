"""Floor 2. DuckDB's extensions that database sources need: loaded from a wheel, from an installed copy, or fetched.

Only signed ones load. None is fetched unless the project allows it: a runner that goes to the network by itself would
surprise whoever closed it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

from mtctl.core.errors import Kind, MtctlError
from mtctl.engine import literals

NAMES = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
"""The extension of each type of source that needs one."""

WHEELS = "1.5.5"
"""The newest version of DuckDB for which its extensions come as wheels; each fits one version only."""


def load(connection: duckdb.DuckDBPyConnection, kind: str, *, install: bool) -> None:
    """Load the extension for a type of source, if it needs one; error `extension_missing` (ENGINE)."""
    name = NAMES.get(kind)
    if name is None:
        return
    file = _wheel(name)
    troubles = [] if file is None else [_tried(connection, f"LOAD {literals.text(str(file))}")]
    if None not in troubles:
        troubles.append(_tried(connection, f"LOAD {name}"))
    if None not in troubles and install:
        troubles.append(_tried(connection, f"INSTALL {name}; LOAD {name}"))
    if None not in troubles:
        raise _missing(kind, name, next((text for text in (troubles[0], troubles[-1]) if text), ""), install=install)


def _wheel(name: str) -> Path | None:
    """Return the file that the package `duckdb_extension_<name>` brings for this version of DuckDB."""
    spec = find_spec(f"duckdb_extension_{name}")
    folders = spec.submodule_search_locations if spec is not None else None
    file = f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
    return next((path for folder in folders or () if (path := Path(folder, file)).is_file()), None)


def _tried(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """Return None where it worked, else the reason."""
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        return " ".join(str(error).split())[:200]
    return None


def _missing(kind: str, name: str, reason: str, *, install: bool) -> MtctlError:
    package = f"duckdb-extension-{name.replace('_', '-')}"
    ways = [f"pip install 'duckdb=={WHEELS}' '{package}=={WHEELS}'"]
    if not install:
        ways.append("or let DuckDB fetch it: [engine] install_extensions = true in mtctl.toml")
    return MtctlError(
        "extension_missing",
        f"a {kind} source needs DuckDB's extension {name}, which is not installed for DuckDB {duckdb.__version__}",
        kind=Kind.ENGINE,
        where=reason if install else "",
        fix=", ".join(ways),
    )
