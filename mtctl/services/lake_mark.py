"""Floor 3. A lake belongs to one project: before anything is published or removed the mark in its folder is looked at.

The same folder named by two state files, as after `cp -r` of a project whose lake lies elsewhere, loses data: each
would take the other's files for strays.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, conflict
from mtctl.ports.lake_mark import FILE, LakeMark

if TYPE_CHECKING:
    from mtctl.config import Project
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store

_SAMPLE = 20


def claim(project: Project, store: Store, lake: Lake, *, begins_anew: bool = False) -> None:
    """Mark the lake as this project's, where it is nobody else's; `begins_anew` takes an empty one for a lost one.

    Errors: `catalog_version` (STATE) where another program has migrated the catalog, `lake_shared` (CONFLICT) where
    the lake is another's, `lake_missing` (ENGINE) where the files that the catalog names are all gone and the mark with
    them: a disk that is not mounted looks like that.
    """
    with store.read() as view:
        books = view.damage()
        books.check_catalog()
        own = LakeMark(project=books.owner(), state=str(project.state_file), lake=str(project.lake))
        found = lake.mark()
        if found == own:
            return
        if found is None and not begins_anew:
            _check_there(project, books.sample(_SAMPLE))
    if found is not None and not _is_copied(found, own):
        _check_free(project, found, own)
    lake.set_mark(own)


def is_others(project: Project, store: Store, found: LakeMark) -> bool:
    """Return whether a mark says that the lake is another project's."""
    with store.read() as view:
        own = LakeMark(project=view.damage().owner(), state=str(project.state_file), lake=str(project.lake))
    return found != own and not _is_copied(found, own) and not _is_ours(found, own)


def _check_there(project: Project, sample: list[str]) -> None:
    """Raise where none of the files that must be there is."""
    if sample and not any(Path(path).exists() for path in sample):
        raise MtctlError(
            "lake_missing",
            "none of the files that the catalog names is there",
            kind=Kind.ENGINE,
            where=str(project.lake),
            fix="mount its disk, or put the folder back; if it is lost: `mtctl lake repair`, then refresh",
        )


def _is_copied(found: LakeMark, own: LakeMark) -> bool:
    """Return whether the mark came with a copy of another folder that still stands where the mark says."""
    there = Path(found.lake)
    return found.lake != own.lake and (there / FILE).exists() and not _is_same(there, Path(own.lake))


def _check_free(project: Project, found: LakeMark, own: LakeMark) -> None:
    if _is_ours(found, own):
        return
    who = "a copy of this project" if found.project == own.project else f"project {found.project}"
    raise conflict(
        "lake_shared",
        f"the lake belongs to {who} with the state file {found.state}",
        where=str(project.lake),
        fix=f"set [lake] path to a folder of its own; if the other is gone for good, remove {project.lake / FILE}",
    )


def _is_ours(found: LakeMark, own: LakeMark) -> bool:
    """Return whether the mark is this project's, which was moved or restored since."""
    state = Path(found.state)
    return found.project == own.project and (not state.exists() or _is_same(state, Path(own.state)))


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
