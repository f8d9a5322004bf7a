"""Tasks that are not refreshes, from their claim to the books: with the real store, programs and engine."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import pytest
from service_kit import World

from mtctl.clock import SystemClock
from mtctl.core.states import Outcome, TaskState, Trigger, WorkflowState
from mtctl.core.workflow import (
    CommandSpec,
    Export,
    HttpSpec,
    SqlSpec,
    TaskKind,
    Variable,
    VariableKind,
    VariableType,
    WorkflowDefinition,
    WorkflowTask,
)
from mtctl.core.workflow_json import task_json
from mtctl.core.workflow_variables import resolve_instance
from mtctl.parts import Parts
from mtctl.ports.changes import NewInstance, NewTask
from mtctl.ports.workflows import NewWorkflow
from mtctl.services.watch import Interruption

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.ports.work import AttemptRow, TaskRow

FIRE = 1_772_416_800_000_000  # 2026-03-02T02:00:00Z
DAY = 86_400_000_000
_KINDS = {CommandSpec: TaskKind.COMMAND, HttpSpec: TaskKind.HTTP, SqlSpec: TaskKind.SQL}
_serial = count(1)


@dataclass(frozen=True)
class Done:
    """How one task ended."""

    task: TaskRow
    attempts: tuple[AttemptRow, ...]
    log: str


class Stage:
    """A filled project and workers for it."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        (root / "out").mkdir()
        self.world.settings('name = "shop"\n[paths]\nallowed = ["out"]\n')
        self.world.days({"2013-01-01": [1, 2], "2013-01-02": [3]})
        self.world.table(
            "totals", "CREATE MATERIALIZED TABLE totals AS SELECT d, sum(v)::BIGINT AS s FROM 'data/in.csv' GROUP BY d"
        )
        self.world.apply()
        self.world.fill("totals")
        self.parts = Parts(self.world.app.project, SystemClock(), lambda _: None)
        self.store = self.parts.open_store()

    def put(self, spec: CommandSpec | HttpSpec | SqlSpec, *, workflow: bool = False, **more) -> int:
        """Insert an instance of one task and return its id."""
        number = next(_serial)
        variables = more.pop("variables", ())
        task = WorkflowTask(name="act", kind=_KINDS[type(spec)], spec=spec, **more)
        definition = WorkflowDefinition(name=f"w{number}", tasks=(task,), zone="UTC", variables=variables)
        values, [frozen] = resolve_instance(definition, fire=FIRE, logical_date=FIRE - DAY, params={})
        with self.store.write() as tx:
            workflow_id = None
            if workflow:
                new = NewWorkflow(definition=definition, state=WorkflowState.DISABLED, origin="command")
                workflow_id = tx.put_workflow(new)
            return tx.add_instance(
                NewInstance(
                    ulid=f"I{number:025d}",
                    title="test",
                    trigger=Trigger.SCHEDULE if workflow else Trigger.MANUAL,
                    manifest={},
                    tasks=(
                        NewTask(
                            key=1,
                            name="act",
                            kind=task.kind,
                            timeout=task.timeout,
                            max_tries=2,
                            spec={"task": task_json(frozen)},
                        ),
                    ),
                    holder_id=None,
                    detached=True,
                    workflow_id=workflow_id,
                    version=1 if workflow else None,
                    logical_date=FIRE - DAY if workflow else None,
                    fire_at=FIRE if workflow else None,
                    variables=values,
                )
            )

    def run(self, spec: CommandSpec | HttpSpec | SqlSpec, **more) -> Done:
        """Run one task by a worker, once."""
        instance = self.put(spec, **more)
        with self.parts.worker(0, 1, "test", lambda _: None) as dispatcher:
            dispatcher.run_ownerless()
        return self.done(instance)

    def done(self, instance: int) -> Done:
        with self.store.read() as view:
            [task] = view.tasks(instance)
            attempts = tuple(view.attempts(instance))
        logs = self.world.root / ".mtctl/logs"
        texts = [path.read_text() for found in attempts if (path := logs / f"{found.ulid}.log").exists()]
        return Done(task, attempts, "".join(texts))

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        return self.world.rows(sql)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    found = Stage(tmp_path_factory.mktemp("stage") / "p")
    yield found
    found.store.close()
    found.world.close()


def text(name: str, value: str, kind: VariableType = VariableType.TEXT) -> Variable:
    return Variable(name=name, kind=VariableKind.STATIC, value=value, type=kind)


def python(code: str, *words: str, **more) -> CommandSpec:
    return CommandSpec(argv=(sys.executable, "-c", code, *words), **more)


# --- programs ---------------------------------------------------------------------------------------------------


def test_a_program_gets_its_values_and_knows_what_it_works_for(stage: Stage):
    hostile = "'; $(touch pwn) ${day}"
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    spec = python(code, "day=${day}", "${x}", "$${x}", env=(("X", "<${x}>"),), folder="data")
    done = stage.run(spec, variables=(text("day", "2026-03-01"), text("x", hostile)), workflow=True)
    assert (done.task.state, done.attempts[0].outcome) == (TaskState.SUCCESS, Outcome.SUCCESS)
    argv, env, folder = json.loads(done.log)
    assert argv == ["day=2026-03-01", hostile, "${x}"]
    assert folder == str(stage.world.root / "data")
    told = {name: value for name, value in env.items() if name.startswith("MTCTL_")}
    with stage.store.read() as view:
        instance = view.instances_by_id([done.task.instance_id])[done.task.instance_id]
    assert told == {
        "MTCTL_RUN_KEY": f"{instance.workflow}/2026-03-01T02:00:00+00:00/act",
        "MTCTL_ATTEMPT": done.attempts[0].ulid,
        "MTCTL_INSTANCE": instance.ulid,
        "MTCTL_TASK": "act",
        "MTCTL_INTERVAL_START": "2026-03-01T02:00:00+00:00",
        "MTCTL_INTERVAL_END": "2026-03-02T02:00:00+00:00",
        "MTCTL_LOGICAL_DATE": "2026-03-01",
    }
    assert env["X"] == f"<{hostile}>"
    assert set(env) - set(told) <= {"X", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TZ", "USER"}
    assert not (stage.world.root / "data/pwn").exists()


def test_the_run_key_of_what_a_person_asked_for_names_the_instance(stage: Stage):
    done = stage.run(CommandSpec(argv=('echo "$MTCTL_RUN_KEY"',), shell=True))  # noqa: S604 - our own shell
    assert done.log.strip() == f"I{done.log[1:26]}/act"


def test_a_failing_program_is_told_with_its_log_and_tried_again_only_where_that_may_help(stage: Stage):
    permanent = stage.run(python("print('why'); raise SystemExit(3)", transient=(75,)))
    assert (permanent.task.state, permanent.attempts[0].error_code) == (TaskState.FAILED, "command_exit")
    assert "exit code 3: why" in (permanent.attempts[0].error or "")
    assert f"{permanent.attempts[0].ulid}.log" in (permanent.attempts[0].error or "")
    passing = stage.run(python("raise SystemExit(75)", transient=(75,)))
    assert (passing.task.state, passing.task.tries) == (TaskState.PENDING, 1)
    usual = stage.run(python("raise SystemExit(3)"))
    assert usual.task.state is TaskState.PENDING, "any code may pass where none is named"
    missing = stage.run(CommandSpec(argv=("nosuchprogram",)))
    assert (missing.task.state, missing.attempts[0].error_code) == (TaskState.FAILED, "command_not_found")


def test_a_folder_that_leads_out_of_the_project_is_refused(stage: Stage, tmp_path):
    (stage.world.root / "away").symlink_to(tmp_path)
    done = stage.run(CommandSpec(argv=("touch", "x"), folder="away"))
    assert (done.task.state, done.attempts[0].error_code) == (TaskState.FAILED, "command_folder")
    assert not (tmp_path / "x").exists()


def test_a_program_ends_at_its_time_and_on_request(stage: Stage):
    late = stage.run(CommandSpec(argv=("sleep", "1000")), timeout=100_000)
    assert (late.task.state, late.attempts[0].outcome) == (TaskState.PENDING, Outcome.TIMED_OUT)
    instance = stage.put(CommandSpec(argv=("sleep", "1000")))
    with stage.parts.worker(0, 1, "test", lambda _: None) as dispatcher:
        threading.Timer(0.3, dispatcher.interrupt, (Interruption.CANCEL,)).start()
        dispatcher.run_ownerless()
    stopped = stage.done(instance)
    assert (stopped.task.state, stopped.attempts[0].outcome) == (TaskState.CANCELLED, Outcome.CANCELLED)


def test_the_group_of_a_program_is_in_the_books_while_it_runs(stage: Stage):
    go = stage.world.root / "go"
    os.mkfifo(go)
    instance = stage.put(CommandSpec(argv=(f"echo $$; read x < {go}",), shell=True))  # noqa: S604 - our own shell
    seen = []

    def look() -> None:
        with go.open("w") as held:  # opens once the program does
            store = stage.parts.open_store()
            with store.read() as view:
                seen.extend(group for holder in view.holders() for group in holder.groups)
            store.close()
            held.write("on\n")

    thread = threading.Thread(target=look)
    thread.start()
    with stage.parts.worker(0, 1, "test", lambda _: None) as dispatcher:
        dispatcher.run_ownerless()
        with stage.store.read() as view:
            assert [holder.groups for holder in view.holders() if holder.groups] == []
    thread.join()
    [(group, started)] = seen
    assert str(group) == stage.done(instance).log.strip()
    assert started > 0


# --- requests ---------------------------------------------------------------------------------------------------


def test_a_request_that_cannot_be_sent_waits_for_its_next_try(stage: Stage):
    done = stage.run(HttpSpec(method="GET", url="http://127.0.0.1:1/${x}"), variables=(text("x", "a/b c"),))
    assert (done.task.state, done.attempts[0].error_code) == (TaskState.PENDING, "http_unreachable")
    refused = stage.run(HttpSpec(method="GET", url="http://169.254.169.254/"))
    assert (refused.task.state, refused.attempts[0].error_code) == (TaskState.FAILED, "http_refused")


def test_a_variable_names_no_secret(stage: Stage, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "canary-4711")
    for value, header in (("env:API_TOKEN", "${x}"), ("API_TOKEN", "env:${x}")):
        spec = HttpSpec(method="GET", url="http://127.0.0.1:1/", headers=(("X-A", header),))
        done = stage.run(spec, variables=(text("x", value),))
        assert (done.task.state, done.attempts[0].error_code) == (TaskState.FAILED, "variable_secret")


# --- SQL --------------------------------------------------------------------------------------------------------


def test_exports_write_what_tables_and_sources_hold(stage: Stage):
    spec = SqlSpec(
        exports=(
            Export(query="SELECT * FROM totals WHERE d = ${day} ORDER BY d", path="out/${day}/t.csv", format="csv"),
            Export(
                query="SELECT ${x} AS x, ${logical_date} AS l, v FROM 'data/in.csv'", path="out/s.json", format="json"
            ),
        )
    )
    variables = (text("day", "2013-01-01", VariableType.DATE), text("x", "'; DROP TABLE totals; --"))
    done = stage.run(spec, variables=variables)
    assert (done.task.state, done.attempts[0].error) == (TaskState.SUCCESS, None)
    assert done.attempts[0].rows == 4
    assert (stage.world.root / "out/2013-01-01/t.csv").read_text() == "d,s\n2013-01-01,3\n"
    lines = [json.loads(line) for line in (stage.world.root / "out/s.json").read_text().splitlines()]
    assert [line["v"] for line in lines] == [1, 2, 3]
    assert {(line["x"], line["l"]) for line in lines} == {("'; DROP TABLE totals; --", "2026-03-01")}


@pytest.mark.parametrize(
    ("export", "code"),
    [
        (Export(query="SELECT 1", path="tables/x.sql", format="csv"), "target_access"),
        (Export(query="SELECT 1", path="out/${x}.csv", format="csv"), "variable_path"),
        (Export(query="SELECT * FROM nosuch", path="out/x.csv", format="csv"), "table_unknown"),
        (Export(query="SELECT * FROM '.mtctl/state.db'", path="out/x.csv", format="csv"), "source_is_state"),
    ],
)
def test_an_export_that_may_not_be_fails_for_good(stage: Stage, export, code):
    done = stage.run(SqlSpec(exports=(export,)), variables=(text("x", "../../etc/x"),))
    assert (done.task.state, done.attempts[0].error_code) == (TaskState.FAILED, code)
    assert not (stage.world.root / "out/x.csv").exists()


def test_a_script_works_on_its_database(stage: Stage):
    script = "CREATE OR REPLACE TABLE t (d DATE, x VARCHAR); INSERT INTO t VALUES (${day}, ${x}), (NULL, 'b')"
    variables = (text("day", "2013-01-01", VariableType.DATE), text("x", "a'b"))
    done = stage.run(SqlSpec(script=script, database="out/b.duckdb"), variables=variables)
    assert (done.task.state, done.attempts[0].error, done.attempts[0].rows) == (TaskState.SUCCESS, None, 2)
    refused = stage.run(SqlSpec(script="SELECT 1", database=".mtctl/state.db"))
    assert refused.attempts[0].error_code == "target_access"


# --- conditions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("SELECT count(*) = 2 FROM totals", TaskState.SUCCESS),
        ("SELECT max(d) > ${day} FROM totals", TaskState.SUCCESS),
        ("SELECT count(*) > 2 FROM totals", TaskState.SKIPPED),
    ],
)
def test_a_condition_decides_whether_a_task_runs(stage: Stage, query, state):
    day = text("day", "2013-01-01", VariableType.DATE)
    done = stage.run(CommandSpec(argv=("echo", "ran")), when=query, variables=(day,))
    assert done.task.state is state
    assert (done.log == "ran\n") is (state is TaskState.SUCCESS)
    assert state is TaskState.SUCCESS or "condition" in done.task.why


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT 1", "condition_value"),
        ("SELECT true, true", "condition_value"),
        ("SELECT true FROM totals", "condition_value"),
        ("SELECT true WHERE false", "condition_value"),
        ("SELECT NULL::BOOLEAN", "condition_value"),
        ("SELECT nothing", "sql_bind"),
        ("DROP TABLE totals", "sql_not_select"),
    ],
)
def test_anything_but_one_boolean_fails_for_good(stage: Stage, query, code):
    done = stage.run(CommandSpec(argv=("echo", "ran")), when=query)
    assert (done.task.state, done.attempts[0].error_code, done.log) == (TaskState.FAILED, code, "")
