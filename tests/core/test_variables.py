"""Variables: table 5.17, A44 to A46, and what substitution must never do."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.substitution import address, argument, body, header, parameters_in, path, sql
from mtctl.core.times import parse_instant
from mtctl.core.variables import INTERVAL_VARIABLES, SYSTEM_VARIABLES, rewrite_variables
from mtctl.core.workflow import (
    RefreshSpec,
    TaskKind,
    Variable,
    VariableKind,
    VariableType,
    WorkflowDefinition,
    WorkflowTask,
)
from mtctl.core.workflow_json import task_json, task_of
from mtctl.core.workflow_variables import (
    BUILT_IN,
    MOST_CHARACTERS,
    bound_values,
    fill,
    names_in,
    resolve,
    resolve_instance,
    task_types,
    task_values,
)

TEXT = VariableType.TEXT
HOSTILE = "'; DROP TABLE t; --"


def at(text: str, zone: str = "UTC") -> int:
    return parse_instant(text, zone, field="test")


def static(name: str, value: str, kind: VariableType = TEXT) -> Variable:
    return Variable(name=name, kind=VariableKind.STATIC, value=value, type=kind)


def time(name: str, pattern: str, offset: str = "", kind: VariableType = TEXT) -> Variable:
    return Variable(name=name, kind=VariableKind.TIME, value=pattern, offset=offset, type=kind)


def expression(name: str, value: str) -> Variable:
    return Variable(name=name, kind=VariableKind.EXPRESSION, value=value)


def values(*variables: Variable, task=(), fire="2025-11-26T02:00:00", zone="UTC", **params: str) -> dict[str, str]:
    instant = at(fire, zone)
    return resolve(
        variables, task, fire=instant, logical_date=instant - 86_400_000_000, zone=zone, params=params
    )  # fmt: skip


def refused(code: str, *variables: Variable, **params: str) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        values(*variables, **params)
    assert caught.value.code == code
    assert str(caught.value).isprintable()
    return caught.value


def test_every_variable_of_a_table_is_one_of_a_workflow():
    assert set(BUILT_IN) == {*INTERVAL_VARIABLES, *SYSTEM_VARIABLES}


@pytest.mark.parametrize(
    ("fire", "zone", "biz", "curdate", "datetime_"),
    [
        ("2025-11-26T02:00:00", "Asia/Shanghai", "20251125", "20251126", "20251126020000"),  # 5.17
        ("2024-03-01T00:00:00", "Asia/Shanghai", "20240229", "20240301", "20240301000000"),  # 5.17
        ("2025-01-01T00:30:00", "America/New_York", "20241231", "20250101", "20250101003000"),
        ("2025-03-30T03:00:00", "Europe/Berlin", "20250329", "20250330", "20250330030000"),
    ],
)
def test_system_variables_are_the_fire_in_the_zone(fire, zone, biz, curdate, datetime_):
    found = values(fire=fire, zone=zone)
    assert (found["system_biz_date"], found["system_biz_curdate"], found["system_datetime"]) == (
        biz, curdate, datetime_,
    )  # fmt: skip
    assert fill("${system.biz.date}/${ system_datetime }", found) == f"{biz}/{datetime_}"


def test_interval_variables_are_iso_texts_with_offset():
    found = resolve(
        (), (), fire=at("2025-03-31T02:00", "Europe/Berlin"), logical_date=at("2025-03-30T01:00", "Europe/Berlin"),
        zone="Europe/Berlin", params={},
    )  # fmt: skip
    assert found["interval_start"] == "2025-03-30T01:00:00+01:00"
    assert found["interval_end"] == "2025-03-31T02:00:00+02:00"
    assert found["logical_date"] == "2025-03-30"


@pytest.mark.parametrize(
    ("pattern", "offset", "fire", "expected"),
    [
        ("yyyyMMdd", "", "2025-11-26T02:00", "20251126"),
        ("yyyy-MM-dd HH:mm:ss", "", "2025-11-26T02:03:04", "2025-11-26 02:03:04"),
        ("yyyy/MM/dd", "-1 DAY", "2025-11-01T02:00", "2025/10/31"),
        ("yyyy-MM-dd", "-1 DAY", "2024-03-01T02:00", "2024-02-29"),
        ("yyyy-MM-dd", "+2 weeks", "2025-12-25T02:00", "2026-01-08"),
        ("yyyy-MM", "-1 MONTH", "2025-03-31T02:00", "2025-02"),
        ("yyyy-MM-dd", "-1 MONTH", "2025-03-31T02:00", "2025-02-28"),
        ("yyyy-MM-dd", "-1 MONTH", "2025-01-31T02:00", "2024-12-31"),
        ("yyyy-MM-dd", "1 YEAR", "2024-02-29T02:00", "2025-02-28"),
        ("HH:mm", "-30 MINUTE", "2025-11-26T00:10", "23:40"),
        ("yyyyMMdd'T'HH", "-2 HOUR", "2025-11-26T01:00", "20251125T23"),
    ],
)
def test_time_variables(pattern, offset, fire, expected):
    assert values(time("t", pattern, offset), fire=fire)["t"] == expected


def test_days_keep_the_wall_clock_and_hours_do_not():
    berlin = {"zone": "Europe/Berlin", "fire": "2025-03-31T02:30"}
    assert values(time("t", "dd HH:mm", "-1 DAY"), **berlin)["t"] == "30 03:00"  # 02:30 was skipped
    assert values(time("t", "dd HH:mm", "-24 HOUR"), **berlin)["t"] == "30 01:30"


@pytest.mark.parametrize("offset", ["-9999 YEAR", "999999 YEAR", "-999999 WEEK"])
def test_an_offset_that_leaves_the_calendar_is_refused(offset):
    refused("variable_time", time("t", "yyyy", offset))


def test_the_workflow_wins_over_the_tasks_default_and_a_parameter_over_both():
    task = (static("a", "task"), static("b", "task"), static("c", "task"))
    found = values(static("b", "flow"), static("c", "flow"), task=task, c="given")
    assert (found["a"], found["b"], found["c"]) == ("task", "flow", "given")


def test_expressions_are_put_together_from_others_in_any_order():
    found = values(expression("z", "${a}_${system.biz.date}"), expression("a", "<${b}>"), static("b", "x"))
    assert found["z"] == "<x>_20251125"


def test_a_parameter_is_data_and_cuts_a_circle():
    found = values(expression("a", "${b}"), expression("b", "${a}"), a="${b}")
    assert (found["a"], found["b"]) == ("${b}", "${b}")


def test_unknown_variables_and_parameters_are_refused():  # A44
    error = refused("variable_unknown", expression("a", "${sytem_datetime}"))
    assert error.details["did_you_mean"] == ["system_datetime"]
    error = refused("param_unknown", static("region", "x"), regoin="y")
    assert (error.kind, error.details["did_you_mean"]) == (Kind.USAGE, ["region"])
    refused("param_unknown", logical_date="2026-01-01")


def test_a_circle_is_refused_with_its_path():  # A44
    error = refused("variable_cycle", expression("a", "${b}"), expression("b", "${c}"), expression("c", "${a}"))
    assert "a → b → c → a" in error.what
    refused("variable_cycle", expression("a", "x${a}"))


@pytest.mark.parametrize("levels", [10, 30, 400])
def test_a_doubling_is_refused_before_it_is_made(levels):  # A44
    doubled = [expression(f"v{n}", f"${{v{n - 1}}}${{v{n - 1}}}") for n in range(1, levels)]
    refused("variable_size", static("v0", "x" * 1024), *doubled)


def test_all_values_together_are_bounded():
    refused("variable_size", *(static(f"v{n}", "x" * 1024) for n in range(MOST_CHARACTERS // 1024 + 1)))
    refused("variable_size", static("a", ""), a="x" * (MOST_CHARACTERS + 1))
    refused("variable_size", *(static(f"v{n}", "") for n in range(501)))


@pytest.mark.parametrize("text", ["${{7*7}}", "{{ ''.__class__ }}", "{x}", "$x", "${", "${}", "${a b}", "${7}", "$(x)"])
def test_what_is_no_variable_stays_text(text):  # A44
    assert fill(text, {"x": "!", "a": "!"}) == text
    assert values(expression("e", text))["e"] == text


def test_a_doubled_dollar_writes_a_variable_down():
    assert fill("$${x} ${x}", {"x": "1"}) == "${x} 1"
    assert names_in("$${x} ${y} ${y}") == ("y",)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (VariableType.DATE, HOSTILE), (VariableType.DATE, "2026-02-30"), (VariableType.DATE, "20260301"),
        (VariableType.DATE, "2026-W01-1"), (VariableType.INTEGER, "1.5"), (VariableType.INTEGER, "1_000"),
        (VariableType.INTEGER, "９"), (VariableType.INTEGER, str(2**63)), (VariableType.TIMESTAMP, "now"),
        (VariableType.TIMESTAMP, "2026-03-01T25:00"), (TEXT, "a\0b"),
    ],
)  # fmt: skip
def test_a_value_is_of_its_type(kind, value):  # A45
    example = {"date": "2026-03-01", "integer": "1", "timestamp": "2026-03-01 02:00", "text": ""}[kind]
    refused("variable_type", static("v", example, kind), v=value)


def test_a_hostile_text_is_bound_and_never_spliced():  # A45
    found = values(static("v", HOSTILE))
    statement = sql("SELECT ${v}, '${v}' -- ${v}\n, '$v', $v", found, {"v": TEXT})
    assert statement.text == "SELECT $v, $v -- ${v}\n, '$v', $v"
    assert statement.params == {"v": HOSTILE}


def test_values_are_bound_with_their_types():
    found = values(
        static("n", "+42", VariableType.INTEGER), static("d", "2026-03-01", VariableType.DATE),
        static("t", "2026-03-01T02:00:00+01:00", VariableType.TIMESTAMP), static("s", "7"),
    )  # fmt: skip
    types = {"n": VariableType.INTEGER, "d": VariableType.DATE, "t": VariableType.TIMESTAMP, **BUILT_IN}
    bound = bound_values(("n", "d", "t", "s", "interval_end", "logical_date"), found, types)
    assert bound == {
        "n": 42, "d": date(2026, 3, 1), "t": datetime(2026, 3, 1, 1, tzinfo=UTC), "s": "7",
        "interval_end": datetime(2025, 11, 26, 2, tzinfo=UTC), "logical_date": date(2025, 11, 25),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM ${v}", "SELECT 1 FROM a JOIN ${v} USING (x)", "INSERT INTO ${v} SELECT 1", "SELECT t.${v}",
        "SELECT ${v}.x FROM t", 'SELECT "${v}"', "UPDATE ${v} SET x = 1", "CREATE TABLE ${v} AS SELECT 1",
    ],
)  # fmt: skip
def test_a_value_is_never_a_name(text):  # A46
    with pytest.raises(MtctlError) as caught:
        sql(text, {"v": "t"}, {"v": TEXT})
    assert caught.value.code == "variable_identifier"
    assert sql(text, {"v": "t"}, {"v": VariableType.IDENTIFIER}).text == text.replace('"${v}"', "${v}").replace(
        "${v}", '"t"'
    )


@pytest.mark.parametrize("value", ['t"; DROP TABLE x; --', "a.b", "", "a b", "1a", "x" * 64])
def test_an_identifier_is_one(value):  # A46
    refused("variable_identifier", static("v", "t", VariableType.IDENTIFIER), v=value)
    with pytest.raises(MtctlError):
        sql("SELECT * FROM ${v}", {"v": value}, {"v": VariableType.IDENTIFIER})


@pytest.mark.parametrize(
    "text",
    ["SELECT a IS DISTINCT FROM ${v}", "SELECT extract(year FROM ${v})", "SELECT trim(both FROM ${v})"],
)
def test_from_is_not_always_a_table(text):
    assert sql(text, {"v": "x"}, {"v": TEXT}).text == text.replace("${v}", "$v")


def test_a_variable_inside_a_text_is_refused():
    with pytest.raises(MtctlError) as caught:
        sql("SELECT 'a ${v} b'", {"v": "x"}, {"v": TEXT})
    assert caught.value.code == "variable_in_text"
    assert sql("SELECT 'a ${other} b ${{7*7}}'", {"v": "x"}, {}).text == "SELECT 'a ${other} b ${{7*7}}'"


def test_tables_keep_their_own_variables_only():
    assert (
        rewrite_variables("SELECT ${system.biz.date}, '${interval_start}'")
        == "SELECT $system_biz_date, $interval_start"
    )
    for text, code in (
        ("SELECT ${x}", "variable_unknown"), ("SELECT '${x}'", "variable_unknown"),
        ("SELECT 'a${system.biz.dat}'", "variable_in_text"), ('SELECT "${x}"', ""),
    ):  # fmt: skip
        if not code:
            assert rewrite_variables(text) == text
            continue
        with pytest.raises(MtctlError) as caught:
            rewrite_variables(text)
        assert caught.value.code == code


def test_parameters_are_found_outside_of_texts_and_comments():
    text = "SELECT $a, '$b', \"$c\", $$ $d $$, $x$ $e $x$, -- $f\n /* $g */ $h, $a, $1"
    assert parameters_in(text) == ("a", "h")


@pytest.mark.parametrize("value", ["a/b", "..", "a\\b", "a\0b", "a\nb", ".", ""])
def test_a_value_in_a_path_is_a_part_of_one_name(value):
    with pytest.raises(MtctlError) as caught:
        path("out/${v}", {"v": value})
    assert caught.value.code == "variable_path"


def test_paths_headers_and_addresses():
    assert path("out/day=${v}/x.csv", {"v": "2026-03-01"}) == "out/day=2026-03-01/x.csv"
    assert address("https://h/${v}?q=${v}", {"v": "a/b&c=ü ?#"}) == "https://h/{0}?q={0}".format(
        "a%2Fb%26c%3D%C3%BC%20%3F%23"
    )
    assert header("Bearer ${v}", {"v": "x"}) == "Bearer x"
    with pytest.raises(MtctlError) as caught:
        header("Bearer ${v}", {"v": "x\r\nEvil: 1"})
    assert caught.value.code == "http_header"
    with pytest.raises(MtctlError):
        argument("${v}", {"v": "a\0b"})


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_json_stays_json_whatever_the_value(value):
    text = '{"a": "x ${v} y", "${v}": [1, "${v}"]}'
    found = json.loads(body(text, "application/json; charset=utf-8", {"v": value}))
    assert found["a"] == f"x {value} y"
    assert list(found) == ["a", value] or value == "a"
    assert body(text, "", {"v": value}) == body(text, "application/json", {"v": value})


@pytest.mark.parametrize(
    ("value", "right"), [("1", True), ("-1.5e3", True), ("null", True), ('1, "x": 2', False), ("", False)]
)
def test_bare_json_takes_only_a_plain_value(value, right):
    if right:
        assert body('{"n": ${v}}', "application/json", {"v": value}) == f'{{"n": {value}}}'
        return
    with pytest.raises(MtctlError) as caught:
        body('{"n": ${v}}', "application/json", {"v": value})
    assert caught.value.code == "variable_json"


def test_other_bodies():
    assert body("a=${v}&b=1", "application/x-www-form-urlencoded", {"v": "x&y=z"}) == "a=x%26y%3Dz&b=1"
    assert body("day ${v}!", "text/plain", {"v": '"x"'}) == 'day "x"!'


@given(st.text(max_size=40))
def test_a_value_is_looked_at_once(value):
    assert fill("<${v}>", {"v": value}) == f"<{value}>"
    assert argument("${v}${v}", {"v": value.replace("\0", "")}) == value.replace("\0", "") * 2


def test_an_instance_keeps_values_types_and_the_defaults_of_each_task():
    tasks = tuple(
        WorkflowTask(
            name=name, kind=TaskKind.REFRESH, spec=RefreshSpec(table="t"),
            variables=(static("own", name), static("region", "task")),
        )
        for name in ("one", "two")
    )  # fmt: skip
    definition = WorkflowDefinition(
        name="w", tasks=tasks, zone="UTC",
        variables=(static("region", "flow"), time("day", "yyyy-MM-dd", "-1 DAY", VariableType.DATE)),
    )  # fmt: skip
    fire = at("2026-03-02T02:00")
    stored, frozen = resolve_instance(definition, fire=fire, logical_date=fire, params={"own": "given"})
    assert (stored["region"], stored["day"], "own" in stored) == ("flow", "2026-03-01", False)
    again = task_of(json.loads(json.dumps(task_json(frozen[1]))))
    assert again == frozen[1]
    assert task_values(again, stored) == {**stored, "own": "given"}
    assert task_types(again)["day"] is VariableType.DATE

    _, untold = resolve_instance(definition, fire=fire, logical_date=fire, params={})
    assert [task_values(task, stored)["own"] for task in untold] == ["one", "two"]
    with pytest.raises(MtctlError) as caught:
        resolve_instance(definition, fire=fire, logical_date=fire, params={"onw": "x"})
    assert caught.value.code == "param_unknown"
