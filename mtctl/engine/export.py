"""Floor 2. Writes the rows of one SELECT into a file that appears whole or not at all.

The rows go into a hidden file beside the target, which is fsynced and renamed over it. What a killed runner left there
is removed by the next export of the same target.
"""

# ruff: noqa: PTH103, PTH105, PTH108, PTH116, PTH118, PTH120, PTH101 - paths go into SQL, as elsewhere

from __future__ import annotations

import contextlib
import os
import stat
from itertools import count
from typing import TYPE_CHECKING

import duckdb

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.engine import literals
from mtctl.engine.binding import Binder, bind_values, freeze_sources
from mtctl.engine.databases import databases_of
from mtctl.engine.sandbox import writable
from mtctl.engine.syntax import read_select
from mtctl.engine.troubles import translate
from mtctl.ports.engine import Exported

if TYPE_CHECKING:
    from mtctl.engine.session import Session
    from mtctl.ports.engine import ExportRequest

_OPTIONS = {
    "parquet": "FORMAT parquet, COMPRESSION zstd",
    "csv": "FORMAT csv, HEADER true",
    "json": "FORMAT json",
}
_PREFIX = ".mtctl-"
_numbers = count(1)


def export(session: Session, binder: Binder, request: ExportRequest) -> Exported:
    """Write one file; missing folders are made, an existing file keeps its mode.

    Errors: those of queries, `target_access`, `export_format` (INVALID), `io` (ENGINE).
    """
    if request.format not in _OPTIONS:
        raise invalid("export_format", f"{request.format!r} is not a format", fix=f"one of {', '.join(_OPTIONS)}")
    syntax = read_select(session.connection, request.query, session.syntaxes)
    target = writable(session.settings, request.path)
    frozen = freeze_sources(session.settings, syntax, request.sources, request.relations)
    temp = _beside(session, request, target)
    try:
        session.read_from([*frozen.paths, temp], databases_of(syntax, request.sources))
        session.use_zone(request.zone)
        bound = binder.bind_once(syntax, request.relations, frozen)
        sql, text = bound.inside(
            "COPY (\n", f"\n) TO {literals.text(temp)} ({_OPTIONS[request.format]}, USE_TMP_FILE false)"
        )
        try:
            [(rows,)] = session.run(sql, bind_values(request.params, syntax.parsed.params))
        except duckdb.Error as error:
            raise translate(error, text) from None
        session.check()
        return Exported(path=target, rows=int(rows), bytes=_settle(temp, target))
    except OSError as error:
        what = f"{request.path!r} cannot be written: {error.strerror}"
        raise MtctlError("io", what, kind=Kind.ENGINE, where=target, fix="check disk and folder") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        session.forget(temp)


def _beside(session: Session, request: ExportRequest, target: str) -> str:
    """Return the hidden name to write first, in a folder that exists and is still the one that was judged."""
    folder, name = os.path.split(target)
    name = name[-200:]
    try:
        os.makedirs(folder, exist_ok=True)
        _sweep(folder, name)
    except OSError as error:
        what = f"the folder of {request.path!r} cannot be made: {error.strerror}"
        raise MtctlError("io", what, kind=Kind.ENGINE, where=folder, fix="check disk and folder") from None
    if writable(session.settings, request.path) != target:
        raise invalid("target_access", f"the file {request.path!r} has moved meanwhile", fix="try again")
    return os.path.join(folder, f"{_PREFIX}{os.getpid()}-{next(_numbers)}-{name}")


def _sweep(folder: str, name: str) -> None:
    """Remove what runners that are gone have left of this target."""
    for entry in os.listdir(folder):  # noqa: PTH208 - as above
        pid = entry.removeprefix(_PREFIX).partition("-")[0]
        if entry.startswith(_PREFIX) and entry.endswith(f"-{name}") and pid.isdigit() and not _exists(int(pid)):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, entry))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _settle(temp: str, target: str) -> int:
    """Make the file durable under its name; return its size."""
    with contextlib.suppress(FileNotFoundError):
        os.chmod(temp, stat.S_IMODE(os.stat(target).st_mode))
    descriptor = os.open(temp, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    os.replace(temp, target)
    folder = os.open(os.path.dirname(target), os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size
