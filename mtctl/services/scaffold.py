"""Floor 3. Writes a new project: empty, or the example with its data. Nothing that exists is ever overwritten.

`mtctl.toml` is written last, so that a folder is a project only when everything else is there.
"""

from __future__ import annotations

import re
from pathlib import Path

import tomli_w

from mtctl.config import PROJECT_FILE, STATE_FILE, STATE_FOLDER, load_project
from mtctl.core.errors import Kind, MtctlError, conflict, usage
from mtctl.core.names import check_name
from mtctl.services.reports.changes import Created

EXAMPLE = "nycflights13"
"""The example's name and its folder among the examples."""

_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

_TOML_HEAD = """\
# This file makes the folder a project; every file in tables/ defines one table by one SELECT.
# time_zone rules days and times without an offset; a table may have its own with 'time-zone'.
"""

_TOML_TAIL = """
# Any key of a table's WITH (...) may stand here (see `mtctl help keys`); a table's own pair wins.
[defaults]
# start = "2026-01-01"
"""

_IGNORE = """\
# the state and the data of mtctl
/.mtctl/
/lake/
"""


def write_project(directory: Path, *, name: str | None, example: bool) -> Created:
    """Write a project into a folder, which is created when missing; return what was written, relative to it.

    Errors: usage `identifier` for a name that cannot be one, conflict `project_exists`, `file_exists`, `folder_kind`,
    STATE `folder_unwritable`.
    """
    root = directory.absolute()
    chosen = _name(root, name, example=example)
    files = _example_files(chosen) if example else {PROJECT_FILE: _project_toml(chosen)}
    files[".gitignore"] = _IGNORE.encode()
    _refuse_existing(root, files)
    written = sorted(files, key=lambda path: (path == PROJECT_FILE, path))
    try:
        (root / "tables").mkdir(parents=True, exist_ok=True)
        for path in written:
            _write(root / path, files[path])
    except OSError as error:
        what = f"cannot write the project: {error.strerror}"
        fix = "choose a folder that you may write to"
        raise MtctlError("folder_unwritable", what, kind=Kind.STATE, where=str(root), fix=fix) from None
    return Created(root=str(directory), name=chosen, files=tuple(written), example=example)


def adopt_project(directory: Path, *, name: str | None) -> Created | None:
    """Return the project that a folder holds without its state, as a fresh clone does; None where it holds none.

    Raises usage `project_named` where a name is given: its file has one.
    """
    root = directory.absolute()
    if not (root / PROJECT_FILE).is_file() or (root / STATE_FOLDER / STATE_FILE).exists():
        return None
    if name is not None:
        fix = "leave --name out, or change it in the file"
        raise usage("project_named", "the project has its name already", where=str(root / PROJECT_FILE), fix=fix)
    return Created(root=str(directory), name=load_project(root).name, files=(), example=False)


def _name(root: Path, name: str | None, *, example: bool) -> str:
    if name is not None:
        return check_name(name, "project", where="--name", kind=Kind.USAGE)
    if example:
        return EXAMPLE
    guess = re.sub(r"[^a-z0-9_]+", "_", root.name.lower()).strip("_")
    try:
        return check_name(guess, "project", where=str(root), kind=Kind.USAGE)
    except MtctlError:
        raise usage(
            "identifier", f"the folder's name '{root.name}' cannot name the project", fix="give one with --name"
        ) from None


def _project_toml(name: str) -> bytes:
    values = tomli_w.dumps({"name": name, "time_zone": "UTC"})
    return f"{_TOML_HEAD}{values}{_TOML_TAIL}".encode()


def _example_files(name: str) -> dict[str, bytes]:
    """Return the files of the example by their paths in the project."""
    source = _EXAMPLES / EXAMPLE
    found = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and path.suffix in {".toml", ".sql", ".parquet"}
    }
    found[PROJECT_FILE] = found[PROJECT_FILE].replace(f'name = "{EXAMPLE}"'.encode(), f'name = "{name}"'.encode())
    return found


def _refuse_existing(root: Path, files: dict[str, bytes]) -> None:
    if root.exists() and not root.is_dir():
        raise conflict("folder_kind", "this is not a folder", where=str(root), fix="choose another")
    if (root / PROJECT_FILE).exists() or (root / ".mtctl").exists():
        raise conflict("project_exists", "there is a project already", where=str(root), fix="choose another folder")
    files_there = [path for path in files if path != ".gitignore" and (root / path).exists()]
    if files_there:
        raise conflict(
            "file_exists", f"{files_there[0]} exists already", where=str(root), fix="move it or choose another folder"
        )
    if (root / ".gitignore").exists():
        del files[".gitignore"]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
