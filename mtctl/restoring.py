"""Roof. Puts a copy of the state file in its place, without opening the former one: it may be gone or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.app import open_app
from mtctl.clock import SystemClock
from mtctl.config import find_root, load_project
from mtctl.parts import Parts
from mtctl.services.backup import restore
from mtctl.services.reports.backup import RestoreReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def restore_state(directory: Path, notice: Callable[[str], None], file: Path, *, force: bool) -> RestoreReport:
    """Put a copy in the place of the state file of the project in or above a folder, then look at the lake with it.

    Errors: those of `services.backup.restore`, then those of opening a project.
    """
    project = load_project(find_root(directory.absolute()))
    parts = Parts(project, SystemClock(), notice)
    copy, former = restore(project, parts.backups(), file.absolute(), force=force, mark=parts.lake().mark())
    with open_app(project.root, notice) as app:
        report = app.lake.checker.repair(deep=False, dry_run=False)
    return RestoreReport(copy=copy, former=former, repair=report)
