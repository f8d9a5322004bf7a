"""Floor 4. Schedules as answers: words, fires, timers, changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Facts, Grid, Lines, Record, State
from mtctl.core.words import moment, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.services.reports.schedules import (
        CheckedSchedule,
        FireTime,
        NextFires,
        ScheduleChanged,
        ScheduleWords,
        Timer,
    )

_FIRE_FIELDS = ("at", "local", "offset", "dst")


def words_answer(found: ScheduleWords) -> Answer:
    """Return what an expression means."""
    pairs = (
        ("expression", found.text),
        ("means", found.words),
        ("dialect", found.dialect),
        ("normalized", found.normalized),
        ("zone", found.zone),
        ("refreshes", found.partition),
    )
    blocks: list[Block] = [Facts(tuple(pair for pair in pairs if pair[1]))]
    blocks.append(_fire_grid(found.fires) if found.fires else Lines(("it never fires again",)))
    record: Record = {
        "kind": "schedule",
        "expression": found.text,
        "dialect": found.dialect,
        "normalized": found.normalized,
        "zone": found.zone,
        "words": found.words,
        "partition": found.partition or None,
        "next": [_fire(fire) for fire in found.fires],
        "warnings": list(found.warnings),
    }
    fields = ("expression", "dialect", "normalized", "zone", "words", "partition", "next", "warnings")
    return Answer(
        schema="mtctl.schedule.explain/v1",
        records=(record,),
        fields=fields,
        blocks=tuple(blocks),
        warnings=found.warnings,
    )


def next_answer(found: NextFires) -> Answer:
    """Return the next fires, one a line."""
    records = tuple({"kind": "fire", "name": found.name, "zone": found.zone, **_fire(fire)} for fire in found.fires)
    none = f"{found.name} has no schedule" if not found.text else "it never fires again"
    return Answer(
        schema="mtctl.schedule.next/v1",
        records=records,
        fields=("name", "zone", *_FIRE_FIELDS),
        blocks=(_fire_grid(found.fires) if found.fires else Lines((none,)),),
    )


def timers_answer(timers: Sequence[Timer]) -> Answer:
    """Return what fires when, as `systemctl list-timers` does."""
    heads = ("NEXT", "LEFT", "LAST", "PASSED", "NAME", "SCHEDULE", "ZONE", "STATE")
    rows = tuple(
        (
            moment(timer.next_at) or "-",
            stretch(timer.left) or "-",
            moment(timer.last_at) or "-",
            f"{stretch(timer.passed)} ago" if timer.passed is not None else "-",
            timer.name,
            timer.schedule,
            timer.zone,
            State(timer.state),
        )
        for timer in timers
    )
    records: tuple[Record, ...] = tuple(
        {
            "kind": "timer",
            "name": timer.name,
            "table": timer.table,
            "state": timer.state,
            "schedule": timer.schedule,
            "zone": timer.zone,
            "next_at": rfc3339(timer.next_at),
            "due_at": rfc3339(timer.due_at),
            "left_s": timer.left,
            "last_at": rfc3339(timer.last_at),
            "passed_s": timer.passed,
        }
        for timer in timers
    )
    fields = ("name", "table", "state", "schedule", "zone", "next_at", "due_at", "left_s", "last_at", "passed_s")
    block: Block = Grid(heads=heads, rows=rows) if rows else Lines(("nothing fires",))
    return Answer(schema="mtctl.schedule.list/v1", records=records, fields=fields, blocks=(block,))


def changed_answer(done: ScheduleChanged, schema: str) -> Answer:
    """Return what became of a schedule."""
    if not done.changed:
        lines: tuple[str, ...] = (f"{done.name}: {done.after or 'no schedule'} already",)
    else:
        next_ = f", next {moment(done.next_at)}" if done.next_at is not None else ""
        lines = (f"{done.name}: {done.before or 'no schedule'} -> {done.after or 'no schedule'}{next_}",)
    record: Record = {
        "kind": "schedule",
        "name": done.name,
        "table": done.table,
        "before": done.before or None,
        "after": done.after or None,
        "changed": done.changed,
        "version": done.version,
        "next_at": rfc3339(done.next_at),
    }
    fields = ("name", "table", "before", "after", "changed", "version", "next_at")
    return Answer(schema=schema, records=(record,), fields=fields, blocks=(Lines(lines),), warnings=done.warnings)


def checked_answer(found: Sequence[CheckedSchedule]) -> Answer:
    """Return which expressions are valid, and what they mean."""
    rows = tuple((one.text, one.words if one.problem is None else f"not valid: {one.problem.what}") for one in found)
    records: tuple[Record, ...] = tuple(
        {
            "kind": "schedule",
            "expression": one.text,
            "valid": one.problem is None,
            "words": one.words or None,
            "error": str(one.problem) if one.problem is not None else None,
        }
        for one in found
    )
    return Answer(
        schema="mtctl.schedule.validate/v1",
        records=records,
        fields=("expression", "valid", "words", "error"),
        blocks=(Grid(heads=("EXPRESSION", "MEANING"), rows=rows),),
    )


def stretch(seconds: float | None) -> str:
    """Return a length of time in its two largest units, `3h 5min`; empty for none."""
    if seconds is None:
        return ""
    left = abs(round(seconds))
    parts = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return ("-" if seconds < 0 else "") + (" ".join(parts[:2]) or "0s")


def _fire_grid(fires: Sequence[FireTime]) -> Grid:
    rows = tuple((fire.local, moment(fire.at), "summer time" if fire.dst else "") for fire in fires)
    return Grid(heads=("LOCAL", "UTC", "NOTE"), rows=rows)


def _fire(fire: FireTime) -> Record:
    return {"at": rfc3339(fire.at), "local": fire.local, "offset": fire.offset, "dst": fire.dst}
