from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_samples import (
    DETAIL,
    DROP,
    FRESH,
    GC,
    INSTANCE,
    NEW,
    PARTITIONS,
    SAME,
    STATUS,
    STEP,
    VERIFY_CLEAN,
    VERIFY_RED,
    FakeProject,
    plan_of,
    report,
    result,
    rows_of,
)

from mtctl.core.errors import Kind, MtctlError, invalid, not_found
from mtctl.core.values import replace
from mtctl.services.reports import Applied, ApplyPlan, RefreshArgs, TaskEvent


def given(**answers: Any) -> FakeProject:
    return FakeProject(answers=answers)


def asked(project: FakeProject, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    return [(args, named) for what, args, named in project.asked if what == name]


def test_status_passes_its_names_and_the_folder(call, tmp_path: Path) -> None:
    project = given(status=STATUS)
    called = call("-C", str(tmp_path), "status", "flights*", "delay*", project=project)
    assert called.code == 0
    assert asked(project, "open_app") == [((tmp_path,), {})]
    assert asked(project, "status") == [((("flights*", "delay*"),), {})]


@pytest.mark.parametrize("words", ["-o json status", "status -o json", "-o csv status -ojson"])
def test_global_options_stand_before_or_behind_the_command_and_the_last_wins(call, words: str) -> None:
    called = call(*words.split(), project=given(status=STATUS))
    assert json.loads(called.out)["data"][0]["table"] == "flights_daily"


def test_status_check_is_1_when_a_table_is_not_fresh_or_a_source_not_as_it_was_read(call) -> None:
    well = replace(STATUS, tables=(FRESH,), changed_sources=())
    assert call("status", "--check", project=given(status=STATUS)).code == 1
    assert call("status", "--check", project=given(status=well)).code == 0
    assert call("status", "--check", project=given(status=replace(well, changed_sources=("a.csv",)))).code == 1
    assert call("status", project=given(status=STATUS)).code == 0


def test_plan_shows_each_change_and_exit_code_10_only_on_request(call) -> None:
    project = given(plan=plan_of(NEW, SAME))
    called = call("plan", "--prune", "--rebuild", "a", "--rebuild", "b", project=project)
    assert asked(project, "plan") == [((), {"prune": True, "rebuild": ("a", "b"), "require_disabled": False})]
    assert called.code == 0
    assert called.out.splitlines()[0] == "+ top is new (tables/top.sql)"
    assert "flights_daily" not in called.out
    assert call("plan", "--exit-code", project=given(plan=plan_of(NEW))).code == 10
    assert call("plan", "--exit-code", project=given(plan=plan_of(SAME))).code == 0


def test_problems_of_a_plan_are_told_one_by_one_and_exit_7(call) -> None:
    problems = (invalid("ddl_syntax", "expected AS", where="a.sql:1:2"), invalid("cycle", "a → b → a"))
    project = given(plan=ApplyPlan(changes=(), problems=problems, pending=False))
    for words in (["plan"], ["apply"], ["apply", "--dry-run"], ["up", "--once"]):
        called = call(*words, project=project)
        assert called.code == 7
        assert [line.split(":")[0] for line in called.err.splitlines()] == [
            "error[ddl_syntax]", "error[cycle]", "error[definitions_invalid]",
        ]  # fmt: skip
    assert asked(project, "apply") == []


def test_one_problem_is_the_error_itself(call) -> None:
    problem = invalid("ddl_syntax", "expected AS", where="a.sql:1:2", excerpt="SELECT\n^")
    called = call("plan", project=given(plan=ApplyPlan(changes=(), problems=(problem,), pending=False)))
    assert (called.code, called.err) == (7, "error[ddl_syntax]: expected AS – a.sql:1:2\n  SELECT\n  ^\n")


def test_apply_applies_the_plan_that_it_made(call) -> None:
    plan = plan_of(NEW)
    project = given(plan=plan, apply=Applied(changes=(NEW,), seconds=0.2))
    called = call("apply", project=project)
    assert asked(project, "apply") == [((plan,), {})]
    assert called.out == "+ top created (tables/top.sql)\napplied in 0.20 s\n"


def test_apply_dry_run_changes_nothing(call) -> None:
    project = given(plan=plan_of(NEW, DROP))
    assert call("apply", "--prune", "--dry-run", project=project).code == 0
    assert asked(project, "apply") == []


def test_dropping_without_a_terminal_needs_yes_and_names_the_command(call) -> None:
    project = given(plan=plan_of(DROP), apply=Applied(changes=(DROP,), seconds=0.2))
    called = call("apply", "--prune", project=project)
    assert called.code == 2
    assert called.err.endswith("– mtctl apply --prune --yes\n")
    assert asked(project, "apply") == []
    assert call("apply", "--prune", "--yes", project=project).code == 0
    assert len(asked(project, "apply")) == 1


def test_table_drop_asks_likewise(call) -> None:
    project = given(status=STATUS, drop_tables=Applied(changes=(DROP,), seconds=0.1))
    called = call("table", "drop", "flights_daily", project=project)
    assert (called.code, asked(project, "drop_tables")) == (2, [])
    assert called.err.endswith("– mtctl table drop flights_daily --yes\n")
    assert call("table", "drop", "flights_daily", "--yes", project=project).code == 0
    assert asked(project, "drop_tables") == [((("flights_daily",),), {"if_exists": False})]


def test_table_drop_of_an_unknown_table_is_3_unless_if_exists(call) -> None:
    project = given(status=STATUS)
    called = call("table", "drop", "flights_dayly", "--yes", project=project)
    assert called.code == 3
    assert "did you mean 'flights_daily'?" in called.err
    assert call("table", "drop", "nosuch", "--if-exists", project=project).out == "nothing to drop\n"


def test_table_drop_dry_run_only_says(call) -> None:
    project = given(status=STATUS)
    called = call("table", "drop", "flights_daily", "-n", project=project)
    assert (called.code, called.out) == (0, "would drop flights_daily and its data\n")


def test_every_option_of_refresh_reaches_the_service(call) -> None:
    project = given(refresh=report(result("a", "success")))
    words = "+a b+ --interval 2013-01 --interval 2013-03-01/2013-03-04 --upstream --downstream --force --batch 7"
    assert call("refresh", *words.split(), "--strict", project=project).code == 0
    (((args,), _),) = asked(project, "refresh")
    assert args == RefreshArgs(
        selectors=("+a", "b+"), intervals=("2013-01", "2013-03-01/2013-03-04"), upstream=True, downstream=True,
        force=True, batch=7, strict=True,
    )  # fmt: skip


def test_range_and_partition_words_reach_the_service(call) -> None:
    project = given(refresh=report())
    call("refresh", "--all", "--from", "2013-01-01", "--to", "2013-02-01", "--detach", project=project)
    call("refresh", "a", "--partition", "day=2013-01-01", "--partition", "hour=05=x", "--dry-run", project=project)
    first, second = (args[0] for args, _ in asked(project, "refresh"))
    assert (first.everything, first.start, first.end, first.detach) == (True, "2013-01-01", "2013-02-01", True)
    assert (second.partition, second.dry_run) == ((("day", "2013-01-01"), ("hour", "05=x")), True)


def test_a_refresh_ends_with_a_summary(call) -> None:
    called = call("refresh", "--all", project=given(refresh=report(result("a", "success"), result("b", "success"))))
    assert called.code == 0
    assert called.out == (
        "TABLE  STATE      INTERVALS  ROWS  SECONDS\n"
        "a      ✔ success          3    30     0.25\n"
        "b      ✔ success          3    30     0.25\n"
        "\n"
        "2 tables, 6 intervals, 60 rows in 1.50 s\n"
    )


def test_a_refresh_with_nothing_to_do_says_so(call) -> None:
    called = call("refresh", "--all", project=given(refresh=report()))
    assert (called.code, called.out) == (0, "nothing to do: everything asked for is fresh\n")


def test_tables_that_were_fresh_are_no_work(call) -> None:
    called = call("refresh", "--all", project=given(refresh=report(result("a", "up_to_date"))))
    assert (called.code, called.out) == (0, "nothing to do: everything asked for is fresh (1 table)\n")


def test_a_partial_refresh_is_5_and_tells_each_failure(call) -> None:
    failure = result("b", "failed", error="no such column", code="sql_bind")
    project = given(refresh=report(result("a", "success"), failure))
    called = call("refresh", "--all", "-o", "json", project=project)
    assert called.code == 5
    assert json.loads(called.out)["data"][1]["error"] == "no such column"
    error = json.loads(called.err)["error"]
    assert (error["code"], error["table"], error["exit"]) == ("sql_bind", "b", 5)


def test_an_upstream_that_is_not_ready_is_4(call) -> None:
    called = call("refresh", "a", project=given(refresh=report(not_ready=("a 2013-01-01: needs b",))))
    assert called.code == 4
    assert "error[upstream_not_ready]: a 2013-01-01: needs b – refresh them too with --upstream" in called.err


def test_an_interrupted_refresh_is_130(call) -> None:
    assert call("refresh", "a", project=given(refresh=report(interrupted=True))).code == 130


def test_a_dry_run_shows_the_batches(call) -> None:
    project = given(refresh=replace(report(), plan=(STEP,), instance=None, state=None))
    called = call("refresh", "--all", "-n", "-o", "ndjson", project=project)
    assert json.loads(called.out) == {
        "kind": "step", "table": "flights_daily", "interval": "2013-01-01..2013-01-31", "intervals": 31,
        "reasons": ["missing 31"], "after": [],
    }  # fmt: skip


def test_progress_is_a_line_for_each_ended_task_on_stderr_and_none_when_quiet(call) -> None:
    project = given(refresh=report(result("a", "success")))
    project.events = (
        TaskEvent(kind="claimed", table="a", interval="2013-01", intervals=31, done=0, total=31),
        TaskEvent(kind="progress", table="a", interval="2013-01", intervals=31, done=0, total=31, percent=50.0),
        TaskEvent(kind="success", table="a", interval="2013-01", intervals=31, done=31, total=31, rows=9, seconds=0.5),
        TaskEvent(kind="waiting", table="b", interval="", intervals=0, done=31, total=31, detail="for pid 7"),
    )
    called = call("refresh", "--all", "-o", "csv", project=project)
    assert called.err == "✔ success  a  2013-01  31 intervals, 9 rows, 0.50 s\nwaiting  b  for pid 7\n"
    assert called.out.startswith("kind,table,state")
    assert call("refresh", "--all", "-q", project=project).err == ""


def test_up_once_applies_and_refreshes(call) -> None:
    plan = plan_of(NEW)
    project = given(plan=plan, apply=Applied(changes=(NEW,), seconds=0.1), refresh=report(result("top", "success")))
    called = call("up", "--once", project=project)
    assert [what for what, *_ in project.asked] == ["open_app", "plan", "apply", "up_once"]
    assert asked(project, "apply") == [((plan,), {})]
    assert "+ top created" in called.err
    assert (called.code, called.out.splitlines()[-1]) == (0, "1 table, 3 intervals, 30 rows in 1.50 s")


def test_up_once_may_leave_the_definitions_alone(call) -> None:
    project = given(refresh=report(result("top", "success")))
    call("up", "--once", "--no-apply", project=project)
    assert [what for what, *_ in project.asked] == ["open_app", "up_once"]


def test_query_streams_in_the_asked_format(call) -> None:
    project = given(query=rows_of([["1"]], ("n",), ("BIGINT",)))
    called = call("query", "SELECT 1 AS n", "--limit", "3", "-o", "csv", project=project)
    assert called.out == "n\r\n1\r\n"
    assert asked(project, "query") == [(("SELECT 1 AS n", 3), {})]


def test_attach_prints_the_statement_alone(call) -> None:
    called = call("attach", project=given(attach_statement="ATTACH 'x' AS lake;"))
    assert (called.code, called.err) == (0, "")
    assert called.out.splitlines()[-1] == "ATTACH 'x' AS lake;"
    assert all(line.startswith("LOAD '") for line in called.out.splitlines()[:-1])


def test_verify_is_1_when_it_finds_something(call) -> None:
    assert call("verify", project=given(verify=VERIFY_CLEAN)).code == 0
    called = call("verify", project=given(verify=VERIFY_RED))
    assert called.code == 1
    assert "2013-02-03" in called.out


@pytest.mark.parametrize(("grace", "seconds"), [("0", 0.0), ("1h", 3600.0), ("90 minutes", 5400.0)])
def test_gc_reads_its_grace(call, grace: str, seconds: float) -> None:
    project = given(gc=GC)
    called = call("lake", "gc", "--grace", grace, "--dry-run", project=project)
    assert called.code == 0
    assert asked(project, "gc") == [((), {"grace_seconds": seconds, "dry_run": True})]


def test_table_show_and_partitions(call) -> None:
    project = given(show=DETAIL, partitions=PARTITIONS)
    called = call("table", "show", "flights_daily", project=project)
    assert "CREATE MATERIALIZED TABLE flights_daily AS" in called.out
    assert "DECIMAL(38,0)" in called.out
    called = call("table", "partitions", "flights_daily", "--stale", "--limit", "1", project=project)
    assert asked(project, "partitions") == [(("flights_daily",), {"missing": False, "stale": True})]
    assert called.err == "warning: 1 more interval (use --limit)\n"


def test_table_create_reads_the_file_or_stdin(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    file = tmp_path / "t.sql"
    file.write_text("CREATE …", encoding="utf-8")
    project = given(create_table=Applied(changes=(NEW,), seconds=0.1))
    assert call("table", "create", "-f", str(file), project=project).code == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from stdin")))
    assert call("table", "create", "-f", "-", project=project).code == 0
    assert [args for args, _ in asked(project, "create_table")] == [
        ("CREATE …", str(file)), ("from stdin", "<stdin>"),
    ]  # fmt: skip
    assert call("table", "create", "-f", str(tmp_path / "no.sql"), project=project).code == 3


def test_instance_list_passes_its_filters(call) -> None:
    project = given(instances=[INSTANCE])
    called = call("instance", "list", "--state", "failed", "--table", "t", "--limit", "5", project=project)
    [(_, words)] = asked(project, "instances")
    assert {name: value for name, value in words.items() if value is not None} == {
        "limit": 5, "state": "failed", "table": "t"
    }  # fmt: skip
    assert INSTANCE.ulid in called.out


@pytest.mark.parametrize("ident", ["01ZZZ", "' OR 1=1--", "\x1b[31m"])
def test_an_unknown_id_is_3_in_one_clean_line(call, ident: str) -> None:
    error = not_found("instance_unknown", f"there is no instance '{ident}'")
    called = call("instance", "show", ident, project=given(instance=error))
    assert (called.code, called.err.count("\n")) == (3, 1)
    assert "\x1b" not in called.err


def test_a_bug_is_70_with_a_crash_file_and_no_traceback(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".mtctl").mkdir()
    project = given(status=ZeroDivisionError("oh"))
    called = call("status", project=project)
    assert called.code == 70
    assert called.err.count("\n") == 1
    assert called.err.startswith("error[internal]: mtctl made a mistake: ZeroDivisionError: oh – ")
    (crash,) = (tmp_path / ".mtctl").glob("mtctl-crash-*.txt")
    assert "ZeroDivisionError" in crash.read_text(encoding="utf-8")
    assert "Traceback" in call("status", "--debug", project=project).err


@pytest.mark.parametrize(("kind", "code"), [(Kind.ENGINE, 8), (Kind.STATE, 9), (Kind.BUSY, 75), (Kind.TIMEOUT, 6)])
def test_an_error_of_a_service_has_the_exit_code_of_its_kind(call, kind: Kind, code: int) -> None:
    called = call("status", "-o", "json", project=given(status=MtctlError("x", "y", kind=kind)))
    assert (called.code, called.out) == (code, "")
    assert json.loads(called.err)["error"]["exit"] == code


def test_init_says_what_to_do_next(call) -> None:
    project = given()
    called = call("init", "shop", "--example", project=project)
    assert asked(project, "init_project") == [((Path("shop"),), {"name": None, "example": True})]
    assert "mtctl -C shop up --once" in called.out


def test_the_version_is_printed_with_other_options_too(call) -> None:
    assert call("-q", "-V").out.startswith("mtctl ")
