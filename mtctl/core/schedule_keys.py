"""Floor 0. The keys of a table that say how its own schedule fires: their list, their checks, and reading them.

They bear on when a table is refreshed, never on what it holds: a change of them makes nothing stale.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.names import printable
from mtctl.core.times import parse_duration, parse_instant
from mtctl.core.workflow import HIGHEST, LOWEST, Overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SCHEDULE_KEYS = (
    "schedule.dialect", "schedule.dst", "schedule.start", "schedule.end", "schedule.jitter", "schedule.blackout",
    "misfire", "misfire.window", "misfire.cap", "overlap", "queue", "priority", "retries", "timeout", "notify",
)  # fmt: skip
"""The keys that stand for themselves; `execution.<x>` are Flink's options."""

PREFIX = "execution."
"""Before the name of one of Flink's options."""

_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def is_schedule_key(key: str) -> bool:
    """Return whether a key is read here."""
    return key in SCHEDULE_KEYS or key.startswith(PREFIX)


def check_schedule_key(key: str, value: str, *, where: str = "") -> str:
    """Return the value of one key as written, its shape checked; errors `option_value` and those of its kind.

    What depends on the zone or on another key is checked when the table's workflow is made of all of them.
    """
    read_schedule_key(key, value, "UTC", where=where)
    return value


def read_schedule_key(key: str, value: str, zone: str, *, where: str = "") -> Any:
    """Return the typed value of one key; instants are read in the zone."""
    if key.startswith(PREFIX):
        if not _OPTION.fullmatch(key.removeprefix(PREFIX)):
            raise _bad(key, value, "names no option", "write for example 'execution.parallelism'", where)
        return _line(key, value, zone, where)
    return _READ[key](key, value, zone, where)


def settings_in(options: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return Flink's options among a table's, names as written."""
    return tuple((key, value) for key, value in options if key.startswith(PREFIX))


def _choice(names: Iterable[str]) -> Callable[[str, str, str, str], Any]:
    known = tuple(names)

    def read(key: str, value: str, _zone: str, where: str) -> str:
        if value.strip().lower() not in known:
            raise _bad(key, value, "is not a choice", f"write one of {', '.join(known)}", where)
        return value.strip().lower()

    return read


def _whole(low: int, high: int) -> Callable[[str, str, str, str], Any]:
    def read(key: str, value: str, _zone: str, where: str) -> int:
        text = value.strip()
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise _bad(key, value, "is out of range", f"write a whole number from {low} to {high}", where)
        return int(text)

    return read


def _duration(_key: str, value: str, _zone: str, where: str) -> int:
    return parse_duration(value, field=where)


def _jitter(_key: str, value: str, _zone: str, where: str) -> int:
    return parse_duration(value, field=where, allow_zero=True)


def _timeout(_key: str, value: str, _zone: str, where: str) -> int:
    """Read a duration, or `0` for ever."""
    if value.strip() == "0":
        return 0
    try:
        return parse_duration(value, field=where)
    except MtctlError as error:
        error.fix = f"{error.fix}; '0' means for ever"
        raise


def _instant(key: str, value: str, zone: str, where: str) -> int:
    try:
        return parse_instant(value, zone, field=where, kind=Kind.INVALID)
    except MtctlError as error:
        error.what = f"'{key}': {error.what}"
        raise


def _blackouts(key: str, value: str, _zone: str, where: str) -> tuple[str, ...]:
    from mtctl.core.blackout import parse_blackout  # noqa: PLC0415 - hardly any table has one

    texts = tuple(each.strip() for each in value.split(";") if each.strip())
    if not texts:
        raise _bad(key, value, "is empty", "write for example '2026-12-24..2026-12-26; SAT,SUN'", where)
    for text in texts:
        parse_blackout(text, where=where)
    return texts


def _name(_key: str, value: str, _zone: str, where: str) -> str:
    from mtctl.core.workflow_fields import check_plain_name  # noqa: PLC0415 - as above

    return check_plain_name(value.strip(), "queue", where=where)


def _notify(_key: str, value: str, _zone: str, where: str) -> Any:
    from mtctl.core.workflow_notify import parse_notify  # noqa: PLC0415 - as above

    return parse_notify(value, where=where)


def _line(key: str, value: str, _zone: str, where: str) -> str:
    if not value.strip() or printable(value) != value or len(value) > 1000:
        raise _bad(key, value, "is empty or not one visible line", "write at most 1,000 characters", where)
    return value


def _bad(key: str, value: str, what: str, fix: str, where: str) -> MtctlError:
    return invalid(
        "option_value", f"'{printable(key[:80])}' = '{printable(value[:80])}' {what}", where=where, fix=fix
    )  # fmt: skip


_READ: dict[str, Callable[[str, str, str, str], Any]] = {
    "schedule.dialect": _choice(("cron", "quartz")),
    "schedule.dst": _choice(("cron", "quartz", "wall")),
    "schedule.start": _instant,
    "schedule.end": _instant,
    "schedule.jitter": _jitter,
    "schedule.blackout": _blackouts,
    "misfire": _choice(("all", "latest", "none")),
    "misfire.window": _duration,
    "misfire.cap": _whole(1, 10_000),
    "overlap": _choice(tuple(Overlap)),
    "queue": _name,
    "priority": _whole(HIGHEST, LOWEST),
    "retries": _whole(0, 100),
    "timeout": _timeout,
    "notify": _notify,
}
