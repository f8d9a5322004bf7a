"""Floor 0. Who is told what: notices that follow from what happened and from rules, and their words.

A notice is told once: its key is channel, occasion and instance, and the store takes a key once. Only ends are told,
never a try: a task that will be tried again has not failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from mtctl.core.calendar import iso_utc
from mtctl.core.names import printable
from mtctl.core.workflow import Occasion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.core.model import Instant

LATE_AFTER = 60_000_000
"""A fire is late when it is more than a minute past and nothing has begun, in microseconds."""

MOST_FAILURES = 10
"""How many failed tasks a notice names."""

CATCH_UP = 2
"""The rank from which an instance is behind by nature: nobody is told that it is late."""

_LONGEST_LINE = 500
_OCCASIONS = {"running": Occasion.START, "success": Occasion.SUCCESS, "failed": Occasion.FAILURE}
_WORDS = {
    Occasion.START: "has started",
    Occasion.SUCCESS: "succeeded",
    Occasion.FAILURE: "failed",
    Occasion.RECOVERY: "succeeded again",
    Occasion.LATE: "is late",
}

Rules = tuple[tuple[str, tuple[str, ...]], ...]
"""Rules of a workflow or task: channel and occasions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRule:
    """A rule for many workflows: those whose name fits the glob and that have the tag, where these are given.

    A `tag` is `key=value`, or `key` for any value. A task that has the tag itself is told of as a workflow is.
    """

    channel: str
    on: tuple[Occasion, ...]
    workflow: str | None = None
    tag: str | None = None


class Failure(NamedTuple):
    """One task that failed: its name, the code of its error, and what it said."""

    task: str
    code: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that may be told: an instance, or with `task` one task of it, or a fire that did not begin in time.

    `instance` is its ulid, empty where a late fire has none yet. `tags` are those of the workflow, or of the task.
    """

    occasion: Occasion
    at: Instant
    workflow: str | None
    title: str
    instance: str = ""
    task: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    logical_date: Instant | None = None
    fire_at: Instant | None = None
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A fire of which nothing has begun; `due_at` is when it was to begin, `rank` that of its instance."""

    workflow: str
    fire_at: Instant
    due_at: Instant
    instance: str = ""
    logical_date: Instant | None = None
    rank: int = 1
    tags: tuple[tuple[str, str], ...] = ()
    rules: Rules = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to one channel."""

    key: str
    channel: str
    occasion: Occasion
    body: Mapping[str, Any]


def occasion_of(to_state: str, *, recovers: bool = False) -> Occasion | None:
    """Return what is told when an instance or task comes to a state, None where nothing is.

    `recovers`: what ended before it, and was not cancelled, had failed.
    """
    occasion = _OCCASIONS.get(to_state)
    return Occasion.RECOVERY if recovers and occasion is Occasion.SUCCESS else occasion


def notices(
    happening: Happening, rules: Rules, project_rules: Sequence[ProjectRule], *, project: str
) -> tuple[Notice, ...]:
    """Return one notice for each channel that some rule names for what happened, in the order of the rules.

    A recovery is a success too: who asked for both is told once, who asked for successes is told of a success.
    """
    told: dict[str, Occasion] = {}
    for channel, on in _matching(happening, rules, project_rules):
        occasion = _asked(happening.occasion, on)
        if occasion is not None and told.get(channel) is not Occasion.RECOVERY:
            told[channel] = occasion
    return tuple(_notice(happening, channel, occasion, project) for channel, occasion in told.items())


def late_notices(
    rows: Iterable[Waiting], now: Instant, project_rules: Sequence[ProjectRule] = (), *, project: str
) -> tuple[Notice, ...]:
    """Return the notices about fires that are more than a minute past and of which nothing has begun."""
    found: list[Notice] = []
    for row in rows:
        if row.due_at + LATE_AFTER >= now or row.rank >= CATCH_UP:
            continue
        happening = Happening(
            occasion=Occasion.LATE,
            at=now,
            workflow=row.workflow,
            title=row.workflow,
            instance=row.instance,
            tags=row.tags,
            logical_date=row.logical_date,
            fire_at=row.fire_at,
        )
        found += notices(happening, row.rules, project_rules, project=project)
    return tuple(found)


def rule_matches(rule: ProjectRule, workflow: str | None, tags: Sequence[tuple[str, str]]) -> bool:
    """Return whether a project's rule is for a workflow (or task of it) with these tags."""
    if rule.workflow is not None and (workflow is None or not fnmatchcase(workflow, rule.workflow)):
        return False
    if rule.tag is None:
        return True
    key, given, value = rule.tag.partition("=")
    return any(key == name and (not given or value == found) for name, found in tags)


def one_line(text: str) -> str:
    """Return a text on one line, safe to show, not longer than a person reads."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "…"


def _matching(
    happening: Happening, rules: Rules, project_rules: Sequence[ProjectRule]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield from rules
    for rule in project_rules:
        # A rule without a tag means workflows; their tasks would say the same thing many times over.
        meant = rule.tag is not None if happening.task is not None else happening.workflow is not None
        if meant and rule_matches(rule, happening.workflow, happening.tags):
            yield rule.channel, tuple(rule.on)


def _asked(occasion: Occasion, on: Sequence[str]) -> Occasion | None:
    if occasion in on:
        return occasion
    return Occasion.SUCCESS if occasion is Occasion.RECOVERY and Occasion.SUCCESS in on else None


def _notice(happening: Happening, channel: str, occasion: Occasion, project: str) -> Notice:
    about = [happening.instance or f"{happening.workflow}@{happening.fire_at}"]
    if occasion is Occasion.LATE:  # the fire is what is late, with or without an instance
        about = [f"{happening.workflow}@{happening.fire_at}"]
    if happening.task is not None:
        about.append(happening.task)
    return Notice(
        key="/".join([channel, occasion.value, *about]),
        channel=channel,
        occasion=occasion,
        body=_body(happening, occasion, project),
    )


def _body(happening: Happening, occasion: Occasion, project: str) -> dict[str, Any]:
    """Return the notice as data: what every channel's words are made of, and what a program reads."""
    subject = one_line(f"[{project}] {_name(happening)} {_WORDS[occasion]}")
    times = {
        name: iso_utc(instant)
        for name, instant in (("logical_date", happening.logical_date), ("fire_at", happening.fire_at))
        if instant is not None
    }
    failures = [
        {"task": one_line(found.task), "code": found.code, "error": one_line(found.error)}
        for found in happening.failures[:MOST_FAILURES]
    ]
    body: dict[str, Any] = {
        "schema": "mtctl.notice/v1",
        "project": project,
        "occasion": occasion.value,
        "at": iso_utc(happening.at),
        "workflow": happening.workflow,
        "instance": happening.instance or None,
        "task": happening.task,
        **times,
        "failed": failures,
        "failed_count": len(happening.failures),
    }
    return body | {"subject": subject, "text": _text(happening, occasion, body)}


def _name(happening: Happening) -> str:
    name = happening.workflow or happening.title
    return f"{name}: {happening.task}" if happening.task is not None else name


def _text(happening: Happening, occasion: Occasion, body: Mapping[str, Any]) -> str:
    lines = [f"{one_line(_name(happening))} {_WORDS[occasion]}, {body['at']}"]
    if "fire_at" in body:
        since = f" for the data from {body['logical_date']}" if "logical_date" in body else ""
        lines.append(f"fire: {body['fire_at']}{since}")
    lines += [_failure(found) for found in body["failed"]]
    more = body["failed_count"] - len(body["failed"])
    if more > 0:
        lines.append(f"- and {more} more")
    if happening.instance:
        lines.append(f"look: mtctl instance show {happening.instance}")
    if occasion is Occasion.FAILURE and happening.instance:
        lines.append(f"again: mtctl instance retry {happening.instance}")
    return "\n".join(lines)


def _failure(found: Mapping[str, str]) -> str:
    code = f" [{found['code']}]" if found["code"] else ""
    return f"- {found['task']}{code} {found['error']}".rstrip()
