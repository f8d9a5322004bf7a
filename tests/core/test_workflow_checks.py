"""What the rest of the project says about a workflow; the pictures of it; Flink's options."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.freshness import Freshness, FreshnessUnit, parse_freshness
from mtctl.core.model import Mode, Read, TableDefinition
from mtctl.core.times import parse_instant
from mtctl.core.workflow_checks import Known, freshness_fits, propose_downstream, validate
from mtctl.core.workflow_file import read_workflow
from mtctl.core.workflow_graph import graph
from mtctl.core.workflow_settings import settings_of

GOLDEN = Path(__file__).parent / "golden"
NOW = parse_instant("2026-03-01T12:00", "UTC", field="")

NIGHTLY = """
schedule = "0 2 * * *"
max_parallel = 3
depends_on = ["early"]
retries = 2

[[tasks]]
name = "load"
command = ["./load.sh", "${system.biz.date}"]
retries = 0
retry_lost = false

[[tasks]]
name = "fetch"
http = {url = "https://example.org:8443/data?d=${system.biz.date}"}
queue = "net"
timeout = "5m"

[[tasks]]
table = "flights"
upstream = ["load"]

[[tasks]]
table = "weather"
upstream = ["fetch"]
priority = -5

[[tasks]]
table = "delays"
upstream = ["flights", "weather"]
timeout = "0"

[[tasks]]
name = "export"
upstream = ["delays"]
when = "SELECT true"
sql = {exports = [{query = "SELECT 1", path = "out/a.csv"}, {query = "SELECT 2", path = "out/b.parquet"}]}

[[tasks]]
name = "clean"
upstream = ["flights"]
command = "rm -rf tmp | cat"
shell = true

[[tasks]]
name = "script"
sql = {script = "DELETE FROM t", database = "side.duckdb"}
"""
LINEAGE = {"flights": {"airports", "planes"}, "weather": set(), "delays": {"flights", "weather"}}


def workflow(text: str):
    return read_workflow(tomllib.loads(text), name="nightly", file="workflows/nightly.toml", zone="UTC")


def table(name: str, *reads: str, freshness: str | None = None) -> TableDefinition:
    return TableDefinition(
        name=name, ddl="", query="", fingerprint="", mode=Mode.FULL, columns=(), zone="UTC", freshness=freshness,
        reads=tuple(Read(table=each) for each in reads),
    )  # fmt: skip


def verdict(text: str, *tables: TableDefinition, queues=("default",), channels=(), workflows=()):
    known = Known({each.name: each for each in tables}, queues, channels, workflows)
    return validate(workflow(text), known, NOW, file="workflows/nightly.toml")


@pytest.mark.parametrize("form", ["text", "mermaid", "dot"])
def test_the_picture_of_a_workflow_is_the_kept_one(form):
    assert graph(workflow(NIGHTLY), LINEAGE, form) == (GOLDEN / f"nightly.{form}.txt").read_text()


def test_the_picture_of_the_least_workflow():
    assert graph(workflow('[[tasks]]\ntable = "t"'), {}) == "nightly  on demand\n└─ t  [refresh t]\n"


def test_a_long_chain_is_drawn_and_another_form_refused():
    chain = "".join(
        f'[[tasks]]\nname = "t{at}"\ntable = "t"\n' + (f'upstream = ["t{at - 1}"]\n' if at else "")
        for at in range(1500)
    )
    assert graph(workflow(chain), {}).count("\n") == 1501
    with pytest.raises(MtctlError) as caught:
        graph(workflow(chain), {}, "mermade")
    assert (caught.value.kind, "mermaid" in caught.value.fix) == (Kind.USAGE, True)


@pytest.mark.parametrize(
    ("upstream", "downstream", "fits"),
    [
        ("30 MINUTE", "60 MINUTE", True),  # 5.17
        ("30 MINUTE", "90 MINUTE", True),
        ("30 MINUTE", "45 MINUTE", False),
        ("30 MINUTE", "15 MINUTE", False),
        ("30 MINUTE", "30 MINUTE", True),
        ("30 MINUTE", "1 DAY", True),
        ("7 MINUTE", "1 HOUR", False),
    ],
)
def test_a_freshness_is_a_multiple_of_its_upstreams(upstream, downstream, fits):
    above, below = (parse_freshness(*text.split()) for text in (upstream, downstream))
    assert freshness_fits(above, below) is fits
    texts = [f"INTERVAL '{text.split()[0]}' {text.split()[1]}" for text in (upstream, downstream)]
    found = verdict('[[tasks]]\ntable = "b"', table("a", freshness=texts[0]), table("b", "a", freshness=texts[1]))
    assert bool(found.warnings) is not fits
    assert found.errors == ()
    assert Freshness(1, FreshnessUnit.DAY).seconds == 86400


def test_names_that_nobody_bears_are_errors_with_their_place():  # A61: an unknown table
    text = """
    queue = "nite"
    depends_on = ["erly"]
    notify = [{channel = "opps"}]
    [[tasks]]
    table = "flihgts"
    queue = "nett"
    notify = [{channel = "mail"}]
    """
    found = verdict(
        text, table("flights"), queues=("default", "night", "net"), channels=("ops",), workflows=("early", "nightly")
    )
    assert [(error.code, error.where.removeprefix("workflows/nightly.toml: ")) for error in found.errors] == [
        ("queue_unknown", "queue"),
        ("table_unknown", "tasks[1].table"),
        ("queue_unknown", "tasks[1].queue"),
        ("channel_unknown", "notify[1].channel"),
        ("channel_unknown", "tasks[1].notify[1].channel"),
        ("workflow_unknown", "depends_on"),
    ]
    near = [error.details.get("did_you_mean") for error in found.errors]
    assert near == [["night"], ["flights"], ["net"], ["ops"], None, ["early"]]
    assert all(error.kind is Kind.INVALID for error in found.errors)


def test_what_looks_wrong_is_a_warning():
    text = """
    schedule = "0 12 * * *"
    start = "2026-01-01"
    settings = {execution.parallelism = 2, execution.runtime-mode = "batch"}
    [[tasks]]
    table = "b"
    settings = {"taskmanager.memory.process.size" = "2g", "pipeline.name" = "x"}
    """
    found = verdict(text, table("b"))
    assert found.errors == ()
    assert found.warnings == (
        "the start 2026-01-01T00:00:00+00:00 is in the past",
        "the option 'execution.runtime-mode' is kept and has no effect here",
        "the option 'pipeline.name' is kept and has no effect here",
    )
    ended = verdict('schedule = "0 12 * * *"\nend = "2026-02-01"\n[[tasks]]\ntable = "b"', table("b"))
    assert any("never fire" in line for line in ended.warnings)


def test_an_order_against_lineage_is_a_warning():
    tables = (table("a"), table("m", "a"), table("b", "m"))
    wrong = (
        '[[tasks]]\nname = "first"\ntable = "b"\n[[tasks]]\nname = "wait"\ncommand = ["true"]\nupstream = ["first"]\n'
    )
    wrong += '[[tasks]]\nname = "last"\ntable = "a"\nupstream = ["wait"]'
    assert verdict(wrong, *tables).warnings == ("'first' comes before 'last', but its table b reads a",)
    right = '[[tasks]]\ntable = "a"\n[[tasks]]\ntable = "b"\nupstream = ["a"]'
    assert verdict(right, *tables).warnings == ()


def test_downstream_tables_are_proposed_in_order():
    lineage = {"a": (), "b": ("a",), "c": ("b",), "d": ("c", "b"), "e": ("x",)}
    assert propose_downstream("a", lineage) == ("b", "c", "d")
    assert propose_downstream("d", lineage) == ()
    assert propose_downstream("nothing", lineage) == ()


@pytest.mark.parametrize(
    ("settings", "threads", "memory", "ignored"),
    [
        ({}, None, None, ()),
        ({"execution.parallelism": "4"}, 4, None, ()),
        ({"parallelism.default": "4", "execution.threads": "2"}, 2, None, ()),
        ({"table.exec.resource.default-parallelism": "-1"}, None, None, ()),
        ({"execution.memory": "2g"}, None, "2048MiB", ()),
        (
            {"taskmanager.memory.process.size": "1728m", "execution.taskmanager.memory.managed.size": "16m"},
            None,
            "1728MiB",
            (),
        ),
        (
            {"execution.memory": "2 GB", "execution.checkpointing.interval": "3 min"},
            None,
            "2048MiB",
            ("execution.checkpointing.interval",),
        ),
    ],
)
def test_flinks_options_that_mean_something(settings, threads, memory, ignored):
    assert settings_of(tuple(settings.items())) == (threads, memory, ignored)


@pytest.mark.parametrize(
    ("name", "value"),
    [("execution.parallelism", "0"), ("execution.parallelism", "1e3"), ("execution.parallelism", "4096"),
     ("execution.memory", "1"), ("execution.memory", "many"), ("execution.memory", "2x"), ("execution.memory", "-2g")],
)  # fmt: skip
def test_wrong_options_are_refused(name, value):
    with pytest.raises(MtctlError) as caught:
        settings_of(((name, value),), where="workflows/x.toml: settings")
    assert (caught.value.code, caught.value.where) == ("setting_value", "workflows/x.toml: settings")
