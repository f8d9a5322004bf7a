"""Floor 4. The command that is shown under a list: what somebody would most likely do to a line as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.verbs import offered, reached, verb_named, verbs_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mtctl.tui.drawn.lines import Line
    from mtctl.tui.verbs.verb import Verb

_OPEN = ("watch", "cancel")
_WRONG = ("retry", "why")
_FIRST: dict[str, dict[str, tuple[str, ...]]] = {
    "instance": {
        "pending": _OPEN,
        "running": _OPEN,
        "suspended": ("resume", "why"),
        "success": ("why", "rerun"),
        "failed": _WRONG,
        "cancelled": _WRONG,
        "": ("watch", "why"),
    },
    "task": {
        "created": ("why", "skip"),
        "pending": ("why", "skip"),
        "running": _OPEN,
        "suspended": ("resume", "why"),
        "success": ("why", "rerun_task"),
        "failed": _WRONG,
        "cancelled": _WRONG,
        "skipped": ("why", "rerun_task"),
        "": ("why", "skip"),
    },
    "queue": {"paused": ("resume_queue",)},
}
"""The names of the verbs that come first, by kind and state of a line; the state is empty where it is not known."""


def first_command(lines: Sequence[Line], *, is_current: bool, read_only: bool) -> str:
    """Return the command of the verb that comes first for these lines, empty where none is offered.

    `is_current` says that their states are of now. Several lines in different states count as in none.
    """
    if not lines:
        return ""
    kind = lines[0].kind
    states = {str(line.facts.get("state") or "") for line in lines} if is_current else {""}
    for verb in _in_order(kind, states.pop() if len(states) == 1 else ""):
        if not verb.free and offered(verb, lines, kind, read_only=read_only):
            return verb.line(reached(verb, lines))
    return ""


def _in_order(kind: str, state: str) -> Iterator[Verb]:
    yield from (verb_named(name) for name in _FIRST.get(kind, {}).get(state, ()))
    yield from verbs_for(kind)
