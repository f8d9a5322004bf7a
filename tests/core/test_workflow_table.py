"""The workflow that a table's own schedule or freshness makes."""

from __future__ import annotations

import pytest

from mtctl.core.ddl import parse_statement
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.keys import table_options
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.model import Mode, TableDefinition
from mtctl.core.schedule_keys import SCHEDULE_KEYS, check_schedule_key
from mtctl.core.table_workflow import is_continuous, table_workflow
from mtctl.core.times import parse_instant
from mtctl.core.workflow import NoticeRule, Occasion, Overlap, RefreshSpec, TaskKind

DAY = 86_400_000_000


def table(**given) -> TableDefinition:
    options = given.pop("options", {})
    parts = {"mode": Mode.FULL, "zone": "UTC", "name": "t"} | given
    return TableDefinition(
        ddl="", query="SELECT 1", fingerprint="", columns=(), options=tuple(options.items()), **parts
    )  # fmt: skip


def made(**given):
    found = table_workflow(table(**given))
    assert found is not None
    return found


def test_a_table_without_schedule_or_freshness_has_none():
    assert table_workflow(table(refresh_mode="FULL", options={"queue": "night"})) is None


@pytest.mark.parametrize(
    ("freshness", "refresh_mode", "text", "continuous"),
    [
        ("INTERVAL '3' MINUTE", None, "0 0/3 * * * ? *", True),
        ("INTERVAL '29' MINUTE", None, "every 29 minutes", True),
        ("INTERVAL '30' MINUTE", None, "0 0/30 * * * ? *", False),
        ("INTERVAL '1' DAY", None, "0 0 0 * * ? *", False),
        ("INTERVAL '1' DAY", "CONTINUOUS", "0 0 0 * * ? *", True),
        ("INTERVAL '3' MINUTE", "FULL", "0 0/3 * * * ? *", False),
        ("INTERVAL '90' MINUTE", None, "every 90 minutes", False),
        ("INTERVAL '90' MINUTE", "FULL", "every 90 minutes", False),
        ("INTERVAL '2' DAY", None, "every 2 days", False),  # 5.17 refuses it (at most 1 day); here it is every-N
    ],
)
def test_a_freshness_becomes_a_schedule(freshness, refresh_mode, text, continuous):
    found = made(freshness=freshness, refresh_mode=refresh_mode)
    assert found.schedule is not None
    assert (found.schedule.text, found.continuous) == (text, continuous)
    assert is_continuous(table(freshness=freshness, refresh_mode=refresh_mode)) is continuous


def test_an_explicit_schedule_drives_whatever_the_freshness():
    found = made(schedule="0 2 * * *", freshness="INTERVAL '3' MINUTE", refresh_mode="CONTINUOUS")
    assert found.schedule is not None
    assert (found.schedule.text, found.continuous) == ("0 2 * * *", False)


@pytest.mark.parametrize(
    ("mode", "given", "misfire", "overlap"),
    [
        (Mode.INTERVAL, {"schedule": "@daily"}, Misfire.ALL, Overlap.QUEUE_ALL),
        (Mode.INTERVAL, {"freshness": "INTERVAL '1' HOUR"}, Misfire.ALL, Overlap.QUEUE_ALL),
        (Mode.INTERVAL, {"freshness": "INTERVAL '3' MINUTE"}, Misfire.LATEST, Overlap.QUEUE_ONE),
        (Mode.FULL, {"schedule": "@daily"}, Misfire.LATEST, Overlap.QUEUE_ONE),
        (Mode.FULL, {"freshness": "INTERVAL '3' MINUTE"}, Misfire.LATEST, Overlap.QUEUE_ONE),
    ],
)
def test_missed_fires_follow_the_kind_of_table(mode, given, misfire, overlap):
    found = made(mode=mode, **given)
    assert (found.misfire, found.overlap) == (MisfirePolicy(kind=misfire), overlap)


def test_every_key_reaches_the_workflow():
    found = made(
        schedule="0 0 5,17 ? * MON-FRI", zone="Europe/Berlin", tags=(("team", "ops"),), comment="why",
        options={
            "schedule.dialect": "quartz", "schedule.dst": "wall", "schedule.start": "2026-01-01",
            "schedule.end": "2027-01-01", "schedule.jitter": "5 min", "schedule.blackout": "SAT,SUN; 2026-12-24",
            "misfire": "none", "misfire.window": "2 days", "misfire.cap": "9", "overlap": "skip", "queue": "night",
            "priority": "-3", "retries": "0", "timeout": "0", "notify": "ops:failure, late; mail",
            "execution.parallelism": "4", "execution.checkpointing.interval": "3 min", "mode": "full",
        },
    )  # fmt: skip
    schedule = found.schedule
    assert schedule is not None
    assert (schedule.dialect, schedule.dst, schedule.jitter, len(schedule.blackout)) == (
        "quartz",
        "wall",
        300_000_000,
        2,
    )
    assert schedule.start == parse_instant("2025-12-31T23:00Z", "UTC", field="")
    assert found.misfire == MisfirePolicy(kind=Misfire.NONE, window=2 * DAY, cap=9)
    assert (found.overlap, found.queue, found.priority, found.retries, found.timeout) == (
        Overlap.SKIP, "night", -3, 0, 0,
    )  # fmt: skip
    assert found.notify == (
        NoticeRule(channel="ops", on=(Occasion.FAILURE, Occasion.LATE)),
        NoticeRule(channel="mail", on=(Occasion.FAILURE,)),
    )
    assert found.settings == (("execution.parallelism", "4"), ("execution.checkpointing.interval", "3 min"))
    assert (found.tags, found.comment, found.table, found.name) == ((("team", "ops"),), "why", "t", "t")
    [task] = found.tasks
    assert (task.name, task.kind, task.spec) == ("t", TaskKind.REFRESH, RefreshSpec(table="t"))


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("schedule.dialect", "unix", "option_value"),
        ("schedule.dst", "none", "option_value"),
        ("schedule.start", "soon", "time_parse"),
        ("schedule.end", "2026-02-30", "time_parse"),
        ("schedule.jitter", "5", "duration"),
        ("schedule.blackout", "tomorrow", "blackout"),
        ("schedule.blackout", " ; ", "option_value"),
        ("misfire", "some", "option_value"),
        ("misfire.window", "-1 day", "duration"),
        ("misfire.cap", "0", "option_value"),
        ("overlap", "never", "option_value"),
        ("queue", "a b", "workflow_name"),
        ("priority", "high", "option_value"),
        ("priority", "20", "option_value"),
        ("retries", "-1", "option_value"),
        ("retries", "1e6", "option_value"),
        ("retries", "９", "option_value"),
        ("timeout", "60", "duration"),
        ("notify", "ops:failed", "workflow_value"),
        ("notify", "", "workflow_value"),
        ("execution.", "1", "option_value"),
        ("execution.a b", "1", "option_value"),
        ("execution.x", "\x1b", "option_value"),
    ],
)
def test_wrong_values_are_refused_where_the_table_is_defined(key, value, code):
    with pytest.raises(MtctlError) as caught:
        check_schedule_key(key, value, where="tables/t.sql:3:1")
    assert (caught.value.code, caught.value.kind) == (code, Kind.INVALID)
    assert "tables/t.sql:3:1" in caught.value.where
    text = f"CREATE MATERIALIZED TABLE t WITH ('{key}' = '{value}') AS SELECT 1"
    with pytest.raises(MtctlError) as caught:
        table_options(parse_statement(text, file="tables/t.sql"), ())
    assert caught.value.code == code


def test_keys_are_kept_as_options_and_a_default_is_one_too():
    statement = parse_statement("CREATE MATERIALIZED TABLE t WITH ('queue' = 'night') AS SELECT 1", file="t.sql")
    written = dict(table_options(statement, (("queue", "day"), ("retries", "5"))).written)
    assert written == {"queue": "night", "retries": "5"}


def test_a_misspelt_key_is_refused():
    statement = parse_statement(
        "CREATE MATERIALIZED TABLE t WITH ('misfire.windw' = '1 day') AS SELECT 1", file="t.sql"
    )
    with pytest.raises(MtctlError) as caught:
        table_options(statement, ())
    assert (caught.value.code, caught.value.details) == ("option_unknown", {"did_you_mean": ["misfire.window"]})


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"schedule": "0 0 2 * * *"}, "schedule"),
        ({"schedule": "0 2 * * *", "options": {"schedule.dialect": "quartz"}}, "schedule"),
        (
            {"schedule": "@daily", "zone": "America/New_York", "options": {"schedule.start": "2024-03-10T02:30"}},
            "time_nonexistent",
        ),
        ({"schedule": "@daily", "options": {"schedule.start": "2026-02-01", "schedule.end": "2026-01-01"}}, "schedule"),
        ({"schedule": "@daily", "options": {"execution.parallelism": "many"}}, "setting_value"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(given, code):
    with pytest.raises(MtctlError) as caught:
        table_workflow(table(**given), {key: f"tables/t.sql:2:1 {key}" for key in (*SCHEDULE_KEYS, "schedule")})
    assert (caught.value.code, caught.value.kind) == (code, Kind.INVALID)
    assert caught.value.where
