"""Floor 3. What the schedule commands answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.errors import MtctlError
    from mtctl.core.model import Instant
    from mtctl.core.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTime:
    """One fire: the instant, its local time with offset, the offset (`+01:00`), and whether summer time holds then."""

    at: Instant
    local: str
    offset: str
    dst: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleWords:
    """An expression explained; `partition` says what a fire of it refreshes of a table, empty without one."""

    text: str
    dialect: str
    zone: str
    normalized: str
    words: str
    fires: tuple[FireTime, ...]
    warnings: tuple[str, ...]
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSchedule:
    """One expression that was checked: what it means, or what is wrong with it."""

    text: str
    words: str
    problem: MtctlError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextFires:
    """The next fires of an expression, or of a workflow by `name`."""

    name: str | None
    text: str
    zone: str
    fires: tuple[FireTime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One line of `schedule list`: when a workflow fires next and when it fired last; `left` and `passed` in seconds.

    `due_at` is the next fire with its jitter, `rule` the schedule itself.
    """

    name: str
    table: str | None
    state: str
    schedule: str
    zone: str
    next_at: Instant | None
    due_at: Instant | None
    left: float | None
    last_at: Instant | None
    passed: float | None
    rule: Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleArgs:
    """What `schedule set` was asked for; None leaves a part as it is, an empty text takes it away.

    `cron` and `every` exclude each other; times and durations are texts as written.
    """

    cron: str | None = None
    every: str | None = None
    dialect: str | None = None
    zone: str | None = None
    dst: str | None = None
    start: str | None = None
    end: str | None = None
    jitter: str | None = None
    misfire: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanged:
    """What `schedule set` or `clear` did; `changed` is False where it was so already."""

    name: str
    table: str | None
    before: str
    after: str
    changed: bool
    version: int
    next_at: Instant | None
    warnings: tuple[str, ...] = ()
