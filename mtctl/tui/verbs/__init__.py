"""Floor 4. What can be done to the lines of a list: each verb is one service call of the command line, and says which.

Every verb knows the command that would do the same; the dashboard shows it before and after. There is none that the
command line lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.drawn.lines import Line
from mtctl.tui.verbs import instances, queues, table_looks, tables, workflow_tasks, workflows
from mtctl.tui.verbs.verb import Field, FieldKind, Given, Prepared, Told, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App

__all__ = [
    "KEYED", "KIND_OF_LIST", "MENU", "VERBS", "Field", "FieldKind", "Given", "Prepared", "Told", "Verb",
    "offered", "reached", "verb_named", "verbs_for",
]  # fmt: skip


def _why(app: App, keys: Sequence[str], given: Given) -> str:
    _ = given
    report = app.operator.whys.why(keys[0])
    root = report.why.root
    about = "" if root.subject == report.subject else f"{root.subject}: "
    return f"{report.subject}: {about}{root.text}" + (f" – do: {root.fix}" if root.fix else "")


_WHY = Verb(
    name="why",
    label="Why",
    kinds=frozenset({"table", "workflow", "instance", "range"}),
    key="w",
    path="why",
    act=_why,
    alone=True,
    looks=True,
)

VERBS = (
    *tables.CHANGES,
    *workflows.CHANGES,
    *workflow_tasks.CHANGES,
    *instances.CHANGES,
    *queues.CHANGES,
    _WHY,
    *table_looks.LOOKS,
    *workflows.LOOKS,
    *instances.LOOKS,
)
"""Every verb, in the order in which they are offered."""

MENU = Verb(name="actions", label="Actions", kinds=frozenset().union(*(verb.kinds for verb in VERBS)), key="a", path="")
"""The key that shows all verbs of a line; no verb itself."""

KEYED = (MENU, *(verb for verb in VERBS if verb.key))
"""What has a key of its own."""

KIND_OF_LIST = {
    "tables": "table",
    "lineage": "table",
    "workflows": "workflow",
    "instances": "instance",
    "ranges": "range",
    "queues": "queue",
}
"""What a list shows, for the verbs that need no line: they work in an empty list too."""

_BY_NAME = {verb.name: verb for verb in VERBS}
_KEYS_OF_TASKS = frozenset(verb.key for verb in VERBS if "task" in verb.kinds and verb.key)


def verb_named(name: str) -> Verb:
    """Return a verb by its name."""
    return _BY_NAME[name]


def verbs_for(kind: str) -> tuple[Verb, ...]:
    """Return the verbs for a kind of line."""
    return tuple(verb for verb in VERBS if kind in verb.kinds)


def reached(verb: Verb, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines that a verb would act on, none where it is not for them.

    A task leads to its instance, unless a verb of tasks has the same key.
    """
    found = tuple(line for line in lines if line.kind in verb.kinds)
    if found or "instance" not in verb.kinds or verb.free or (verb.key and verb.key in _KEYS_OF_TASKS):
        return found
    ulids = dict.fromkeys(line.key.partition("/")[0] for line in lines if line.kind == "task")
    return tuple(Line(kind="instance", key=ulid, cells=()) for ulid in ulids)


def offered(verb: Verb, lines: Sequence[Line], kind: str, *, read_only: bool) -> bool:
    """Return whether a verb is offered on these lines, or in a list of this kind where it needs none."""
    if read_only and not verb.looks:
        return False
    if verb.free:
        return kind in verb.kinds or any(line.kind in verb.kinds for line in lines)
    found = reached(verb, lines)
    return len(found) == 1 if verb.alone else bool(found)
