"""Floor 3. A project that has moved: what its state file says of absolute paths is rewritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.config import PROJECT_FILE, STATE_FOLDER
from mtctl.core.errors import conflict

if TYPE_CHECKING:
    from mtctl.config import Project
    from mtctl.ports.store import Store


def settle_path(project: Project, store: Store) -> None:
    """Take over the project's present folder; raises conflict `project_mismatch` where this is a copy of another."""
    wanted = f"{project.lake / 'data'}/"
    with store.read() as view:
        known, foreign_writes = view.data_path(), view.foreign_writes()
    if foreign_writes != project.foreign_writes:
        with store.write() as tx:
            tx.damage().let_foreigners_write(allowed=project.foreign_writes)
    if known == wanted:
        return
    if Path(known).is_dir() and not _is_same_folder(known, wanted):
        raise conflict(
            "project_mismatch",
            f"the state file belongs to the lake {known}",
            where=str(project.root / PROJECT_FILE),
            fix=f"a copy starts anew: remove its {STATE_FOLDER}/, `mtctl init`; else move the lake to {wanted}",
        )
    with store.write() as tx:
        tx.adopt_path(wanted, moved=_moved(project.root, known, wanted))


def _moved(folder: Path, known: str, wanted: str) -> tuple[str, str] | None:
    """Return the project's old and new folder, None where the old one cannot be told: the lake lies elsewhere."""
    root = f"{folder}/"
    inner = wanted.removeprefix(root)
    return (known.removesuffix(inner), root) if inner != wanted and known.endswith(f"/{inner}") else None


def _is_same_folder(one: str, other: str) -> bool:
    """Return whether two names lead to one folder, as through a symbolic link."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
