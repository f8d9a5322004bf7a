"""Floor 4. Instants as people say them beside a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.model import Instant


def age(instant: Instant | None, now: Instant) -> str:
    """Return how long ago something was, in the greatest unit: `14m ago`; empty for none."""
    if instant is None:
        return ""
    seconds = max(0, (now - instant) // 1_000_000)
    for size_s, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size_s:
            return f"{seconds // size_s}{unit} ago"
    return f"{seconds}s ago"


def left(instant: Instant | None, now: Instant) -> str:
    """Return how long it is until something, in the greatest unit: `in 14m`; `now` once it is due."""
    if instant is None:
        return ""
    return "now" if instant <= now else "in " + age(now, instant).removesuffix(" ago")
