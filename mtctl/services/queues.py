"""Floor 3. Queues: how many tasks of a kind run at once, and whether they run at all.

Slots are derived from live leases, so a change of their number counts at the next claim and takes nothing from what
runs. Every verb writes an event with the person's name; what is so already stays so, and is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.errors import conflict, not_found, usage
from mtctl.core.names import closest, printable
from mtctl.services.reports.queues import QueueChanged

if TYPE_CHECKING:
    from mtctl.ports.store import Store, Tx, View
    from mtctl.ports.workflows import QueueRow

DEFAULT = "default"
"""The queue of everything that names none."""

MOST_SLOTS = 10_000
"""More slots than that are a slip of the finger."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_MEMORY = re.compile(r"\d+(\.\d+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueArgs:
    """What a queue is to be; None leaves a part as it is, an empty `memory` and 0 `threads` mean the project's."""

    slots: int | None = None
    memory: str | None = None
    threads: int | None = None


class Queues:
    """The verbs, told with the name of whoever asks."""

    def __init__(self, store: Store, actor: str) -> None:
        """Keep the port."""
        self._store = store
        self._actor = actor

    def rows(self) -> tuple[QueueRow, ...]:
        """Return all queues by name."""
        with self._store.read() as view:
            return tuple(view.queues())

    def create(self, name: str, args: QueueArgs) -> QueueChanged:
        """Make a queue; the same again changes nothing, another of that name is `queue_exists` (conflict)."""
        _check_name(name)
        _check(args)
        if args.slots is None:
            raise usage("slots_missing", "a queue needs slots", fix="--slots N: how many of its tasks run at once")
        with self._store.write() as tx:
            known = _row(tx, name)
            if known is not None and (known.slots, known.memory, known.threads) == _settings(args, known):
                return QueueChanged(name=name, verb="create", changed=False, text="exists already", row=known)
            if known is not None:
                fix = f"`mtctl queue set {name}` changes it"
                raise conflict("queue_exists", f"queue {name} exists and has {known.slots} slots", fix=fix)
            self._put(tx, name, "create", _settings(args, None))
            return self._done(tx, name, "create", "is made")

    def set(self, name: str, args: QueueArgs) -> QueueChanged:
        """Change a queue; error `queue_unknown` (not found)."""
        _check(args)
        if args == QueueArgs():
            raise usage("nothing_to_set", "nothing is said to change", fix="--slots, --memory or --threads")
        with self._store.write() as tx:
            known = _known(tx, name)
            wanted = _settings(args, known)
            if wanted == (known.slots, known.memory, known.threads):
                return QueueChanged(name=name, verb="set", changed=False, text="is so already", row=known)
            self._put(tx, name, "set", wanted)
            return self._done(tx, name, "set", "is changed")

    def pause(self, name: str, reason: str = "") -> QueueChanged:
        """Let nothing of a queue begin; what runs runs on."""
        why = f"by {self._actor}" + (f": {reason}" if reason else "")
        with self._store.write() as tx:
            _known(tx, name)
            if not tx.pause_queue(name, paused=True, why=why):
                return self._same(tx, name, "pause", "is paused already")
            tx.add_note("queue_pause", actor=self._actor, queue=name, reason=reason)
            return self._done(tx, name, "pause", "is paused")

    def resume(self, name: str) -> QueueChanged:
        """Let a queue go on."""
        with self._store.write() as tx:
            _known(tx, name)
            if not tx.pause_queue(name, paused=False, why=""):
                return self._same(tx, name, "resume", "is not paused")
            tx.add_note("queue_resume", actor=self._actor, queue=name)
            return self._done(tx, name, "resume", "goes on")

    def delete(self, name: str, *, if_exists: bool = False) -> QueueChanged:
        """Delete a queue; errors `queue_default`, `queue_in_use` (conflict), `queue_unknown` (not found)."""
        with self._store.write() as tx:
            if if_exists and _row(tx, name) is None:
                return QueueChanged(name=name, verb="delete", changed=False, text="does not exist")
            _known(tx, name)
            if name == DEFAULT:
                fix = f"`mtctl queue pause {DEFAULT}` stops it"
                raise conflict("queue_default", f"queue {DEFAULT} cannot be deleted: what names none is in it", fix=fix)
            tx.delete_queue(name)
            tx.add_note("queue_delete", actor=self._actor, queue=name)
            return QueueChanged(name=name, verb="delete", changed=True, text="is deleted")

    def _put(self, tx: Tx, name: str, verb: str, wanted: tuple[int, str | None, int | None]) -> None:
        slots, memory, threads = wanted
        tx.put_queue(name, slots=slots, memory=memory, threads=threads)
        tx.add_note(f"queue_{verb}", actor=self._actor, queue=name, slots=slots, memory=memory, threads=threads)

    def _done(self, tx: Tx, name: str, verb: str, text: str) -> QueueChanged:
        return QueueChanged(name=name, verb=verb, changed=True, text=text, row=_known(tx, name))

    def _same(self, tx: Tx, name: str, verb: str, text: str) -> QueueChanged:
        return QueueChanged(name=name, verb=verb, changed=False, text=text, row=_known(tx, name))


def _settings(args: QueueArgs, known: QueueRow | None) -> tuple[int, str | None, int | None]:
    """Return slots, memory and threads as they are to be."""
    slots = args.slots if args.slots is not None else known.slots if known is not None else 1
    memory = (args.memory or None) if args.memory is not None else known.memory if known is not None else None
    threads = (args.threads or None) if args.threads is not None else known.threads if known is not None else None
    return slots, memory, threads


def _row(view: View, name: str) -> QueueRow | None:
    return next((row for row in view.queues() if row.name == name), None)


def _known(view: View, name: str) -> QueueRow:
    names = []
    for row in view.queues():
        if row.name == name:
            return row
        names.append(row.name)
    near = closest(name, names)
    fix = f"did you mean '{near}'?" if near else "`mtctl queue list` shows all, `mtctl queue create` makes one"
    raise not_found("queue_unknown", f"there is no queue '{printable(name[:80])}'", fix=fix)


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        what = f"'{printable(name[:80])}' cannot be the name of a queue"
        raise usage("queue_name", what, fix="letters, digits, _ and -, at most 63, a letter first")


def _check(args: QueueArgs) -> None:
    if args.slots is not None and not 1 <= args.slots <= MOST_SLOTS:
        raise usage("slots", f"{args.slots} slots are not from 1 to {MOST_SLOTS}", fix="`mtctl queue pause` stops it")
    if args.memory and _MEMORY.fullmatch(args.memory) is None:
        raise usage("memory", f"'{printable(args.memory[:40])}' is not a size", where="--memory", fix="e.g. 4GB")
    if args.threads is not None and args.threads < 0:
        raise usage("threads", "threads are 1 or more", where="--threads", fix="0 for the project's")
