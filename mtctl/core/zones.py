"""Floor 0. Time zones by name, and the way between instants and local wall time.

Zones come from the tzdata package only: the same rules on every machine, and no name that a user gives can reach
another file. Local wall times are naive datetimes; they never leave the core without their zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.names import closest, printable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the zero of local wall time has no zone
_MICROSECOND = timedelta(microseconds=1)
_NONE = timedelta()
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_LOCAL = frozenset({"local", "localtime", "system", "default"})


def zone(name: str, *, where: str = "", kind: Kind = Kind.INVALID) -> ZoneInfo:
    """Return the zone of an IANA name; errors `time_zone_unknown` and, for the machine's own, `time_zone_local`."""
    if name.lower() in _LOCAL:
        fix = "write the IANA name, for example 'Europe/Berlin' or 'UTC'"
        what = f"'{name}' is another zone on another machine"
        raise MtctlError("time_zone_local", what, kind=kind, where=where, fix=fix)
    if name not in _names():
        near = closest(name, sorted(_names()))
        fix = f"did you mean '{near}'?" if near else "write an IANA name, for example 'Europe/Berlin' or 'UTC'"
        what = f"no time zone is named '{printable(name[:80])}'"
        raise MtctlError("time_zone_unknown", what, kind=kind, where=where, fix=fix)
    return _load(name)


def from_instant(instant: int, zone_name: str) -> datetime:
    """Return the aware local datetime of an instant; OverflowError outside years 1 to 9999."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(_load_checked(zone_name))


def to_instant(aware: datetime) -> int:
    """Return the instant of an aware datetime."""
    return (aware - _EPOCH) // _MICROSECOND


def to_wall(instant: int, zone_name: str) -> datetime:
    """Return the naive local wall time of an instant."""
    return from_instant(instant, zone_name).replace(tzinfo=None, fold=0)


def naive_us(wall: datetime) -> int:
    """Return the microseconds of a naive wall time since 1970-01-01 00:00 of the same wall."""
    return (wall - _NAIVE_EPOCH) // _MICROSECOND


def naive_of(us: int) -> datetime:
    """Return the naive wall time of `naive_us`."""
    return _NAIVE_EPOCH + timedelta(microseconds=us)


def offset_us(instant: int, zone_name: str) -> int:
    """Return the zone's offset at an instant, microseconds east of UTC."""
    offset = from_instant(instant, zone_name).utcoffset()
    return (offset or timedelta()) // _MICROSECOND


def first_at(wall: datetime, zone_name: str) -> int:
    """Return the first instant whose wall time is `wall` or, where a gap swallows it, the first after the gap."""
    tz = _load_checked(zone_name)
    early = wall.replace(tzinfo=tz).utcoffset() or _NONE
    late = wall.replace(tzinfo=tz, fold=1).utcoffset() or _NONE
    at = wall - _NAIVE_EPOCH
    if late <= early:  # ordinary, or the first of two passes
        return (at - early) // _MICROSECOND
    return transition((at - late) // _MICROSECOND, (at - early) // _MICROSECOND, zone_name)


def passes(wall: datetime, zone_name: str) -> tuple[datetime, ...]:
    """Return the aware datetimes with this wall time: none in a gap, two in an overlap."""
    tz = _load_checked(zone_name)
    first, second = wall.replace(tzinfo=tz, fold=0), wall.replace(tzinfo=tz, fold=1)
    if first.utcoffset() == second.utcoffset():
        return (first,)
    if (first.utcoffset() or timedelta()) < (second.utcoffset() or timedelta()):
        return ()
    return (first, second)


def transition(before: int, after: int, zone_name: str) -> int:
    """Return the first instant in `(before, after]` with the offset of `after`, given one change between them."""
    target = offset_us(after, zone_name)
    low, high = before // 1_000_000, -(-after // 1_000_000)  # offsets change on whole seconds
    while high - low > 1:
        middle = (low + high) // 2
        if offset_us(middle * 1_000_000, zone_name) == target:
            high = middle
        else:
            low = middle
    return high * 1_000_000


@lru_cache(maxsize=256)
def has_one_offset(zone_name: str) -> bool:
    """Return whether the zone keeps one offset from 1970 to 2100 (looked at every tenth day)."""
    start, end, step = 0, 4_102_444_800_000_000, 864_000_000_000
    first = offset_us(start, zone_name)
    return all(offset_us(at, zone_name) == first for at in range(start, end, step))


def _folder() -> Path:
    spec = find_spec("tzdata")
    if spec is None or spec.origin is None:
        raise MtctlError(
            "time_zone_data", "the tzdata package is missing", kind=Kind.INTERNAL, fix="reinstall mtctl with its parts"
        )
    return Path(spec.origin).parent


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset((_folder() / "zones").read_text("ascii").split())


@lru_cache(maxsize=256)
def _load(name: str) -> ZoneInfo:
    if not _NAME.fullmatch(name):  # the list of names is data; a path must never come out of it
        raise MtctlError("time_zone_unknown", f"no time zone is named '{printable(name)}'", kind=Kind.INVALID)
    with (_folder() / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=256)
def _load_checked(name: str) -> ZoneInfo:
    return zone(name)
