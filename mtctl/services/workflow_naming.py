"""Floor 3. A workflow by its name, and what is said of a name that nobody bears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, not_found
from mtctl.core.names import closest, printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mtctl.ports.store import View
    from mtctl.ports.workflows import WorkflowRow


def find_workflow(view: View, name: str, *, counts: bool = False) -> WorkflowRow:
    """Return a live workflow; error `workflow_unknown` (kind NOT_FOUND) with the nearest name."""
    found = view.workflows([name], counts=counts) or view.workflows([name.lower()], counts=counts)
    if found:
        return found[0]
    raise unknown_workflow(name, (row.name for row in view.workflows()))


def file_of(error: MtctlError, root: Path) -> str:
    """Return the file that an error points into, relative to the project."""
    return error.where.removeprefix(f"{root}/").partition(":")[0]


def unknown_workflow(name: str, known: Iterable[str]) -> MtctlError:
    """Return the error of a workflow name that nothing bears."""
    near = closest(name, sorted(known))
    error = not_found(
        "workflow_unknown",
        f"no workflow is named '{printable(name[:80])}'",
        fix=f"did you mean '{near}'?" if near else "`mtctl workflow list` shows all",
    )
    if near:
        error.details["did_you_mean"] = [near]
    return error
