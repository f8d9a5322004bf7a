"""Floor 4. Instants in the reader's own time: the one spelling that `core.words.moment` has, told in local time.

What is read and decided stays in UTC. Only what is drawn changes, where it is drawn, so that every list and screen does
it alike.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")


def localised(text: str) -> str:
    """Return the text with each `2013-01-01 03:00:00Z` in it as the time of this machine's zone, without a `Z`."""
    return _MOMENT.sub(_local, text) if "Z" in text else text


def zone_word(text: str) -> str:
    """Return the zone's offset at the instant that a text names, such as `+01:00`; empty where it names none."""
    found = _MOMENT.search(text)
    if found is None:
        return ""
    offset = _there(found[0]).strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"


def _local(found: re.Match[str]) -> str:
    return _told(found[0])


@lru_cache(2048)
def _told(moment: str) -> str:
    return _there(moment).strftime("%Y-%m-%d %H:%M:%S")


def _there(moment: str) -> datetime:
    """Return the instant in the machine's zone; years that the machine cannot place stay in UTC."""
    instant = datetime.fromisoformat(moment)
    try:
        return instant.astimezone()
    except (OverflowError, OSError):
        return instant
