"""Floor 4. The verbs of instances and of the tasks in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, conflict
from mtctl.core.states import InstanceState, TaskState
from mtctl.core.times import parse_duration
from mtctl.core.words import many
from mtctl.tui.verbs.reports import each
from mtctl.tui.verbs.verb import Field, FieldKind, Prepared, Verb
from mtctl.tui.verbs.workflows import REASON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtctl.app import App
    from mtctl.services.reports.verbs import VerbReport
    from mtctl.tui.verbs.verb import Given

INSTANCE = frozenset({"instance", "range"})
"""A refresh of many intervals is an instance too."""

TASK = frozenset({"task"})

_OPEN = (InstanceState.PENDING, InstanceState.RUNNING, InstanceState.SUSPENDED)
_WAIT = Field(name="wait", label="Wait for the end", option="--wait", value="0s", needed=True, hint="0s, 10s, 1m")


def _told(reports: Iterable[VerbReport]) -> str:
    return "; ".join(f"{one.instance[-6:]} {one.text}" for one in reports)


def _retry(app: App, keys: Sequence[str], given: Given) -> str:
    return each(keys, lambda key: _told([app.operator.instances.retry(key, reason=given.text("reason"))]))


def _rerun(app: App, keys: Sequence[str], given: Given) -> str:
    return each(keys, lambda key: _told([app.operator.instances.rerun(key, None, reason=given.text("reason"))]))


def _cancel(app: App, keys: Sequence[str], given: Given) -> str:
    return _cancelled(app, keys, given, all_open=False)


def _cancel_all(app: App, keys: Sequence[str], given: Given) -> str:
    _ = keys
    return _cancelled(app, (), given, all_open=True)


def _cancelled(app: App, keys: Sequence[str], given: Given, *, all_open: bool) -> str:
    seconds = parse_duration(given.text("wait"), field="--wait", kind=Kind.USAGE, allow_zero=True) / 1e6
    reason = given.text("reason")
    found = app.operator.instances.cancel(list(keys), all_open=all_open, reason=reason, wait_seconds=seconds)
    return _told(found) or "nothing is open"


def _how_many(app: App, keys: Sequence[str]) -> Prepared:
    _ = keys
    counts = app.board.counts().instances
    number = sum(counts.get(state, 0) for state in _OPEN)
    return Prepared(what=f"{many(number, 'instance has', 'instances have')} not ended.")


def _if_open(app: App, keys: Sequence[str]) -> Prepared:
    """Refuse what has ended before anything is asked; say how many of several have. Conflict `instance_ended`."""
    states = [app.board.near.tasks(key, (), 0, 1).near.row.state for key in keys]
    ended = sorted({state.value for state in states if state not in _OPEN})
    number = sum(state not in _OPEN for state in states)
    if number == len(states):
        raise conflict("instance_ended", f"has ended already: {', '.join(ended)}")
    return Prepared(what=f"{many(number, 'of them has', 'of them have')} ended already." if number else "")


def _suspend(app: App, keys: Sequence[str], given: Given) -> str:
    return _told(app.operator.instances.suspend(list(keys), reason=given.text("reason")))


def _resume(app: App, keys: Sequence[str], given: Given) -> str:
    return _told(app.operator.instances.resume(list(keys), reason=given.text("reason")))


def _on_task(keys: Sequence[str], act: Callable[[str, str], VerbReport]) -> str:
    def one(key: str) -> str:
        ulid, _, task = key.partition("/")
        return _told([act(ulid, task)])

    return each(keys, one)


def _skip(app: App, keys: Sequence[str], given: Given) -> str:
    verbs, reason = app.operator.instances, given.text("reason")
    return _on_task(keys, lambda ulid, task: verbs.skip(ulid, task, reason=reason))


def _rerun_task(app: App, keys: Sequence[str], given: Given) -> str:
    verbs, reason = app.operator.instances, given.text("reason")
    return _on_task(keys, lambda ulid, task: verbs.rerun(ulid, task, reason=reason))


def _mark(app: App, keys: Sequence[str], given: Given) -> str:
    verbs, state, reason = app.operator.instances, TaskState(given.text("state")), given.text("reason")
    return _on_task(keys, lambda ulid, task: verbs.mark(ulid, task, state, reason=reason))


CHANGES = (
    Verb(name="retry", label="Retry", kinds=INSTANCE, key="t", path="instance retry", act=_retry, fields=(REASON,),
         single=True),
    Verb(name="rerun", label="Rerun", kinds=INSTANCE, key="u", path="instance rerun", act=_rerun, fields=(REASON,),
         single=True, asks=True),
    Verb(name="cancel", label="Cancel", kinds=INSTANCE, key="x", path="instance cancel", act=_cancel,
         prepare=_if_open, fields=(REASON, _WAIT), asks=True),
    Verb(name="suspend", label="Suspend", kinds=INSTANCE, key="s", path="instance suspend", act=_suspend,
         prepare=_if_open, fields=(REASON,)),
    Verb(name="resume", label="Resume", kinds=INSTANCE, key="v", path="instance resume", act=_resume,
         prepare=_if_open, fields=(REASON,)),
    Verb(name="cancel_all", label="Cancel all that has not ended", kinds=INSTANCE, path="instance cancel --all-open",
         act=_cancel_all, prepare=_how_many, fields=(REASON, _WAIT), asks=True, free=True),
    Verb(name="skip", label="Skip", kinds=TASK, key="o", path="instance skip", act=_skip, fields=(REASON,),
         single=True, asks=True),
    Verb(name="rerun_task", label="Rerun from here", kinds=TASK, key="u", path="instance rerun", act=_rerun_task,
         fields=(REASON,), single=True, asks=True),
    Verb(name="mark", label="Mark", kinds=TASK, key="m", path="instance mark", act=_mark, quick=False, single=True,
         asks=True, fields=(
             Field(name="state", label="It is", option="--state", kind=FieldKind.CHOICE, value="success",
                   choices=("success", "failed", "skipped"), needed=True),
             Field(name="reason", label="Reason", option="--reason", hint="TEXT", needed=True))),
)  # fmt: skip
"""The verbs that change instances and tasks."""

LOOKS = (
    Verb(name="watch", label="Watch", kinds=INSTANCE, path="instance watch", opens="", alone=True, looks=True),
    Verb(name="logs", label="Output", kinds=INSTANCE, path="instance logs", opens="logs", alone=True, looks=True),
    Verb(name="wait", label="Tell when it ends", kinds=INSTANCE, path="instance wait", waits=True, looks=True,
         fields=(
             Field(name="for", label="Or is", option="--for", kind=FieldKind.CHOICE,
                   choices=tuple(one.value for one in InstanceState)),
             Field(name="timeout", label="At most", option="--timeout", hint="30m, 2h; else for ever"))),
)  # fmt: skip
"""The verbs that ask about instances."""
