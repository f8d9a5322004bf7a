"""Floor 0. How late a table is: since when it is not what it should be, and how much of that it owes to others.

Late means: something wanted is missing or stale. It counts from the first moment at which that was so: the interval had
closed, or what the data was made from had changed. What a table reads may be late itself; that part is inherited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ledger import missing, todo
from mtctl.core.pulse import lasting
from mtctl.core.values import frozen
from mtctl.core.why import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.core.model import Instant
    from mtctl.core.table_view import Look
    from mtctl.core.why import Why
    from mtctl.core.why_facts import TableFacts

_SECONDS_COUNT = 600
_SECOND = 1_000_000


@frozen
class Turned:
    """When the first stale interval of a table was published, and what of its inputs changed after that, and when."""

    published_at: Instant
    source_at: Instant | None = None
    upstream_at: Instant | None = None
    definition_at: Instant | None = None


@frozen
class Lag:
    """How late a table is, in microseconds: `inherited` is what the tables explain that it reads, `own` the rest."""

    total: int = 0
    own: int = 0
    inherited: int = 0


def late_since(look: Look, made_at: Instant, turned: Turned | None, now: Instant) -> Instant | None:
    """Return since when something wanted of a table is not fresh; None where all is.

    Nothing is late before the table was made (`made_at`): what it wants of earlier times is history that it lacks.
    """
    if not todo(look.wanted, look.coverage):
        return None
    marks = []
    lacking = missing(look.wanted, look.coverage).span
    if lacking is not None:
        closed = look.calendar.next(lacking.start) + look.outline.delay if look.calendar is not None else made_at
        marks.append(min(max(closed, made_at), now))
    if turned is not None and (look.wanted & look.coverage.stale_set):
        marks.append(_turned_at(turned, look.coverage.stale[0].reason))
    return min(marks, default=made_at)


def lags(since: Mapping[str, Instant | None], upstream: Mapping[str, Iterable[str]], now: Instant) -> dict[str, Lag]:
    """Return how late each table is; `since` is what `late_since` says."""
    totals = {name: max(0, now - at) if at is not None else 0 for name, at in since.items()}
    found = {}
    for name, total in totals.items():
        inherited = min(total, max((totals.get(one, 0) for one in upstream.get(name, ())), default=0))
        found[name] = Lag(total=total, own=total - inherited, inherited=inherited)
    return found


def lag_text(lag: int) -> str:
    """Return a lag in words, `9h12m`, `59m`, `8m20s`: seconds count in the first ten minutes only; empty for none."""
    seconds = lag // _SECOND
    if seconds >= _SECONDS_COUNT:
        return lasting(seconds - seconds % 60).removesuffix("00s")
    return lasting(seconds) if lag > 0 else ""


def blame(why: Why, table: TableFacts, stale: str) -> str:
    """Return the cause of a table's lateness in a few words; `stale` is the reason of its stale intervals, or ''."""
    link = why.chain[0]
    behind = why.chain[1].subject if len(why.chain) > 1 else ""
    task = table.task or table.last
    instance = f" {task.instance[-6:]}" if task is not None else ""
    match link.cause:
        case Cause.FAILED | Cause.QUARANTINED | Cause.CANCELLED | Cause.RETRY:
            return f"{_ENDED[link.cause]}{instance}"
        case Cause.UPSTREAM | Cause.TASK:
            return f"waits for {behind or 'the tasks before it'}"
        case Cause.QUEUE_PAUSED | Cause.QUEUE_FULL:
            state = "is paused" if link.cause is Cause.QUEUE_PAUSED else "is full"
            return f"queue {task.queue if task is not None else ''} {state}"
        case Cause.WORKFLOW:
            return f"waits for workflow {task.depends_on}" if task is not None else "waits for a workflow"
        case Cause.NOT_DUE | Cause.ON_DEMAND | Cause.DISABLED | Cause.COMPLETED | Cause.TURN if stale:
            return f"{stale}; {_WORDS[link.cause]}"
        case _:
            return _WORDS.get(link.cause, link.cause.value.replace("_", " "))


def _turned_at(turned: Turned, reason: str) -> Instant:
    """Return when an interval became stale for a reason, as well as that is known."""
    if reason.startswith("definition"):
        found = turned.definition_at
    elif reason.startswith("source"):
        found = turned.source_at
    elif reason.startswith("upstream"):
        found = turned.upstream_at
    else:
        found = None
    return max(turned.published_at, found) if found is not None else turned.published_at


_ENDED = {
    Cause.FAILED: "own failure",
    Cause.QUARANTINED: "own failure, quarantined",
    Cause.CANCELLED: "cancelled",
    Cause.RETRY: "own failure, is retried",
}

_WORDS = {
    Cause.NOTHING: "",
    Cause.RUNNING: "is running",
    Cause.SUSPENDED: "held by a person",
    Cause.CANCEL_REQUESTED: "about to be cancelled",
    Cause.SERIAL: "an older instance goes first",
    Cause.TABLE_BUSY: "somebody else refreshes it",
    Cause.MAX_PARALLEL: "its instance runs as much as it may",
    Cause.TURN: "its turn comes",
    Cause.NOBODY: "nobody looks for work",
    Cause.SOURCE_MISSING: "a source is gone",
    Cause.SOURCE_LOCKED: "a source is locked",
    Cause.DISABLED: "workflow is disabled",
    Cause.COMPLETED: "schedule has ended",
    Cause.ON_DEMAND: "not scheduled",
    Cause.SKIPPED: "newest fires were skipped",
    Cause.NOT_DUE: "not due yet",
    Cause.NOT_WANTED: "nothing is wanted yet",
    Cause.CLOCK: "the clock is behind",
    Cause.NOT_APPLIED: "its file is not applied",
}
