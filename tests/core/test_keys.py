from __future__ import annotations

import pytest

from mtctl.core.ddl import parse_statement
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.evolution import Evolve
from mtctl.core.interval import Grain
from mtctl.core.keys import (
    PLAIN_KEYS,
    TableOptions,
    UpstreamRange,
    calendar_of,
    mode_of,
    partition_of,
    table_options,
)
from mtctl.core.model import EmptyPolicy, Mode, NullPolicy, Partition, PartitionColumn, RangeKind, TableDefinition

DAY = 86_400_000_000


def statement(partitioned: str = "", **pairs: str) -> object:
    listed = ",\n".join(f"'{key}' = '{value.replace(chr(39), chr(39) * 2)}'" for key, value in pairs.items())
    text = f"CREATE MATERIALIZED TABLE t {partitioned}\n" + (f"WITH (\n{listed})\n" if pairs else "") + "AS SELECT 1"
    return parse_statement(text, file="tables/t.sql")


def read(pairs: dict[str, str], defaults: tuple[tuple[str, str], ...] = ()) -> TableOptions:
    return table_options(statement(**pairs), defaults, where="tables/t.sql")


def refused(pairs: dict[str, str], defaults: tuple[tuple[str, str], ...] = ()) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        read(pairs, defaults)
    assert caught.value.kind is Kind.INVALID
    assert str(caught.value).isprintable()
    return caught.value


def test_nothing_given_gives_the_defaults():
    assert read({}) == TableOptions()


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("mode", "full", "mode", Mode.FULL),
        ("start", "2013-01-01", "start", "2013-01-01"),
        ("end", "2014-01-01", "end", "2014-01-01"),
        ("time-zone", "Europe/Berlin", "time_zone", "Europe/Berlin"),
        ("schedule", "0 0 2 * * ?", "schedule", "0 0 2 * * ?"),
        ("tags.team", "ops", "tags", (("team", "ops"),)),
        ("partition.grain", "day", "partition_grain", Grain.DAY),
        ("partition.fields.DS.date-formatter", "yyyyMMdd", "partition_formatters", {"ds": "yyyyMMdd"}),
        ("partition.null", "drop", "partition_null", NullPolicy.DROP),
        ("refresh.auto", "off", "refresh_auto", False),
        ("refresh.delay", "90 minutes", "refresh_delay", 5_400_000_000),
        ("refresh.delay", "0s", "refresh_delay", 0),
        ("refresh.open", "on", "refresh_open", True),
        ("refresh.batch", "10000", "refresh_batch", 10_000),
        ("refresh.on-empty", "fail", "refresh_on_empty", EmptyPolicy.FAIL),
        ("upstream", "a, main.B ,a", "upstream", ("a", "b")),
        ("upstream", "", "upstream", ()),
        ("upstream.main.A.wait", "off", "upstream_wait", {"a": False}),
        ("source.../data/*.parquet.change", "restate", "source_change", {"../data/*.parquet": "restate"}),
        ("source.s.version", "SELECT max(v) FROM s", "source_version", {"s": "SELECT max(v) FROM s"}),
        ("retention.versions", "10", "retention_versions", 10),
        ("retention.age", "7 days", "retention_age", 7 * DAY),
        ("retention.bytes", "2 GiB", "retention_bytes", 2 * 2**30),
        ("renamed.from", "main.Old", "renamed_from", "old"),
        ("evolve", "Keep", "evolve", Evolve.KEEP),
        ("renamed.column.NEW", "old", "column_renames", {"new": "old"}),
    ],
)
def test_each_key_has_its_type(key, value, field, expected):
    assert getattr(read({key: value}), field) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-7 DAY..0", UpstreamRange(kind=RangeKind.OVERLAP, before=-7 * DAY)),
        ("-36 hours .. +1 day", UpstreamRange(kind=RangeKind.OVERLAP, before=-36 * 3_600_000_000, after=DAY)),
        ("all", UpstreamRange(kind=RangeKind.ALL)),
        ("ignore", UpstreamRange(kind=RangeKind.IGNORE)),
        ("overlap", UpstreamRange(kind=RangeKind.OVERLAP)),
    ],
)
def test_upstream_ranges(text, expected):
    assert read({"upstream.a.range": text}).upstream_range == {"a": expected}


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ({"mode": "merge"}, "option_value"),
        ({"mode": ""}, "option_value"),
        ({"start": "2024-02-30"}, "time_parse"),
        ({"start": "yesterdayish"}, "time_parse"),
        ({"end": "9999-01-01"}, "time_range"),
        ({"time-zone": "Mars/Base"}, "time_zone_unknown"),
        ({"time-zone": "local"}, "time_zone_local"),
        ({"schedule": " "}, "option_value"),
        ({"tags.a b": "x"}, "option_value"),
        ({"tags.a": "x\x1b"}, "option_value"),
        ({"partition.grain": "second"}, "option_value"),
        ({"partition.fields.ds.date-formatter": "YYYY-MM-dd"}, "date_formatter"),
        ({"refresh.delay": "5"}, "duration"),
        ({"refresh.delay": "-5m"}, "duration"),
        ({"refresh.auto": "yes"}, "option_value"),
        ({"refresh.batch": "0"}, "option_value"),
        ({"refresh.batch": "10001"}, "option_value"),
        ({"refresh.batch": "1e3"}, "option_value"),
        ({"upstream": "a; DROP TABLE b"}, "identifier"),
        ({"upstream.a.range": "0..-7 DAY"}, "option_value"),
        ({"upstream.a.range": "-7..0"}, "option_value"),
        ({"upstream.a.range": "-1 MONTH..0"}, "option_value"),
        ({"upstream.a.wait": "on", "upstream.main.a.wait": "off"}, "option_value"),
        ({"source.s.version": "DROP TABLE s"}, "option_value"),
        ({"source.s.change": "maybe"}, "option_value"),
        ({"retention.bytes": "0"}, "option_value"),
        ({"retention.age": "0s"}, "duration"),
        ({"evolve": "maybe"}, "option_value"),
    ],
)
def test_wrong_values_are_refused_at_their_place(pairs, code):
    error = refused(pairs)
    assert error.code == code
    assert error.where.startswith("tables/t.sql:")
    assert error.fix


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("partition.grian", "partition.grain"),
        ("refresh.on_empty", "refresh.on-empty"),
        ("timezone", "time-zone"),
        ("upstream.wait", "upstream.<t>.wait"),
        ("partition.fields.date-formatter", "partition.fields.<col>.date-formatter"),
        ("tags.", "tags.<k>"),
    ],
)
def test_an_unknown_key_proposes_the_likely_one(key, near):
    error = refused({"mode": "full", key: "x"})
    assert (error.code, error.fix, error.where) == ("option_unknown", f"did you mean '{near}'?", "tables/t.sql:4:1")
    assert error.details == {"did_you_mean": [near]}


def test_a_tables_own_pair_wins_over_the_default():
    found = read({"start": "2014-01-01"}, (("start", "2013-01-01"), ("time-zone", "Europe/Berlin")))
    assert (found.start, found.time_zone) == ("2014-01-01", "Europe/Berlin")
    assert found.written == (("start", "2014-01-01"), ("time-zone", "Europe/Berlin"))


def test_a_wrong_default_says_that_it_is_one():
    error = refused({}, (("refresh.auto", "yes"),))
    assert error.where == "[defaults] refresh.auto"


def test_every_plain_key_is_read():
    for key in PLAIN_KEYS:
        with pytest.raises(MtctlError) as caught:
            read({key: "\x1b"})
        assert caught.value.code != "option_unknown"


@pytest.mark.parametrize(
    ("partitioned", "pairs", "types", "expected"),
    [
        ("PARTITIONED BY (D)", {"partition.grain": "day"}, {"d": "DATE"}, ((("d", "DATE", None),), Grain.DAY)),
        (
            "PARTITIONED BY (ts)",
            {"partition.grain": "minute"},
            {"ts": "TIMESTAMP WITH TIME ZONE"},
            ((("ts", "TIMESTAMP WITH TIME ZONE", None),), Grain.MINUTE),
        ),
        (
            "PARTITIONED BY (day, hour)",
            {"partition.fields.day.date-formatter": "yyyy-MM-dd", "partition.fields.hour.date-formatter": "HH"},
            {"day": "VARCHAR", "hour": "VARCHAR", "n": "BIGINT"},
            ((("day", "VARCHAR", "yyyy-MM-dd"), ("hour", "VARCHAR", "HH")), Grain.HOUR),
        ),
    ],
)
def test_partitions(partitioned, pairs, types, expected):
    made = statement(partitioned, **pairs)
    found = partition_of(made, table_options(made, ()), types)
    assert (tuple((c.name, c.type, c.formatter) for c in found.columns), found.grain) == expected
    assert mode_of(made, table_options(made, ()), found) is Mode.INTERVAL


@pytest.mark.parametrize(
    ("partitioned", "pairs", "types", "code"),
    [
        ("PARTITIONED BY (d)", {}, {"d": "DATE"}, "partition_grain_missing"),
        ("PARTITIONED BY (d)", {"partition.grain": "hour"}, {"d": "DATE"}, "partition_grain"),
        ("PARTITIONED BY (e)", {"partition.grain": "day"}, {"d": "DATE"}, "partition_column_missing"),
        ("PARTITIONED BY (n)", {"partition.grain": "day"}, {"n": "BIGINT"}, "partition_type"),
        ("PARTITIONED BY (s)", {}, {"s": "VARCHAR"}, "partition_undetermined"),
        ("PARTITIONED BY (s)", {"partition.fields.s.date-formatter": "HH"}, {"s": "VARCHAR"}, "partition_undetermined"),
        ("PARTITIONED BY (a, b)", {"partition.grain": "day"}, {"a": "DATE", "b": "DATE"}, "partition_undetermined"),
        ("", {"partition.grain": "day"}, {"a": "DATE"}, "partition_undetermined"),
        (
            "PARTITIONED BY (s)",
            {"partition.fields.s.date-formatter": "yyyy", "partition.grain": "day"},
            {"s": "VARCHAR"},
            "partition_grain",
        ),
    ],
)
def test_partitions_that_are_refused(partitioned, pairs, types, code):
    made = statement(partitioned, **pairs)
    with pytest.raises(MtctlError) as caught:
        partition_of(made, table_options(made, ()), types)
    assert caught.value.code == code
    assert caught.value.where
    assert caught.value.fix


def test_without_a_partition_the_mode_is_full():
    made = statement()
    assert partition_of(made, table_options(made, ()), {"a": "DATE"}) is None
    assert mode_of(made, table_options(made, ()), None) is Mode.FULL
    asked = statement(mode="interval")
    with pytest.raises(MtctlError) as caught:
        mode_of(asked, table_options(asked, ()), None)
    assert caught.value.code == "mode_partition"


@pytest.mark.parametrize(
    ("mode", "type_text", "wall"),
    [
        (Mode.INTERVAL, "DATE", True),
        (Mode.INTERVAL, "TIMESTAMP", True),
        (Mode.INTERVAL, "TIMESTAMP WITH TIME ZONE", False),
        (Mode.INTERVAL, "TIMESTAMPTZ", False),
        (Mode.FULL, "DATE", None),
    ],
)
def test_calendars_follow_the_type_of_the_partition_column(mode, type_text, wall):
    definition = TableDefinition(
        name="t", ddl="", query="", fingerprint="", mode=mode, columns=(), zone="UTC",
        partition=Partition(columns=(PartitionColumn(name="d", type=type_text),), grain=Grain.DAY),
    )  # fmt: skip
    found = calendar_of(definition)
    assert (None if found is None else found.wall) == wall
