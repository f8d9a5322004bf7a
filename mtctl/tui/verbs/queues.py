"""Floor 4. The verbs of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import many
from mtctl.tui.verbs.reports import each
from mtctl.tui.verbs.verb import Field, FieldKind, Prepared, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.tui.verbs.verb import Given

QUEUE = frozenset({"queue"})


def _create(app: App, keys: Sequence[str], given: Given) -> str:
    from mtctl.services.queues import QueueArgs  # noqa: PLC0415 - only here

    _ = keys
    args = QueueArgs(slots=given.number("slots"), memory=given.maybe("memory"), threads=given.number("threads"))
    done = app.operator.queues.create(given.text("name"), args)
    return f"{done.name} {done.text}"


def _set(app: App, keys: Sequence[str], given: Given) -> str:
    from mtctl.services.queues import QueueArgs  # noqa: PLC0415 - only here

    slots, threads = given.changed("slots"), given.changed("threads")
    args = QueueArgs(
        slots=int(slots) if slots else None,
        memory=given.changed("memory"),
        threads=int(threads) if threads else None,
    )
    done = app.operator.queues.set(keys[0], args)
    return f"{done.name} {done.text}"


def _present(app: App, keys: Sequence[str]) -> Prepared:
    found = next((row for row in app.operator.queues.rows() if row.name == keys[0]), None)
    if found is None:
        return Prepared()  # it went meanwhile: the act says so
    values = {"slots": str(found.slots), "memory": found.memory or "", "threads": str(found.threads or 0)}
    return Prepared(values=values, what=f"{found.running} of its {found.slots} slots are taken.")


def _may_pause(app: App, keys: Sequence[str]) -> Prepared:
    waiting = sum(row.waiting for row in app.operator.queues.rows() if row.name in keys)
    return Prepared(what=f"{many(waiting, 'task waits', 'tasks wait')} in it.")


def _pause(app: App, keys: Sequence[str], given: Given) -> str:
    return each(keys, lambda key: f"{key} {app.operator.queues.pause(key, given.text('reason')).text}")


def _resume(app: App, keys: Sequence[str], given: Given) -> str:
    _ = given
    return each(keys, lambda key: f"{key} {app.operator.queues.resume(key).text}")


def _delete(app: App, keys: Sequence[str], given: Given) -> str:
    gone = given.ticked("if-exists")
    return each(keys, lambda key: f"{key} {app.operator.queues.delete(key, if_exists=gone).text}")


_MEMORY = Field(name="memory", label="Memory of a runner", option="--memory", hint="4GB; else the project's")
_THREADS = Field(name="threads", label="Threads of a runner", option="--threads", kind=FieldKind.NUMBER, least=0,
                 hint="0 for the project's")  # fmt: skip


def _slots(value: str) -> Field:
    return Field(name="slots", label="Slots", option="--slots", kind=FieldKind.NUMBER, value=value, least=1,
                 needed=True, hint="N")  # fmt: skip


CHANGES = (
    Verb(name="pause", label="Pause", kinds=QUEUE, key="s", path="queue pause", act=_pause, prepare=_may_pause,
         quick=False, single=True, fields=(Field(name="reason", label="Reason", option="--reason",
                                    hint="why; shown by `queue list` and `why`"),)),
    Verb(name="resume_queue", label="Resume", kinds=QUEUE, key="v", path="queue resume", act=_resume, single=True),
    Verb(name="set_queue", label="Change slots, memory", kinds=QUEUE, key="M", path="queue set", act=_set,
         prepare=_present, quick=False, alone=True, differs=True, fields=(_slots(""), _MEMORY, _THREADS)),
    Verb(name="create_queue", label="Create a queue", kinds=QUEUE, key="c", rare=True,
         path="queue create", act=_create,
         quick=False, free=True, fields=(
             Field(name="name", label="Name", hint="QUEUE", needed=True), _slots("1"), _MEMORY, _THREADS)),
    Verb(name="delete_queue", label="Delete", kinds=QUEUE, key="X", rare=True,
         path="queue delete", act=_delete, single=True,
         prepare=_may_pause, asks=True, fields=(
             Field(name="if-exists", label="No error when gone", option="--if-exists",
                   kind=FieldKind.TICK),)),
)  # fmt: skip
"""The verbs that change queues."""
