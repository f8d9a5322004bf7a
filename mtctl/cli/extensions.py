"""Floor 4. The DuckDB extensions of `mtctl[ducklake]`: found by path, never imported here.

With them a DuckDB needs no network to read the lake; without them it fetches both by itself.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_EXTENSIONS = ("sqlite_scanner", "ducklake")


def load_statements() -> tuple[str, ...]:
    """Return the LOAD statements for both extensions, nothing when one of them is not installed."""
    found = tuple(_path(name) for name in _EXTENSIONS)
    if None in found:
        return ()
    return tuple("LOAD '{}';".format(str(path).replace("'", "''")) for path in found)


def _path(name: str) -> Path | None:
    spec = find_spec(f"duckdb_extension_{name}")
    folders = spec.submodule_search_locations if spec is not None else None
    files = (file for folder in folders or () for file in Path(folder).rglob(f"{name}.duckdb_extension"))
    return next(files, None)
