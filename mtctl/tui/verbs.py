"""Floor 4. What can be done to the lines of a list: each verb is one service call of the command line, and says which.

Every verb knows the command that would do the same; the dashboard shows it before and after.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.services.people import user_name
from mtctl.services.reports.refreshing import RefreshArgs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.app import App
    from mtctl.tui.lines import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing to do.

    `command` gives the words behind `mtctl` for some lines; `act` does it in the acting thread and returns what came
    of it in one line. `asks` verbs are confirmed with the count; a `single` one's command takes one name.
    """

    key: str
    name: str
    label: str
    kinds: frozenset[str]
    command: Callable[[Sequence[str]], Sequence[str]]
    act: Callable[[App, Sequence[str]], str]
    asks: bool = False
    single: bool = False

    def line(self, lines: Sequence[Line]) -> str:
        """Return the command line that does the same; several commands where one takes a single name only."""
        keys = [line.key for line in lines]
        calls = [[key] for key in keys] if self.single else [keys]
        return "; ".join("mtctl " + shlex.join(self.command(call)) for call in calls)


def verbs_for(kind: str) -> tuple[Verb, ...]:
    """Return the verbs for a kind of line."""
    return tuple(verb for verb in VERBS if kind in verb.kinds)


def _refresh(app: App, keys: Sequence[str]) -> str:
    report = app.refresh(RefreshArgs(selectors=tuple(keys), detach=True), lambda _: None)
    if report.instance is None:
        return "nothing is to be done: all is fresh"
    return f"queued as instance {report.instance}"


def _force(app: App, keys: Sequence[str]) -> str:
    report = app.refresh(RefreshArgs(selectors=tuple(keys), full=True, detach=True), lambda _: None)
    return f"queued as instance {report.instance}" if report.instance else "nothing is to be done"


def _run(app: App, keys: Sequence[str]) -> str:
    from mtctl.services.reports.workflows import RunArgs  # noqa: PLC0415 - only here

    found = [
        app.workflows.runs.run(key, RunArgs(detach=True), lambda _: None, actor=user_name()).instance for key in keys
    ]
    return f"queued as {', '.join(one for one in found if one)}"


def _enable(app: App, keys: Sequence[str]) -> str:
    changes = app.workflows.edits.enable(list(keys), catchup=None, actor=user_name())
    return "; ".join(f"{change.workflow}: {change.action}" for change in changes)


def _disable(app: App, keys: Sequence[str]) -> str:
    changes = app.workflows.edits.disable(list(keys), actor=user_name())
    return "; ".join(f"{change.workflow}: {change.action}" for change in changes)


def _told(reports: Sequence[object]) -> str:
    return "; ".join(f"{one.instance[-6:]} {one.text}" for one in reports)  # type: ignore[attr-defined]


def _retry(app: App, keys: Sequence[str]) -> str:
    return _told([app.operator.instances.retry(key) for key in keys])


def _rerun(app: App, keys: Sequence[str]) -> str:
    return _told([app.operator.instances.rerun(key, None) for key in keys])


def _cancel(app: App, keys: Sequence[str]) -> str:
    return _told(app.operator.instances.cancel(list(keys)))


def _suspend(app: App, keys: Sequence[str]) -> str:
    return _told(app.operator.instances.suspend(list(keys)))


def _resume(app: App, keys: Sequence[str]) -> str:
    return _told(app.operator.instances.resume(list(keys)))


def _pause(app: App, keys: Sequence[str]) -> str:
    return "; ".join(app.operator.queues.pause(key).text for key in keys)


def _open(app: App, keys: Sequence[str]) -> str:
    return "; ".join(app.operator.queues.resume(key).text for key in keys)


def _delete_queue(app: App, keys: Sequence[str]) -> str:
    return "; ".join(app.operator.queues.delete(key).text for key in keys)


def _skip(app: App, keys: Sequence[str]) -> str:
    return _told([app.operator.instances.skip(*key.split("/", 1)) for key in keys])


def _rerun_task(app: App, keys: Sequence[str]) -> str:
    return _told([app.operator.instances.rerun(*key.split("/", 1)) for key in keys])


def _mark(app: App, keys: Sequence[str]) -> str:
    from mtctl.core.states import TaskState  # noqa: PLC0415 - only here

    pairs = [key.split("/", 1) for key in keys]
    return _told(
        [app.operator.instances.mark(ulid, task, TaskState.SUCCESS, reason=_REASON) for ulid, task in pairs]
    )


def _why(app: App, keys: Sequence[str]) -> str:
    report = app.operator.whys.why(keys[0])
    root = report.why.root
    about = "" if root.subject == report.subject else f"{root.subject}: "
    return f"{report.subject}: {about}{root.text}" + (f" – do: {root.fix}" if root.fix else "")


def _on_task(verb: str, *more: str) -> Callable[[Sequence[str]], Sequence[str]]:
    def command(keys: Sequence[str]) -> Sequence[str]:
        ulid, _, task = keys[0].partition("/")
        return ["instance", verb, ulid, "--task", task, *more]

    return command


def _words(*before: str) -> Callable[[Sequence[str]], Sequence[str]]:
    return lambda keys: [*before, *keys]


_REASON = "marked in the dashboard"

_TABLE, _FLOW, _INSTANCE = frozenset({"table"}), frozenset({"workflow"}), frozenset({"instance"})
_TASK, _QUEUE = frozenset({"task"}), frozenset({"queue"})

VERBS = (
    Verb(key="r", name="refresh", label="Refresh", kinds=_TABLE, act=_refresh,
         command=lambda keys: ["refresh", *keys, "--detach"]),
    Verb(key="F", name="refresh_full", label="Refresh all intervals", kinds=_TABLE, act=_force, asks=True,
         command=lambda keys: ["refresh", *keys, "--full", "--detach"]),
    Verb(key="r", name="run", label="Run now", kinds=_FLOW, single=True,
         act=_run,
         command=lambda keys: ["workflow", "run", *keys, "--detach"]),
    Verb(key="e", name="enable", label="Enable", kinds=_FLOW, act=_enable, command=_words("workflow", "enable")),
    Verb(key="d", name="disable", label="Disable", kinds=_FLOW, act=_disable, asks=True,
         command=_words("workflow", "disable")),
    Verb(key="t", name="retry", label="Retry", kinds=_INSTANCE, single=True,
         act=_retry, command=_words("instance", "retry")),
    Verb(key="u", name="rerun", label="Rerun", kinds=_INSTANCE, single=True,
         act=_rerun, asks=True,
         command=_words("instance", "rerun")),
    Verb(key="x", name="cancel", label="Cancel", kinds=_INSTANCE, act=_cancel, asks=True,
         command=_words("instance", "cancel")),
    Verb(key="s", name="suspend", label="Suspend", kinds=_INSTANCE, act=_suspend,
         command=_words("instance", "suspend")),
    Verb(key="v", name="resume", label="Resume", kinds=_INSTANCE, act=_resume, command=_words("instance", "resume")),
    Verb(key="s", name="pause", label="Pause", kinds=_QUEUE, single=True,
         act=_pause, command=_words("queue", "pause")),
    Verb(key="v", name="resume_queue", label="Resume", kinds=_QUEUE, single=True,
         act=_open, command=_words("queue", "resume")),
    Verb(key="x", name="delete_queue", label="Delete", kinds=_QUEUE, single=True,
         act=_delete_queue, asks=True,
         command=_words("queue", "delete")),
    Verb(key="i", name="skip", label="Skip", kinds=_TASK, single=True,
         act=_skip, asks=True, command=_on_task("skip")),
    Verb(key="u", name="rerun_task", label="Rerun from here", kinds=_TASK, single=True,
         act=_rerun_task, asks=True,
         command=_on_task("rerun")),
    Verb(key="m", name="mark", label="Mark as done", kinds=_TASK, single=True,
         act=_mark, asks=True,
         command=_on_task("mark", "--state", "success", "--reason", _REASON)),
    Verb(key="w", name="why", label="Why", kinds=_TABLE | _FLOW | _INSTANCE, single=True,
         act=_why, command=_words("why")),
)  # fmt: skip
"""Every verb, in the order in which they are offered."""
