"""Floor 0. Freshness: how old a table may become, and the schedule and refresh mode that follow from it.

`flink_cron` and `flink_mode` answer exactly as Apache Flink does, error texts included. The project is wider: a
freshness without a cron form is every-N (`schedule_of`). Flink's WEEK is refused at once, not when a schedule is
made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mtctl.core.errors import MtctlError, invalid

_INT32_MAX = 2_147_483_647


class FreshnessUnit(StrEnum):
    """The units of a freshness, in Flink's spelling."""

    SECOND = "SECOND"
    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"


_SECONDS = {
    FreshnessUnit.SECOND: 1,
    FreshnessUnit.MINUTE: 60,
    FreshnessUnit.HOUR: 3600,
    FreshnessUnit.DAY: 86400,
}
_CRON_LIMIT = {FreshnessUnit.SECOND: 60, FreshnessUnit.MINUTE: 60, FreshnessUnit.HOUR: 24}
_CRON = {
    FreshnessUnit.SECOND: "0/{} * * * * ? *",
    FreshnessUnit.MINUTE: "0 0/{} * * * ? *",
    FreshnessUnit.HOUR: "0 0 0/{} * * ? *",
}


class LogicalMode(StrEnum):
    """What the user asked for with REFRESH_MODE."""

    AUTOMATIC = "AUTOMATIC"  # nothing: freshness decides
    FULL = "FULL"  # a schedule drives
    CONTINUOUS = "CONTINUOUS"  # staleness drives


class PhysicalMode(StrEnum):
    """What drives the refresh in the end."""

    FULL = "FULL"  # a schedule
    CONTINUOUS = "CONTINUOUS"  # staleness, looked at every freshness period


@dataclass(frozen=True, slots=True)
class Freshness:
    """A positive 32-bit number of one unit; `str` gives `INTERVAL '3' MINUTE`."""

    value: int
    unit: FreshnessUnit

    def __post_init__(self) -> None:
        if not 0 < self.value <= _INT32_MAX:
            raise _not_positive(str(self.value))

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        """Return the literal of the statement, `INTERVAL '3' MINUTE`."""
        return f"INTERVAL '{self.value}' {self.unit}"

    @property
    def seconds(self) -> int:
        """The length in seconds; a day has 86,400."""
        return self.value * _SECONDS[self.unit]


class FlinkMode(NamedTuple):
    """The answer of `flink_mode`."""

    logical: LogicalMode
    physical: PhysicalMode
    freshness: Freshness


class FreshnessDefaults(NamedTuple):
    """The freshness of a table that names none, by logical mode (`materialized-table.default-freshness.*`)."""

    continuous: Freshness = Freshness(3, FreshnessUnit.MINUTE)
    full: Freshness = Freshness(1, FreshnessUnit.HOUR)


THRESHOLD = Freshness(30, FreshnessUnit.MINUTE)
"""Below this an automatic table is CONTINUOUS (`materialized-table.refresh-mode.freshness-threshold`)."""

DEFAULTS = FreshnessDefaults()
"""Flink's own defaults."""


def parse_freshness(value: str, unit: str, *, where: str = "") -> Freshness:
    """Return the freshness of `INTERVAL '<value>' <unit>`; plural units are taken too.

    Errors `freshness` and `freshness_unit`, in Flink's words; the list of units is that of the versions before WEEK.
    """
    name = unit.strip().upper()
    known = FreshnessUnit.__members__.get(name) or FreshnessUnit.__members__.get(name.removesuffix("S"))
    if known is None:
        raise invalid(
            "freshness_unit",
            "Materialized table freshness only supports SECOND, MINUTE, HOUR, DAY as the time unit.",
            where=where,
            fix="write for example FRESHNESS = INTERVAL '7' DAY",
        )
    if not (value.isascii() and value.isdigit()) or len(value) > 10 or not 0 < int(value) <= _INT32_MAX:
        raise _not_positive(value, where)
    return Freshness(int(value), known)


def from_duration(microseconds: int) -> Freshness:
    """Return the freshness of a length of time in the largest unit that divides it; parts of a second are dropped."""
    seconds = microseconds // 1_000_000
    for unit in (FreshnessUnit.DAY, FreshnessUnit.HOUR, FreshnessUnit.MINUTE):
        if seconds % _SECONDS[unit] == 0:
            return Freshness(seconds // _SECONDS[unit], unit)
    return Freshness(seconds, FreshnessUnit.SECOND)


def flink_cron(freshness: Freshness) -> str:
    """Return the seven-field Quartz expression of a freshness; error `freshness_cron` where there is none."""
    if freshness.unit is FreshnessUnit.DAY:
        if freshness.value != 1:
            raise _no_cron("In full refresh mode, freshness must be 1 when the time unit is DAY.")
        return "0 0 0 * * ? *"
    limit = _CRON_LIMIT[freshness.unit]
    if freshness.value >= limit:
        raise _no_cron(
            f"In full refresh mode, freshness must be less than {limit} when the time unit is {freshness.unit}."
        )
    if limit % freshness.value:
        raise _no_cron(
            f"In full refresh mode, only freshness that are factors of {limit} are currently supported "
            f"when the time unit is {freshness.unit}."
        )
    return _CRON[freshness.unit].format(freshness.value)


def flink_mode(
    freshness: Freshness | None,
    refresh_mode: str | None,
    threshold: Freshness = THRESHOLD,
    defaults: FreshnessDefaults = DEFAULTS,
) -> FlinkMode:
    """Return Flink's logical and physical mode and the freshness in force.

    A FULL table, asked for or derived, needs a freshness with a cron form: error `freshness_cron`.
    """
    logical = LogicalMode.AUTOMATIC if refresh_mode is None else LogicalMode(refresh_mode.upper())
    kept = freshness or (defaults.full if logical is LogicalMode.FULL else defaults.continuous)
    match logical:
        case LogicalMode.FULL:
            physical = PhysicalMode.FULL
        case LogicalMode.CONTINUOUS:
            physical = PhysicalMode.CONTINUOUS
        case LogicalMode.AUTOMATIC:
            physical = PhysicalMode.CONTINUOUS if kept.seconds < threshold.seconds else PhysicalMode.FULL
    if physical is PhysicalMode.FULL:
        flink_cron(kept)
    return FlinkMode(logical, physical, kept)


def schedule_of(freshness: Freshness) -> str:
    """Return the schedule that a freshness gives: its Quartz expression or, having none, `every 90 minutes`."""
    try:
        return flink_cron(freshness)
    except MtctlError:
        return f"every {freshness.value} {freshness.unit.lower()}{'' if freshness.value == 1 else 's'}"


def _not_positive(raw: str, where: str = "") -> MtctlError:
    return invalid(
        "freshness",
        f"The freshness interval currently only supports positive integer type values. But was: {raw}",
        where=where,
        fix="write for example FRESHNESS = INTERVAL '30' MINUTE",
    )


def _no_cron(what: str) -> MtctlError:
    return invalid("freshness_cron", what, fix="choose a divisor, or leave REFRESH_MODE = FULL out")
