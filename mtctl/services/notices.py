"""Floor 3. Telling people: new events become notices, due notices are sent, late fires are noticed.

Nothing is sent inside a transaction, and each sending has its own thread with a time limit: a channel that hangs or
is broken holds up neither work nor other channels. A notice is held while it is being sent, so that of many daemons
one sends it; one that dies meanwhile leaves it to be sent again. So a notice is made once, and told at least once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.backoff import backoff
from mtctl.core.errors import Kind, MtctlError, not_found
from mtctl.core.names import closest
from mtctl.core.notices import LATE_AFTER, Notice, Waiting, late_notices
from mtctl.core.workflow import Occasion
from mtctl.ports.notify import SEND_SECONDS, Message
from mtctl.services.happenings import Facts, instance_rules, notices_from, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtctl.core.model import Instant
    from mtctl.core.notices import ProjectRule, Rules
    from mtctl.ports.clock import Clock
    from mtctl.ports.notices import NoticeRow
    from mtctl.ports.notify import Channel
    from mtctl.ports.store import Store, View
    from mtctl.ports.work import InstanceRow

READER = "notices"
"""The name of the mark that says how far the events have been read."""

MOST_TRIES = 10
"""After so many failed tries a notice is given up; with the waits between them that is after about two hours."""

ROUND_SECONDS = 20.0
"""How long one round of sending goes on; what is still due waits for the next."""

NEWS = 7 * 86_400_000_000
"""What happened longer ago is no news any more, in microseconds."""

_BATCH = 1_000  # events, or late fires, a look
_GRACE = 1.0  # seconds; a channel keeps the limit itself, this is for what no limit reaches, such as a name server
_HELD = 60_000_000  # how long a notice is left to whoever sends it, in microseconds: much more than one sending


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """What one round of sending did; `postponed` failed or met a broken channel and are tried again."""

    sent: int = 0
    postponed: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTest:
    """Whether a channel took a test message; `error` is the trouble in words without secrets."""

    channel: str
    seconds: float
    error: MtctlError | None


class Notices:
    """The verbs of telling; belongs to the thread that owns the store."""

    def __init__(  # noqa: PLR0913 - the parts of one service, all named
        self,
        store: Store,
        clock: Clock,
        *,
        project: str,
        rules: Sequence[ProjectRule],
        channels: Sequence[str],
        open_channel: Callable[[str], Channel],
        seconds: float = SEND_SECONDS,
    ) -> None:
        """Keep the ports; `channels` are the names that `open_channel` takes, `seconds` the limit of one sending."""
        self._store = store
        self._clock = clock
        self._project = project
        self._rules = tuple(rules)
        self._names = tuple(channels)
        self._open_channel = open_channel
        self._seconds = seconds

    def look(self) -> int:
        """Make the notices of what has happened and of what is late; return how many are new."""
        return self.gather() + self.late()

    def gather(self) -> int:
        """Make notices of what happened since the last look; return how many are new.

        Who has never looked begins now: a project that gets its first channel is not told of its past. So look once
        before the work begins.
        """
        made = 0
        while True:
            with self._store.read() as view:
                mark = view.notice_mark(READER)
                start = view.last_event() if mark is None else mark
                events = view.events_after(start, _BATCH)
                reached = events[-1].event_id if events else start
                fresh = [event for event in events if event.at >= self._clock.now() - NEWS]
                found = notices_from(fresh, Facts(view), self._rules, project=self._project)
            if reached == mark:
                return made
            with self._store.write() as tx:
                if tx.notice_mark(READER) != mark:
                    continue  # somebody was faster, and has made these notices
                made += sum(_add(tx.add_notice, notice, tx.now) for notice in found)
                tx.set_notice_mark(READER, reached)
            if len(events) < _BATCH:
                return made

    def late(self) -> int:
        """Make notices of fires that are more than a minute past and of which nothing has begun; return how many.

        Call it before the due workflows fire, so that a fire that nobody looked at in time is told too.
        """
        with self._store.read() as view:
            now = self._clock.now()
            found = late_notices(_waiting(view, now), now, self._rules, project=self._project)
        if not found:
            return 0
        with self._store.write() as tx:
            return sum(_add(tx.add_notice, notice, tx.now) for notice in found)

    def send_due(self, *, seconds: float = ROUND_SECONDS, stop: threading.Event | None = None) -> SendReport:
        """Send what is due, until the time is over or `stop` is set; never raises for a channel's sake.

        A channel that is of no use is asked once a round: what else waits for it counts that as its own try.
        """
        end = self._clock.boottime() + int(seconds * 1e9)
        counts = {"sent": 0, "postponed": 0, "given_up": 0}
        broken: dict[str, str] = {}
        while not self._is_over(end, stop) and (row := self._take()) is not None:
            error = broken.get(row.channel)
            if error is None:
                trouble = self._send(row.channel, _message(row))
                error = None if trouble is None else str(trouble)
                if trouble is not None and trouble.kind is not Kind.FAILED:
                    broken[row.channel] = str(trouble)
            counts[self._settle(row, error)] += 1
        return SendReport(**counts)

    def test_channel(self, name: str) -> ChannelTest:
        """Send a test message through a channel at once; raises not_found `channel_unknown`."""
        if name not in self._names:
            raise _unknown(name, self._names)
        began = self._clock.boottime()
        text = f"This is a test of the channel {name} of the project {self._project}."
        body = {"schema": "mtctl.notice/v1", "project": self._project, "occasion": "test", "text": text}
        message = Message(
            key=f"{name}/test/{self._clock.now()}",
            channel=name,
            occasion="test",
            subject=f"[{self._project}] test of the channel {name}",
            text=text,
            body=body | {"subject": f"[{self._project}] test of the channel {name}"},
        )
        error = self._send(name, message)
        return ChannelTest(channel=name, seconds=(self._clock.boottime() - began) / 1e9, error=error)

    def _is_over(self, end: int, stop: threading.Event | None) -> bool:
        return (stop is not None and stop.is_set()) or self._clock.boottime() >= end

    def _take(self) -> NoticeRow | None:
        """Return the notice that is due longest, and keep others from sending it now."""
        with self._store.read() as view:
            if not view.due_notices(self._clock.now(), 1):
                return None
        with self._store.write() as tx:
            for row in tx.due_notices(tx.now, 1):
                tx.hold_notice(row.notice_id, tx.now + _HELD)
                return row
        return None

    def _settle(self, row: NoticeRow, error: str | None) -> str:
        with self._store.write() as tx:
            if error is None:
                tx.notice_sent(row.notice_id)
                return "sent"
            tries = row.tries + 1
            again = None if tries >= MOST_TRIES else tx.now + backoff(tries, 1.0)
            tx.notice_failed(row.notice_id, error, again)
            return "postponed" if again is not None else "given_up"

    def _send(self, name: str, message: Message) -> MtctlError | None:
        """Send in a thread of its own; what does not end in time is left behind, and counts as failed."""
        found: list[MtctlError | None] = []
        now = self._clock.now()
        thread = threading.Thread(
            target=lambda: found.append(self._told(name, message, now)), name="mtctl-notice", daemon=True
        )
        thread.start()
        thread.join(self._seconds + _GRACE)
        if found:
            return found[0]
        return MtctlError(
            "channel_timeout",
            f"no answer within {self._seconds:g} s",
            kind=Kind.TIMEOUT,
            where=f"[notify.{name}]",
            fix="it is tried again later",
        )

    def _told(self, name: str, message: Message, now: Instant) -> MtctlError | None:
        try:
            if name not in self._names:
                return _unknown(name, self._names)
            self._open_channel(name).send(message, now)
        except MtctlError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a bug in a channel must not end the daemon
            # Its words are not kept: nobody has looked whether they hold a secret.
            what = f"the channel failed with {type(error).__name__}"
            return MtctlError("channel_bug", what, kind=Kind.INTERNAL, where=f"[notify.{name}]", fix="report it")
        return None


def _waiting(view: View, now: Instant) -> Iterable[Waiting]:
    """Return the fires that may be late: those not made yet, and instances of which nothing has begun."""
    before = now - LATE_AFTER
    facts = Facts(view)
    for row in view.due_workflows(before, _BATCH):
        if row.next_fire_at is None or row.due_at is None:
            continue
        yield Waiting(
            workflow=row.name,
            fire_at=row.next_fire_at,
            due_at=row.due_at,
            logical_date=row.last_fire_at,
            tags=row.definition.tags,
            rules=rules_of(row.definition, with_tasks=Occasion.LATE),
        )
    for instance in view.waiting_instances(before, _BATCH):
        if instance.workflow is None or instance.fire_at is None:
            continue
        yield Waiting(
            workflow=instance.workflow,
            fire_at=instance.fire_at,
            due_at=max(instance.fire_at, instance.created_at),  # jitter has passed when the instance is made
            instance=instance.ulid,
            logical_date=instance.logical_date,
            rank=instance.rank,
            tags=instance.tags,
            rules=_late_rules(instance, facts),
        )


def _late_rules(instance: InstanceRow, facts: Facts) -> Rules:
    """Return the rules about a late instance: its own, and those of its tasks, which are late with it."""
    definition = facts.definition(instance)
    tasks = () if definition is None else rules_of(definition, with_tasks=Occasion.LATE)
    return (*instance_rules(instance, facts), *tasks)


def _add(add: Callable[..., bool], notice: Notice, now: Instant) -> bool:
    return add(key=notice.key, channel=notice.channel, occasion=notice.occasion, body=notice.body, next_at=now)


def _message(row: NoticeRow) -> Message:
    return Message(
        key=row.key,
        channel=row.channel,
        occasion=row.occasion,
        subject=str(row.body.get("subject", row.key)),
        text=str(row.body.get("text", "")),
        body=row.body,
    )


def _unknown(name: str, known: Sequence[str]) -> MtctlError:
    near = closest(name, known)
    fix = f"did you mean {near!r}?" if near else f"add [notify.{name}] to mtctl.toml"
    return not_found("channel_unknown", f"there is no channel {name!r}", fix=fix)
