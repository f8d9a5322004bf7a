"""Floor 3. Schedules as people ask about them: what an expression means, when something fires, and changing that.

Explaining needs no state. A schedule is changed where it is defined: of a workflow or table that a file defines the
file is named with the line to write, the others get a new version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.calendar import show, show_interval
from mtctl.core.cron import Cron
from mtctl.core.errors import Kind, MtctlError, conflict, usage
from mtctl.core.ledger import wanted
from mtctl.core.schedule import next_fire, parse_schedule, previous_fire, rule_of
from mtctl.core.schedule_words import partition_words, warnings, words
from mtctl.core.table_calendar import calendar_of
from mtctl.core.times import parse_duration, parse_instant
from mtctl.core.zones import from_instant
from mtctl.services.naming import unknown_table
from mtctl.services.reports.schedules import (
    CheckedSchedule,
    FireTime,
    NextFires,
    ScheduleArgs,
    ScheduleChanged,
    ScheduleWords,
    Timer,
)
from mtctl.services.workflow_naming import find_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.core.model import Instant, Table
    from mtctl.core.schedule import Schedule
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.workflow_edits import WorkflowEdits
    from mtctl.services.workflow_verbs import AlterTable

FIRES = 5
"""How many fires an explanation shows."""

_SECOND = 1_000_000
_SCHEDULE_KEYS = (
    *("schedule", "dialect", "dst", "start", "end", "jitter", "blackout"),
    *("misfire", "misfire_window", "misfire_cap"),
)
"""Keys of a workflow file that have no meaning without a schedule."""

_TABLE_KEYS = {"misfire_window": "misfire.window", "misfire_cap": "misfire.cap"}


def explain(text: str, *, zone: str, dialect: str | None, now: Instant) -> ScheduleWords:
    """Return what an expression means, its next fires and what may surprise; errors of `parse_schedule`."""
    return _explained(parse_schedule(text, zone=zone, dialect=dialect), now)


def validate(texts: Sequence[str], *, zone: str, dialect: str | None) -> tuple[CheckedSchedule, ...]:
    """Return for each expression what it means or what is wrong with it."""
    found: list[CheckedSchedule] = []
    for text in texts:
        try:
            schedule = parse_schedule(text, zone=zone, dialect=dialect)
        except MtctlError as error:
            found.append(CheckedSchedule(text=text, words="", problem=error))
        else:
            found.append(CheckedSchedule(text=text, words=words(schedule), problem=None))
    return tuple(found)


def next_of(text: str, *, zone: str, dialect: str | None, after: Instant, count: int) -> NextFires:
    """Return the next fires of an expression."""
    schedule = parse_schedule(text, zone=zone, dialect=dialect)
    return NextFires(name=None, text=schedule.text, zone=zone, fires=fire_times(schedule, after, count))


def fire_times(schedule: Schedule, after: Instant, count: int, zone: str | None = None) -> tuple[FireTime, ...]:
    """Return the next fires with their local times, in the schedule's zone or another."""
    found: list[FireTime] = []
    at = next_fire(schedule, after)
    while at is not None and len(found) < count:
        found.append(fire_time(at, zone or schedule.zone))
        at = next_fire(schedule, at)
    return tuple(found)


def fire_time(at: Instant, zone: str) -> FireTime:
    """Return a fire as a zone shows it."""
    local = from_instant(at, zone)
    text = local.isoformat()
    return FireTime(at=at, local=text, offset=text[-6:], dst=bool(local.dst()))


def normalized(schedule: Schedule) -> str:
    """Return the expression in its one spelling: capitals and single spaces, names of schedules as cron."""
    rule = rule_of(schedule.text, schedule.dialect)
    return rule.normalized if isinstance(rule, Cron) else schedule.text.lower()


class Schedules:
    """The schedule verbs of a project."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        zone: str,
        edits: Callable[[], WorkflowEdits],
        alter_table: AlterTable,
    ) -> None:
        """Keep the ports; `alter_table` changes WITH options of a table that was created by command."""
        self._store = store
        self._clock = clock
        self._zone = zone
        self._edits = edits
        self._alter_table = alter_table

    # --- asking -------------------------------------------------------------------------------------------------

    def explain(
        self, text: str | None, *, zone: str | None, dialect: str | None, table: str | None
    ) -> ScheduleWords:
        """Return what an expression means, with a table also what a fire of it refreshes there.

        A name in place of the expression means the schedule of that workflow, none at all that of the table.
        """
        now = self._clock.now()
        found = None if table is None else self._table(table)
        if text is not None and (is_expression(text) or not self._is_workflow(text)):
            own_zone = self._zone if found is None else found.definition.zone
            schedule = parse_schedule(text, zone=zone or own_zone, dialect=dialect)
        else:
            schedule = self._schedule_of(text or table, zone)
        fire = next_fire(schedule, now) if found is not None else None
        said = _partition(found, schedule, fire) if found is not None and fire is not None else ""
        return _explained(schedule, now, said)

    def validate(self, texts: Sequence[str], *, zone: str | None, dialect: str | None) -> tuple[CheckedSchedule, ...]:
        """Return for each expression what it means or what is wrong with it."""
        return validate(texts, zone=zone or self._zone, dialect=dialect)

    def next(
        self, target: str, *, zone: str | None, dialect: str | None, after: str | None, count: int
    ) -> NextFires:
        """Return the next fires of an expression, or of a workflow or table by name; local times in `zone`."""
        if is_expression(target):
            within = zone or self._zone
            return next_of(target, zone=within, dialect=dialect, after=self._after(after, within), count=count)
        with self._store.read() as view:
            row = find_workflow(view, target)
        shown = zone or row.definition.zone
        if zone is not None:
            from_instant(0, zone)  # an unknown zone is told before anything is computed
        schedule = row.definition.schedule
        if schedule is None:
            return NextFires(name=row.name, text="", zone=shown, fires=())
        found = fire_times(schedule, self._after(after, shown), count, shown)
        return NextFires(name=row.name, text=schedule.text, zone=shown, fires=found)

    def timers(self, *, within: str | None, everything: bool) -> tuple[Timer, ...]:
        """Return the workflows that have a schedule, the next to fire first; `everything` those that fire no more too.

        `within` is a duration: only those that fire before it has passed.
        """
        now = self._clock.now()
        limit = now + parse_duration(within, field="--next", kind=Kind.USAGE) if within else None
        with self._store.read() as view:
            rows = view.workflows()
        found = [_timer(row, rule, now) for row in rows if (rule := row.definition.schedule) is not None]
        if not everything:
            found = [timer for timer in found if timer.next_at is not None]
        if limit is not None:
            found = [timer for timer in found if timer.next_at is not None and timer.next_at <= limit]
        found.sort(key=lambda timer: (timer.next_at is None, timer.next_at or 0, timer.name))
        return tuple(found)

    # --- changing -----------------------------------------------------------------------------------------------

    def set(self, name: str, args: ScheduleArgs, *, actor: str, reason: str = "") -> ScheduleChanged:
        """Change the schedule of a workflow or table that was made by command.

        What was due under the old schedule fires in the same transaction; the new one begins now.
        """
        keys = _keys(args)
        row = self._row(name)
        self._refuse_file(row, keys.get("schedule") or "0 2 * * *")
        if row.origin == "table":
            return self._set_table(row, _table_options(keys), "schedule_set", actor=actor, reason=reason)
        if "schedule" not in keys and row.definition.schedule is None:
            raise usage("schedule_missing", f"workflow {row.name!r} has no schedule yet", fix="add --cron or --every")
        return self._set_workflow(row, keys, "schedule_set", actor=actor, reason=reason)

    def clear(self, name: str, *, actor: str, reason: str = "") -> ScheduleChanged:
        """Take the schedule from a workflow or table that was made by command: it runs only when told."""
        row = self._row(name)
        self._refuse_file(row, None)
        keys: dict[str, str | None] = dict.fromkeys(_SCHEDULE_KEYS)
        if row.origin == "table":
            return self._set_table(row, _table_options(keys), "schedule_clear", actor=actor, reason=reason)
        return self._set_workflow(row, keys, "schedule_clear", actor=actor, reason=reason)

    def _set_workflow(
        self, row: WorkflowRow, keys: dict[str, str | None], verb: str, *, actor: str, reason: str
    ) -> ScheduleChanged:
        def change(form: dict[str, Any]) -> dict[str, Any]:
            dialect = {} if "schedule" not in keys else {"dialect": None}
            joined = {**form, **dialect, **keys}
            return {key: value for key, value in joined.items() if value is not None}

        done = self._edits().rewrite(row.name, change, actor=actor, verb=verb, reason=reason)
        return self._changed(row, changed=done.action != "none")

    def _set_table(
        self, row: WorkflowRow, options: dict[str, str | None], verb: str, *, actor: str, reason: str
    ) -> ScheduleChanged:
        with self._store.read() as view:
            [table] = view.tables([row.definition.table or row.name])
        before = dict(table.definition.options)
        wanted_ = {key: value for key, value in options.items() if before.get(key) != value}
        if wanted_:
            details = {"workflow_id": row.workflow_id, "workflow": row.name} | ({"reason": reason} if reason else {})
            self._alter_table(
                table.definition.name,
                wanted_,
                lambda tx: tx.add_note(verb, actor=actor, table_id=table.table_id, **details),
            )
        return self._changed(row, changed=bool(wanted_))

    def _changed(self, row: WorkflowRow, *, changed: bool) -> ScheduleChanged:
        now = self._clock.now()
        after = self._row(row.name)
        schedule = after.definition.schedule
        return ScheduleChanged(
            name=row.name,
            table=after.definition.table,
            before=row.definition.schedule.text if row.definition.schedule is not None else "",
            after=schedule.text if schedule is not None else "",
            changed=changed,
            version=after.version,
            next_at=after.next_fire_at,
            warnings=tuple(warnings(schedule, now)) if schedule is not None else (),
        )

    # --- parts --------------------------------------------------------------------------------------------------

    def _row(self, name: str) -> WorkflowRow:
        with self._store.read() as view:
            return find_workflow(view, name)

    def _is_workflow(self, name: str) -> bool:
        with self._store.read() as view:
            return any(row.name.lower() == name.lower() for row in view.workflows())

    def _schedule_of(self, name: str | None, zone: str | None) -> Schedule:
        """Return the schedule that a workflow or table has, its local times in `zone` where that is given."""
        if name is None:
            raise usage("argument_missing", "nothing to explain", fix="write an expression, a workflow or --table T")
        schedule = self._row(name).definition.schedule
        if schedule is None:
            raise usage("schedule_missing", f"{name!r} has no schedule", fix="write the expression to explain")
        if zone is None or zone == schedule.zone:
            return schedule
        raise usage(
            "schedule_zone",
            f"the schedule of {name!r} is in {schedule.zone}",
            fix="leave --tz out, or write the expression to explain",
        )

    def _table(self, name: str) -> Table:
        with self._store.read() as view:
            found = {table.definition.name: table for table in view.tables()}
        if name.lower() not in found:
            raise unknown_table(name, found)
        return found[name.lower()]

    def _after(self, text: str | None, zone: str) -> Instant:
        if text is None or text == "now":
            return self._clock.now()
        return parse_instant(text, zone, field="--after")

    def _refuse_file(self, row: WorkflowRow, schedule: str | None) -> None:
        """Refuse to change what a file defines; the error has the line to write there."""
        file, line = row.file, f'schedule = "{schedule}"'
        if row.origin == "table":
            with self._store.read() as view:
                [table] = view.tables([row.definition.table or row.name])
            file, line = table.file, f"'schedule' = '{schedule}' in WITH"
        if file is None:
            return
        noun = "table" if row.origin == "table" else "workflow"
        what = f"write {line}" if schedule is not None else "remove its schedule"
        raise conflict(
            f"{noun}_from_file",
            f"{noun} {row.name!r} is defined in {file}",
            where=file,
            fix=f"{what} there, then `mtctl apply`",
        )


def is_expression(text: str) -> bool:
    """Return whether a text is a schedule rather than a name."""
    return text.startswith("@") or len(text.split()) > 1


def _explained(schedule: Schedule, now: Instant, partition: str = "") -> ScheduleWords:
    return ScheduleWords(
        text=schedule.text,
        dialect=str(schedule.dialect) if schedule.dialect is not None else "every",
        zone=schedule.zone,
        normalized=normalized(schedule),
        words=words(schedule),
        fires=fire_times(schedule, now, FIRES),
        warnings=tuple(warnings(schedule, now)),
        partition=partition,
    )


def _partition(table: Table, schedule: Schedule, fire: Instant) -> str:
    """Return what a fire refreshes of a table: the intervals that have become due since the fire before."""
    definition = table.definition
    calendar = calendar_of(definition)
    if calendar is None:
        return f"the fire of {show(fire, schedule.zone)} refreshes the whole table {definition.name}"
    before = previous_fire(schedule, fire)
    due = wanted(definition, calendar, fire)
    new = due - wanted(definition, calendar, before) if before is not None else due
    span = new.span
    if span is None:
        stretch = partition_words(schedule, fire)
        return f"{stretch}: no {calendar.grain} of {definition.name} has ended in it, so only what is missing or stale"
    count = sum(calendar.count(piece.start, piece.end) for piece in new)
    many = f" ({count:,} intervals)" if count > 1 else ""
    which = show_interval(span, calendar)
    return (
        f"the fire of {show(fire, schedule.zone)} refreshes {calendar.grain} {which}{many} of {definition.name}, "
        "and what is missing or stale before it"
    )


def _timer(row: WorkflowRow, rule: Schedule, now: Instant) -> Timer:
    return Timer(
        name=row.name,
        table=row.definition.table,
        state=str(row.state),
        schedule=rule.text,
        zone=row.definition.zone,
        next_at=row.next_fire_at,
        due_at=row.due_at,
        left=(row.next_fire_at - now) / _SECOND if row.next_fire_at is not None else None,
        last_at=row.last_fire_at,
        passed=(now - row.last_fire_at) / _SECOND if row.last_fire_at is not None else None,
        rule=rule,
    )


def _keys(args: ScheduleArgs) -> dict[str, str | None]:
    """Return the keys of a workflow file that the words set; an empty text takes a key away."""
    if args.cron is not None and args.every is not None:
        raise usage("option_conflict", "--cron and --every exclude each other", fix="leave one of them out")
    given = {
        "schedule": args.cron if args.every is None else f"every {args.every}",
        "dialect": args.dialect,
        "time_zone": args.zone,
        "dst": args.dst,
        "start": args.start,
        "end": args.end,
        "jitter": args.jitter,
        "misfire": args.misfire,
    }
    found = {key: value or None for key, value in given.items() if value is not None}
    if not found:
        raise usage("schedule_missing", "nothing to set", fix="add --cron, --every or another option")
    return found


def _table_options(keys: dict[str, str | None]) -> dict[str, str | None]:
    """Return the same as options of a table's WITH."""
    if keys.get("time_zone") is not None:
        raise usage(
            "table_zone",
            "a table's schedule follows the table's own zone",
            where="--tz",
            fix="leave --tz out; the zone is the table's 'time-zone'",
        )
    names = _TABLE_KEYS | {key: f"schedule.{key}" for key in ("dialect", "dst", "start", "end", "jitter", "blackout")}
    return {names.get(key, key): value for key, value in keys.items() if key != "time_zone"}
