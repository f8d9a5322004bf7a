"""Floor 0. Which snapshots of the lake stay: pure rules over times, versions and bytes.

Snapshots are of the whole lake, versions are of a table. A version of a table lasts from the snapshot that made it to
the one that ended it, and its age counts from that end: somebody may have begun to read it a moment before. It is read
at the last snapshot before its end, whatever other snapshots there were in between. So a snapshot is kept for those
tables only whose versions the next snapshot ended, and for no other: what else it shows, later ones show as well. That
is why 500 tables with a new version each minute do not keep each other's snapshots.

A snapshot stays when

- it is the newest, or was the newest at any time in the last hour (readers without a pin may be using it);
- somebody has pinned it, or a live attempt reads it;
- it was the newest at a full hour of the last 24, or at a midnight (UTC) of the last 7 days; these go, the oldest
  first, only where all old versions of the lake together take more bytes than all tables may;
- it is the last one before the end of a version that its table still wants: one of the newest `versions` (the present
  one counted), ended no longer than `age` ago, and within the table's bytes.

All rules only ever let go as time passes, so that expiring bit by bit gives the same as expiring once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.sizes import size_of
from mtctl.core.times import parse_duration
from mtctl.core.values import frozen, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant

HOUR = 3_600_000_000
DAY = 24 * HOUR

YOUNG = HOUR
"""How long everything that was once the newest stays, in microseconds."""

HOURS_KEPT = DAY
"""How far back the newest snapshot of each hour stays."""

DAYS_KEPT = 7 * DAY
"""How far back the newest snapshot of each day stays."""

SPARE_BYTES = 1 << 30
"""What old versions of a table may take beside twice its present bytes."""


@frozen
class Limits:
    """What of a table's old versions stays after the first hour.

    `versions` counts the present one too, `age` is microseconds since a version ended, `bytes` those of all old
    versions together, None: twice what the table holds now and 1 GiB.
    """

    versions: int = 10
    age: int = 7 * DAY
    bytes: int | None = None

    def allowed(self, live: int) -> int:
        """Return how many bytes old versions may take beside `live` ones."""
        return 2 * live + SPARE_BYTES if self.bytes is None else self.bytes


@frozen
class Policy:
    """The retention of a project: of tables that say nothing else, of ended instances and of events.

    `instances` and `events` are microseconds.
    """

    limits: Limits = Limits()
    instances: int = 30 * DAY
    events: int = 30 * DAY


@frozen(kw_only=False)
class OldSnapshot:
    """A snapshot that was last the newest more than an hour ago: its id, its time, and when the next one came."""

    snapshot: int
    at: Instant
    ended_at: Instant


@frozen(kw_only=False)
class Ended:
    """An old version of a table: the snapshot that ended it, and when."""

    snapshot: int
    at: Instant


@frozen(kw_only=False)
class OldFile:
    """A file that is no longer live: the snapshots that brought and ended it, and its size."""

    begin: int
    end: int
    bytes: int


@frozen
class TableHistory:
    """What is known of one table.

    `is_live` is False for a dropped one, `young` counts the versions that ended within the last hour, `ended` are the
    older ones with the newest first. `files` may be empty where its old files cannot take more than `allowed` bytes.
    """

    limits: Limits
    is_live: bool
    young: int
    ended: tuple[Ended, ...]
    allowed: int = 0
    files: tuple[OldFile, ...] = ()


@frozen
class Lake:
    """All old files and what they may take; `files` may be empty where they cannot take more."""

    allowed: int = 0
    files: tuple[OldFile, ...] = ()


def limits_of(policy: Policy, options: Iterable[tuple[str, str]]) -> Limits:
    """Return the limits of a table: its `retention.*` options, checked when they were applied, before the project's."""
    own: dict[str, int | None] = {}
    for key, value in options:
        match key:
            case "retention.versions":
                own["versions"] = int(value)
            case "retention.age":
                own["age"] = parse_duration(value)
            case "retention.bytes":
                own["bytes"] = size_of(value)
            case _:
                pass
    return replace(policy.limits, **own)


def kept(
    now: Instant, snapshots: Sequence[OldSnapshot], tables: Iterable[TableHistory], lake: Lake, young_from: int
) -> frozenset[int]:
    """Return which of the old snapshots stay, pins aside.

    `snapshots` are in the order of their ids, `young_from` is the id of the first one that stays for its youth.
    """
    there = frozenset(one.snapshot for one in snapshots)
    staying: set[int] = set()
    for table in tables:
        wanted = [snapshot for snapshot in _wanted(now, table) if snapshot in there]
        staying.update(within(wanted, table.files, table.allowed, young_from))
    marks = [one.snapshot for one in reversed(snapshots) if is_mark(now, one)]
    staying.update(within(marks, lake.files, lake.allowed, young_from))
    return frozenset(staying)


def is_mark(now: Instant, one: OldSnapshot) -> bool:
    """Return whether a snapshot was the newest at a full hour of the last 24 or a midnight of the last 7 days."""
    hour, day = one.ended_at // HOUR * HOUR, one.ended_at // DAY * DAY
    return (one.at < hour and hour > now - HOURS_KEPT) or (one.at < day and day > now - DAYS_KEPT)


def within(snapshots: Sequence[int], files: Sequence[OldFile], allowed: int, young_from: int) -> list[int]:
    """Return the first of these snapshots (newest first) whose files take no more than the bytes allowed together.

    Files that the young snapshots show count first: they stay anyway. Without files everything fits.
    """
    if not files:
        return list(snapshots)
    taken = sum(one.bytes for one in files if one.end > young_from)
    rest = [one for one in files if one.end <= young_from]
    chosen: list[int] = []
    for snapshot in snapshots:
        taken += sum(one.bytes for one in rest if one.begin <= snapshot < one.end)
        if taken > allowed:
            break
        rest = [one for one in rest if not one.begin <= snapshot < one.end]
        chosen.append(snapshot)
    return chosen


def _wanted(now: Instant, table: TableHistory) -> list[int]:
    """Return the snapshots at which a table's wanted versions are read, the newest first."""
    room = max(table.limits.versions - table.young - table.is_live, 0)
    return [one.snapshot - 1 for one in table.ended[:room] if one.at > now - table.limits.age]
