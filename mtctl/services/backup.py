"""Floor 3. Copies of the state file: one now, one a day, and the way back to one.

After a restore the books say what they said then. What was published since is unknown to them: those intervals are
missing and are refreshed again, their files are strays. What was let go since is named by the check that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, not_found, usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mtctl.config import Project
    from mtctl.ports.backup import Backups, Copy, Opener
    from mtctl.ports.lake_mark import LakeMark

EVERY = 86_400_000_000
"""How long after a copy the next one is due, in microseconds."""

KEEP = 7
"""How many daily copies are kept."""


def restore(
    project: Project, backups: Backups, file: Path, *, force: bool, mark: LakeMark | None
) -> tuple[Copy, str | None]:
    """Put a copy in the place of the state file; return it and where the former file lies now.

    Errors: those of opening a state file; `backup_missing` (NOT_FOUND); `backup_is_state` (USAGE); `backup_foreign`
    (STATE) for one of another project, `state_held` (BUSY) while other processes have the state file open, unless
    forced: they stop at their next look at it.
    """
    if not file.exists():
        fix = f"see {project.state_folder / 'backups'}"
        raise not_found("backup_missing", "there is no such backup", where=str(file), fix=fix)
    if project.state_file.exists() and file.samefile(project.state_file):
        fix = f"name a copy: see {project.state_folder / 'backups'}"
        raise usage("backup_is_state", "this is the state file itself", where=str(file), fix=fix)
    copy = backups.inspect(file)
    if mark is not None and mark.project != copy.uuid:
        raise MtctlError(
            "backup_foreign",
            f"this is a backup of another project ({copy.project})",
            kind=Kind.STATE,
            where=str(file),
            fix=f"the lake {project.lake} belongs to project {mark.project}; restore a backup of that one",
        )
    openers = backups.openers()
    if openers and not force:
        raise _held(project, openers)
    former = backups.put(file)
    return copy, None if former is None else str(former)


def _held(project: Project, openers: Sequence[Opener]) -> MtctlError:
    named = ", ".join(f"{one.pid} ({one.program})" for one in openers[:5])
    return MtctlError(
        "state_held",
        f"other processes have the state file open: {named}",
        kind=Kind.BUSY,
        where=str(project.state_file),
        fix="stop them, or restore with --force: they end when they notice",
        details={"pids": [one.pid for one in openers]},
    )
