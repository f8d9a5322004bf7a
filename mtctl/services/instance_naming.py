"""Floor 3. An instance by the beginning of its id, and its tasks by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import not_found
from mtctl.core.names import closest, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.ports.store import View
    from mtctl.ports.work import InstanceRow, TaskRow


def find_instance(view: View, prefix: str) -> InstanceRow:
    """Return the one instance whose id begins so; errors `instance_unknown` and `instance_ambiguous` (NOT_FOUND)."""
    found = view.instance(prefix.upper()) if prefix.isalnum() else []
    exact = [row for row in found if row.ulid == prefix.upper()]
    if len(exact or found) == 1:
        return (exact or found)[0]
    shown = printable(prefix[:80])
    if not found:
        raise not_found(
            "instance_unknown",
            f"no instance has an id that begins with {shown!r}",
            fix="`mtctl instance list` shows the newest",
        )
    raise not_found(
        "instance_ambiguous",
        f"{len(found)} or more instances begin with {shown!r}",
        fix="give more letters of the id",
    )


def find_tasks(tasks: Sequence[TaskRow], name: str) -> list[TaskRow]:
    """Return the tasks of a name, all batches of it; error `task_unknown` (NOT_FOUND) with the nearest name."""
    found = [task for task in tasks if task.name == name] or [task for task in tasks if task.name == name.lower()]
    if found:
        return found
    names = list(dict.fromkeys(task.name for task in tasks))
    near = closest(name, names)
    fix = f"did you mean '{near}'?" if near else f"it has {', '.join(names[:10])}" if names else "it has no tasks"
    raise not_found("task_unknown", f"the instance has no task '{printable(name[:80])}'", fix=fix)
