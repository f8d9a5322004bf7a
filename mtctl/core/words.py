"""Floor 0. Numbers, sizes, durations and instants in the words that people see. Never in the machine's locale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.interval import MAX_INSTANT, MIN_INSTANT

if TYPE_CHECKING:
    from mtctl.core.model import Instant


_DAY_SECONDS = 86_400


def rfc3339(instant: Instant | None) -> str | None:
    """Return an instant as RFC 3339 in UTC with `Z`, None for none."""
    if instant is None:
        return None
    from mtctl.core.calendar import iso_utc  # noqa: PLC0415 - zone data is loaded only where a time is shown

    return iso_utc(instant)


def bounds(start: Instant, end: Instant) -> dict[str, Any] | None:
    """Return an interval for machines; None for the pseudo-interval of a whole table."""
    if (start, end) == (MIN_INSTANT, MAX_INSTANT):
        return None
    return {"start": rfc3339(start), "end": rfc3339(end)}


def moment(instant: Instant | None) -> str:
    """Return an instant for people, in UTC to the second; empty for none."""
    text = rfc3339(instant)
    if text is None:
        return ""
    return text[:19].replace("T", " ") + "Z"


def ago(instant: Instant | None, now: Instant) -> str:
    """Return an instant for people: how long ago within a day, else in UTC to the second; empty for none."""
    if instant is None:
        return ""
    seconds = (now - instant) // 1_000_000
    if not 0 <= seconds < _DAY_SECONDS:
        return moment(instant)
    for size_s, unit in ((3600, "h"), (60, "m")):
        if seconds >= size_s:
            return f"{seconds // size_s}{unit} ago"
    return f"{seconds}s ago"


def count(number: int | None) -> str:
    """Return a whole number in groups of three, `336,776`; empty for none."""
    return "" if number is None else f"{number:,}"


def many(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: `1 interval`, `365 intervals`."""
    return f"{count(number)} {one if number == 1 else several or one + 's'}"


def size(number: int | None) -> str:
    """Return bytes in binary units with one decimal; empty for none."""
    if number is None:
        return ""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def lasting(seconds: float | None) -> str:
    """Return a duration: `0.41 s`, `12.3 s`, `4m02s`, `3h05m`; empty for none."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"
