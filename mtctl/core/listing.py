"""Floor 0. The filter of lists: words, `state:failed`, `tag:team=x`, `table:sales*`, `workflow:n*`; all must fit.

The same words mean the same everywhere: parsed here once, judged here for lists in memory, handed on as a value to the
store for the lists that are too long for that.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mtctl.core.errors import usage
from mtctl.core.names import closest
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = ("state", "tag", "table", "workflow", "trigger", "queue")
"""What may stand before a colon."""


@frozen
class Filter:
    """What a list is narrowed to; everything is in lower case, empty parts let everything through.

    `words` must each stand somewhere in the line. `states` are alternatives, as are the patterns (`*`, `?`) of each of
    the other keys; a tag is (key, value) with an empty value for any.
    """

    words: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    tables: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it narrows anything."""
        return any((self.words, self.states, self.tags, self.tables, self.workflows, self.triggers, self.queues))


@frozen
class Listed:
    """What of a line a filter judges: its words as they are shown, and what its keys compare with."""

    text: str
    state: str = ""
    tags: Mapping[str, str] | None = None
    table: str = ""
    workflow: str = ""
    trigger: str = ""
    queue: str = ""


def parse_filter(text: str) -> Filter:
    """Read a filter as it is typed; error `filter_key` (USAGE) for a key that does not exist.

    A colon within a word whose front is no name (`10:30`) is part of the word.
    """
    found: dict[str, list[str]] = {key: [] for key in KEYS}
    words = []
    for word in text.lower().split():
        key, colon, value = word.partition(":")
        if not colon or not key.isalpha():
            words.append(word)
            continue
        if key not in found:
            near = closest(key, KEYS)
            fix = f"did you mean {near}:{value}?" if near else f"known are {', '.join(KEYS)}"
            raise usage("filter_key", f"{key!r} is not a key of filters", fix=fix)
        found[key] += [part for part in value.split(",") if part]
    tags = tuple((key, value) for key, _, value in (tag.partition("=") for tag in found["tag"]))
    return Filter(
        words=tuple(words),
        states=tuple(found["state"]),
        tags=tags,
        tables=tuple(found["table"]),
        workflows=tuple(found["workflow"]),
        triggers=tuple(found["trigger"]),
        queues=tuple(found["queue"]),
    )


def fits(wanted: Filter, line: Listed) -> bool:
    """Whether a line passes."""
    text = line.text.lower()
    tags = {key.lower(): value.lower() for key, value in (line.tags or {}).items()}
    return (
        all(word in text for word in wanted.words)
        and (not wanted.states or line.state.lower() in wanted.states)
        and all(key in tags and value in {"", tags[key]} for key, value in wanted.tags)
        and _any(wanted.tables, line.table)
        and _any(wanted.workflows, line.workflow)
        and _any(wanted.triggers, line.trigger)
        and _any(wanted.queues, line.queue)
    )


def _any(patterns: tuple[str, ...], value: str) -> bool:
    return not patterns or any(fnmatchcase(value.lower(), pattern) for pattern in patterns)
