"""Floor 0. Who is told when: the `notify` of a workflow, a task or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import invalid
from mtctl.core.names import closest, printable
from mtctl.core.workflow import NoticeRule, Occasion
from mtctl.core.workflow_fields import Fields, check_plain_name, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def notice_rules(fields: Fields) -> tuple[NoticeRule, ...]:
    """Return the rules of a list of `{channel = "ops", on = ["failure"]}`; without `on` a failure is meant."""
    found = []
    for at, value in enumerate(fields.items("notify"), 1):
        place = f"{fields.path}.notify[{at}]".strip(".")
        if not isinstance(value, dict):
            what = f"a rule is {kind_of(value)}, not a table"
            fix = 'write {channel = "ops", on = ["failure"]}'
            raise invalid("workflow_value", what, where=f"{fields.file}: {place}", fix=fix)
        inner = Fields(value, ("channel", "on"), file=fields.file, path=place)
        channel = inner.text("channel")
        if channel is None:
            raise inner.bad("channel", "is missing", "name a [notify.<channel>] of mtctl.toml")
        check_plain_name(channel, "channel", where=inner.where("channel"))
        on = inner.texts("on") if "on" in inner else ("failure",)
        found.append(NoticeRule(channel=channel, on=occasions(on, where=inner.where("on"))))
    return tuple(found)


def parse_notify(text: str, *, where: str = "") -> tuple[NoticeRule, ...]:
    """Return the rules of a table's `'notify' = 'ops:failure,late; mail'`; without occasions a failure is meant."""
    found = []
    for piece in (each.strip() for each in text.split(";") if each.strip()):
        channel, colon, rest = piece.partition(":")
        name = check_plain_name(channel.strip(), "channel", where=where)
        on = [each.strip() for each in rest.split(",") if each.strip()] if colon else ["failure"]
        found.append(NoticeRule(channel=name, on=occasions(on, where=where)))
    if not found:
        raise invalid("workflow_value", "notify names no channel", where=where, fix="write 'ops:failure,late'")
    return tuple(found)


def occasions(texts: Iterable[str], *, where: str = "") -> tuple[Occasion, ...]:
    """Return the occasions that texts name, each once; error `workflow_value`."""
    found: list[Occasion] = []
    for text in texts:
        name = text.lower()
        if name not in set(Occasion):
            near = closest(name, list(Occasion))
            fix = f"did you mean '{near}'?" if near else f"the occasions are {', '.join(Occasion)}"
            what = f"'{printable(text[:80])}' is not an occasion"
            raise invalid("workflow_value", what, where=where, fix=fix)
        found.append(Occasion(name))
    if not found:
        raise invalid("workflow_value", "a channel without an occasion", where=where, fix='write on = ["failure"]')
    return tuple(dict.fromkeys(found))
