"""Floor 4. `help TOPIC`: the tables that hold for every command, from the same enums that the code uses."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mtctl.cli.answer import Answer, Block, Cell, Grid, Lines, Record, State
from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.operator_topics import OPERATING_LINES
from mtctl.cli.ui import Ui
from mtctl.cli.workflow_topics import SCHEDULE_LINES, VARIABLE_LINES, WORKFLOW_LINES

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Topic(StrEnum):
    """What `mtctl help` explains."""

    EXIT_CODES = "exit-codes"
    STATES = "states"
    OUTPUT = "output"
    INTERVALS = "intervals"
    KEYS = "keys"
    SCHEDULES = "schedules"
    WORKFLOWS = "workflows"
    VARIABLES = "variables"
    OPERATING = "operating"


TOPIC_LINES = {
    Topic.EXIT_CODES: "what the exit status of a command says",
    Topic.STATES: "the states of tables, intervals, tasks and instances",
    Topic.OUTPUT: "table, json, ndjson, csv; colour; what goes where",
    Topic.INTERVALS: "how intervals and partitions are named",
    Topic.KEYS: "the keys of WITH (...) and of [defaults]",
    Topic.SCHEDULES: "how a schedule is written, and what it does when clocks change or nobody was there",
    Topic.WORKFLOWS: "the keys of workflows/*.toml, and what changing one does",
    Topic.VARIABLES: "the variables of workflows and tasks",
    Topic.OPERATING: "why, health, queues, and the verbs on instances",
}

STATE_LINES = {
    "table": {
        "fresh": "everything that is wanted is fresh",
        "late": "something wanted is missing or stale",
        "failing": "late, and its last attempt failed",
        "never": "nothing was ever published",
    },
    "interval": {
        "fresh": "holds what the present definition and the present inputs give",
        "stale": "definition, a source or an upstream changed since",
        "missing": "wanted and never refreshed",
    },
    "task": {
        "created": "registered; an upstream is not done",
        "pending": "ready to be claimed",
        "running": "an attempt works on it",
        "suspended": "held by an operator",
        "success": "published",
        "failed": "its tries are used up",
        "cancelled": "stopped on request, or an upstream failed",
        "skipped": "nothing was left to do, or told not to run; counts as done",
    },
    "instance": {
        "pending": "nothing has started",
        "running": "something runs, or has run and more is ready",
        "suspended": "what is left is held",
        "success": "all tasks ended, none failed or was cancelled",
        "failed": "all tasks ended, at least one failed",
        "cancelled": "all tasks ended, none failed, at least one was cancelled",
    },
}
"""What each state means, per kind of thing; the words are those of the enums."""

OUTPUT_LINES = (
    "-o table   for people: aligned columns; no borders, no cutting in a pipe",
    '-o json    one document: {"schema": "mtctl.<noun>.<verb>/v1", "generated_at", "mtctl", "data", "warnings"}',
    '-o ndjson  one object a line, each with its "kind"',
    "-o csv     RFC 4180 with a header; NULL is empty, an empty text is a pair of quotes",
    "",
    "Data goes to stdout, everything else to stderr. Instants are UTC with Z, intervals half-open {start, end};",
    "the interval of a whole table is null. Errors with -o json are one JSON line on stderr (mtctl.error/v1).",
    "Colour: --color, then NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, TERM=dumb, then whether it is a terminal.",
    "MTCTL_ASCII=1 replaces the glyphs of states by ASCII; MTCTL_DEBUG=1 shows tracebacks.",
)

INTERVAL_LINES = (
    "An interval is half-open, [start, end): the day 2013-02-03 ends where 2013-02-04 begins.",
    "",
    "--interval 2013              a prefix of a date: year, month, day, hour; all intervals in it",
    "--interval 2013-02           every day of February for a table with grain day",
    "--interval 2013-02-03        one day, or its 24 hours",
    "--interval 2013-02-03T05     one hour",
    "--interval START/END         from START until END, END not included; may be repeated",
    "--from START --to END        the same as one range",
    "--partition KEY=VALUE        the interval of a partition value, e.g. flight_date=2013-02-03; may be repeated",
    "",
    "Times without an offset are read in the table's time zone. Edges lie on the grain; else exit 2 names the nearest.",
    "Wanted are the closed intervals in [start, min(end, now - refresh.delay)); others only when named, with --force.",
)

KEY_LINES = {
    "mode": "full | interval; interval when there is a partition with a grain",
    "start": "first instant wanted, e.g. 2013-01-01; needed for interval tables",
    "end": "instant after the last one wanted; without it, now",
    "time-zone": "zone of days, naive times and schedule, e.g. America/New_York; UTC unless given",
    "schedule": "when it is refreshed by itself: '0 2 * * *', '0 0 2 * * ?', '@daily', 'every 90 minutes'",
    "schedule.dialect": "cron | quartz, where the text could be both",
    "schedule.dst": "cron | quartz | wall: what a clock change does to a fire",
    "schedule.start": "no fire before it; the anchor of 'every'",
    "schedule.end": "no fire after it",
    "schedule.jitter": "how far fires are spread, e.g. 5 minutes; always the same for one table",
    "schedule.blackout": "when nothing fires: '2026-12-24..2026-12-26; SAT,SUN; 22:00-06:00'",
    "misfire": "all | latest | none: which missed fires are made up for; all for interval tables, else latest",
    "misfire.window": "how far back missed fires count, e.g. 30 days",
    "misfire.cap": "most missed fires made at once",
    "overlap": "queue_one | queue_all | skip | cancel_running | allow: a fire while an earlier one is open",
    "queue": "the queue whose slots it takes",
    "priority": "-20 to 19; the smaller number goes first",
    "retries": "how often a failed refresh is tried again",
    "timeout": "how long one try may take, e.g. 1h; 0 for ever",
    "notify": "who is told: 'ops:failure,late; mail:recovery'",
    "partition.grain": "minute | hour | day | week | month | quarter | year, of a DATE or TIMESTAMP partition",
    "partition.null": "fail | drop: rows without a partition value",
    "refresh.auto": "on | off: whether `up` refreshes the table",
    "refresh.delay": "how long after its end an interval is wanted, e.g. 2h",
    "refresh.open": "on | off: whether the interval that has begun is wanted too",
    "refresh.batch": "most intervals in one statement",
    "refresh.on-empty": "clear | fail: an empty result",
    "upstream": "tables it reads, where the query does not show them: 'a, b'",
    "retention.versions": "versions kept, the present one counted: 10",
    "retention.age": "how long a version is kept after the next one has come: 7 days",
    "retention.bytes": "bytes of old versions kept, e.g. 5 GiB; else twice the live ones and 1 GiB",
    "renamed.from": "the table's former name",
    "evolve": "on | off | restate | keep: whether changes are made in place, and what they make stale (on: the least)",
    "tags.<k>": "a label",
    "partition.fields.<col>.date-formatter": "pattern of a string partition column, e.g. yyyy-MM-dd",
    "upstream.<t>.range": "'-7 DAY..0' | all | ignore | overlap: which intervals of t are read",
    "upstream.<t>.wait": "on | off: whether it waits until t is fresh",
    "source.<s>.change": "ignore | restate: whether a new file of a glob makes intervals stale",
    "source.<s>.version": "a SELECT that gives the source's version",
    "renamed.column.<new>": "the column's former name; it keeps its data",
    "execution.<x>": "Flink's options: parallelism is threads, memory is memory, others are kept and named",
}


_TEXTS = {
    Topic.OUTPUT: OUTPUT_LINES,
    Topic.INTERVALS: INTERVAL_LINES,
    Topic.SCHEDULES: SCHEDULE_LINES,
    Topic.WORKFLOWS: WORKFLOW_LINES,
    Topic.VARIABLES: VARIABLE_LINES,
    Topic.OPERATING: OPERATING_LINES,
}
"""The topics that are running text."""


@command(app, "help", "mtctl help", "mtctl help exit-codes", "mtctl help keys -o csv", "mtctl help workflows")
def topics(
    ui: Ui,
    topic: Annotated[Topic | None, typer.Argument(help="What to explain; without it, the topics.")] = None,
) -> None:
    """Explain a topic; without one, list the topics."""
    ui.show(topic_answer(topic))


def topic_answer(topic: Topic | None) -> Answer:
    """Return the explanation of a topic, or the list of topics."""
    if topic is None:
        return _pairs("topic", [(str(name), text) for name, text in TOPIC_LINES.items()])
    if topic is Topic.EXIT_CODES:
        return _exit_codes()
    if topic is Topic.STATES:
        return _states()
    if topic is Topic.KEYS:
        return _pairs("key", list(KEY_LINES.items()))
    lines = _TEXTS[topic]
    records: tuple[Record, ...] = tuple({"kind": "line", "text": line} for line in lines)
    return _answer(records, ("text",), Lines(lines))


def _exit_codes() -> Answer:
    records: tuple[Record, ...] = tuple(
        {"kind": "exit_code", "code": int(code), "name": code.name.lower(), "meaning": code.reason} for code in ExitCode
    )
    rows = tuple((int(code), code.name.lower(), code.reason) for code in ExitCode)
    return _answer(records, ("code", "name", "meaning"), Grid(heads=("CODE", "NAME", "MEANING"), rows=rows))


def _states() -> Answer:
    records: tuple[Record, ...] = tuple(
        {"kind": "state", "of": noun, "state": word, "meaning": text}
        for noun, lines in STATE_LINES.items()
        for word, text in lines.items()
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (noun, State(word), text) for noun, lines in STATE_LINES.items() for word, text in lines.items()
    )
    return _answer(records, ("of", "state", "meaning"), Grid(heads=("OF", "STATE", "MEANING"), rows=rows))


def _pairs(noun: str, pairs: list[tuple[str, str]]) -> Answer:
    records: tuple[Record, ...] = tuple({"kind": noun, noun: name, "meaning": text} for name, text in pairs)
    return _answer(records, (noun, "meaning"), Grid(heads=(noun.upper(), "MEANING"), rows=tuple(pairs)))


def _answer(records: tuple[Record, ...], fields: tuple[str, ...], block: Block) -> Answer:
    return Answer(schema="mtctl.help.show/v1", records=records, fields=fields, blocks=(block,))
