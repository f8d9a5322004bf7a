from __future__ import annotations

import tomllib

import pytest

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.workflow import (
    RETRIES,
    TIMEOUT,
    CommandSpec,
    DependsOn,
    Export,
    HttpSpec,
    NoticeRule,
    Occasion,
    Overlap,
    RefreshSpec,
    SqlSpec,
    TaskKind,
    priority_of,
    queue_of,
    retries_of,
    timeout_of,
)
from mtctl.core.workflow_file import check_tasks, read_workflow

HOUR = 3_600_000_000
CIRCLE = """
[[tasks]]
table = "a"
upstream = ["c"]
[[tasks]]
table = "b"
upstream = ["a"]
[[tasks]]
table = "c"
upstream = ["b"]
"""
TASK = '[[tasks]]\nname = "a"\ntable = "t"\n'


def read(text: str, **given: str):
    return read_workflow(tomllib.loads(text), **{"name": "x", "file": "workflows/x.toml", "zone": "UTC"} | given)


def refused(text: str) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        read(text)
    assert caught.value.kind is Kind.INVALID
    assert str(caught.value).isprintable()
    assert caught.value.fix
    return caught.value


def one_task(keys: str, top: str = ""):
    return read(f'{top}\n[[tasks]]\nname = "a"\n{keys}').tasks[0]


def test_a_file_with_every_key_becomes_its_definition():
    found = read(
        """
        name = "nightly"
        comment = "loads and refreshes"
        enabled = false
        schedule = "0 2 * * *"
        dialect = "cron"
        dst = "wall"
        time_zone = "Europe/Berlin"
        start = 2026-01-01
        end = "2027-01-01T00:00"
        jitter = "5m"
        blackout = ["2026-12-24..2026-12-26", "SAT,SUN"]
        misfire = "all"
        misfire_window = "2 days"
        misfire_cap = 7
        overlap = "skip"
        retries = 4
        timeout = "2h"
        queue = "night"
        priority = -3
        tags = {team = "ops"}
        max_parallel = 2
        depends_on = ["before"]
        notify = [{channel = "ops", on = ["failure", "late"]}, {channel = "mail"}]
        settings = {execution.parallelism = 4, "execution.memory" = "2g", execution.attached = true}
        [variables.day]
        time = "yyyyMMdd"
        offset = "-1 DAY"
        [variables.name]
        expression = "out_${day}"
        [variables]
        region = "eu"

        [[tasks]]
        name = "load"
        command = ["./load.sh", "${day}"]
        env = {REGION = "${region}"}
        inherit = ["SSH_AUTH_SOCK"]
        folder = "bin"
        ok = [0, 3]
        transient = 75
        retry_lost = false

        [[tasks]]
        table = "main.flights"
        upstream = ["load"]
        max_rows = 1000
        retries = 0
        timeout = "0"
        queue = "big"
        priority = 5

        [[tasks]]
        name = "export"
        upstream = ["flights"]
        when = "SELECT count(*) > 0 FROM flights"
        [[tasks.sql.exports]]
        query = "SELECT * FROM flights WHERE day = ${day}"
        path = "out/${name}.csv"

        [[tasks]]
        name = "tell"
        upstream = ["export"]
        http = {method = "post", url = "https://example.org/hook?d=${day}", body = {day = "${day}"}, ok = [200, 204]}
        """.replace("\n        ", "\n").replace("[variables]\nregion", "[variables.region]\nvalue")
    )
    assert (found.name, found.zone, found.enabled, found.comment) == (
        "nightly", "Europe/Berlin", False, "loads and refreshes",
    )  # fmt: skip
    assert found.schedule is not None
    assert found.schedule.start == 1_767_222_000_000_000  # midnight in Berlin
    assert (found.schedule.jitter, len(found.schedule.blackout), found.schedule.dst) == (5 * 60_000_000, 2, "wall")
    assert found.misfire == MisfirePolicy(kind=Misfire.ALL, window=48 * HOUR, cap=7)
    assert (found.overlap, found.retries, found.timeout, found.queue) == (Overlap.SKIP, 4, 2 * HOUR, "night")
    assert (found.priority, found.max_parallel, found.depends_on) == (-3, 2, (DependsOn(workflow="before"),))
    assert found.notify == (
        NoticeRule(channel="ops", on=(Occasion.FAILURE, Occasion.LATE)),
        NoticeRule(channel="mail", on=(Occasion.FAILURE,)),
    )
    assert found.settings == (
        ("execution.parallelism", "4"), ("execution.attached", "true"), ("execution.memory", "2g"),
    )  # fmt: skip
    load, flights, export, tell = found.tasks
    assert load.spec == CommandSpec(
        argv=("./load.sh", "${day}"), env=(("REGION", "${region}"),), inherit=("SSH_AUTH_SOCK",), folder="bin",
        ok=(0, 3), transient=(75,),
    )  # fmt: skip
    assert not load.retry_lost
    assert (flights.name, flights.spec, flights.upstream) == ("flights", RefreshSpec(table="flights"), ("load",))
    assert (flights.retries, flights.timeout, flights.max_rows) == (0, 0, 1000)
    assert export.spec == SqlSpec(
        exports=(Export(query="SELECT * FROM flights WHERE day = ${day}", path="out/${name}.csv", format="csv"),)
    )
    assert tell.spec == HttpSpec(
        method="POST", url="https://example.org/hook?d=${day}", body='{"day": "${day}"}', ok=(200, 204),
        headers=(("Content-Type", "application/json"),),
    )  # fmt: skip


def test_the_least_file_has_the_defaults():
    found = read(TASK)
    assert (found.name, found.schedule, found.misfire, found.zone) == ("x", None, None, "UTC")
    assert (found.retries, found.timeout, found.queue, found.priority) == (RETRIES, TIMEOUT, "default", 0)
    assert (found.overlap, found.enabled, found.max_parallel) == (Overlap.QUEUE_ONE, True, None)
    assert read(f'schedule = "@daily"\n{TASK}').misfire == MisfirePolicy(kind=Misfire.LATEST)


def test_what_a_task_names_wins_over_its_workflow():  # 5.17: task retries unset / set
    workflow = read(
        'retries = 5\ntimeout = "0"\nqueue = "q"\npriority = 3\n[[tasks]]\ntable = "a"\n'
        '[[tasks]]\ntable = "b"\nretries = 0\ntimeout = "1h"\nqueue = "r"\npriority = -1\n'
    )
    first, second = workflow.tasks
    assert [retries_of(workflow, task) for task in (first, second)] == [5, 0]
    assert [timeout_of(workflow, task) for task in (first, second)] == [None, HOUR]
    assert [queue_of(workflow, task) for task in (first, second)] == ["q", "r"]
    assert [priority_of(workflow, task) for task in (first, second)] == [3, -1]


@pytest.mark.parametrize(
    ("keys", "code", "place"),
    [
        # A22, A25, A26: types and ranges
        ("retries = -1", "workflow_value", "retries"),
        ("retries = 1000000", "workflow_value", "retries"),
        ("retries = 1e6", "workflow_value", "retries"),
        ("retries = inf", "workflow_value", "retries"),
        ("retries = nan", "workflow_value", "retries"),
        ("retries = true", "workflow_value", "retries"),
        ('retries = "3"', "workflow_value", "retries"),
        ("retries = 9223372036854775807", "workflow_value", "retries"),
        ('priority = "high"', "workflow_value", "priority"),
        ("priority = 20", "workflow_value", "priority"),
        ("priority = -21", "workflow_value", "priority"),
        ("timeout = 0", "workflow_value", "timeout"),
        ("timeout = 3600", "workflow_value", "timeout"),
        ('timeout = "-5m"', "duration", "timeout"),
        ('timeout = "1e9d"', "duration", "timeout"),
        ('timeout = "5"', "duration", "timeout"),
        ('timeout = "400 days"', "workflow_value", "timeout"),
        ('queue = ""', "workflow_value", "queue"),
        ('queue = "a b"', "workflow_name", "queue"),
        ("tags = {team = 1}", "workflow_value", "tags.team"),
        ('tags = {"a b" = "x"}', "workflow_value", "tags.a b"),
        ("notify = [{channel = 'ops', on = ['failed']}]", "workflow_value", "notify[1].on"),
        ("notify = [{on = ['failure']}]", "workflow_value", "notify[1].channel"),
        ("notify = ['ops']", "workflow_value", "notify[1]"),
        ("settings = {execution.parallelism = 0}", "setting_value", "settings"),
        ('settings = {"execution.memory" = "much"}', "setting_value", "settings"),
        ("retrys = 3", "key_unknown", "retrys"),  # A27
        ('"" = 3', "key_unknown", ""),
    ],
)
@pytest.mark.parametrize("level", ["workflow", "task"])
def test_wrong_values_name_the_key(keys, code, place, level):
    text = f"{keys}\n{TASK}" if level == "workflow" else f"{TASK}{keys}"
    error = refused(text)
    assert error.code == code
    prefix = "" if level == "workflow" else "tasks[1]."
    assert error.where == f"workflows/x.toml: {prefix}{place}".rstrip(". ") or code == "key_unknown"


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("enabled = 1", "workflow_value"),
        ('enabled = "yes"', "workflow_value"),
        ('schedule = "every 0 minutes"', "duration"),
        ('schedule = "60 * * * *"', "schedule"),
        ('schedule = "0 0 */4 ? * *"\ndialect = "cron"', "schedule"),
        ('schedule = "@daily"\ndialect = "Cron"', "workflow_value"),
        ('schedule = "@daily"\ndst = "none"', "workflow_value"),
        ('schedule = "@daily"\nstart = "2026-02-30"', "time_parse"),  # A18
        ('schedule = "@daily"\nstart = "yesterdayish"', "time_parse"),
        ('schedule = "0 2 * * *"\ntime_zone = "America/New_York"\nstart = "2024-11-03T01:30"', "time_ambiguous"),  # A16
        ('schedule = "0 2 * * *"\ntime_zone = "America/New_York"\nstart = 2024-11-03T01:30:00', "time_ambiguous"),
        ('schedule = "0 2 * * *"\ntime_zone = "America/New_York"\nstart = "2024-03-10T02:30"', "time_nonexistent"),
        ('schedule = "@daily"\nstart = "2026-02-02"\nend = "2026-02-01"', "workflow_value"),
        ('schedule = "@daily"\njitter = "-5m"', "duration"),
        ('schedule = "@daily"\nblackout = "SAT"', "workflow_value"),
        ('schedule = "@daily"\nblackout = ["tomorrow"]', "blackout"),
        ('schedule = "@daily"\nmisfire = "some"', "workflow_value"),
        ('schedule = "@daily"\nmisfire_cap = 0', "workflow_value"),
        ('misfire = "all"', "workflow_value"),
        ('start = "2026-01-01"', "workflow_value"),
        ('time_zone = "Mars/Base"', "time_zone_unknown"),
        ('time_zone = "local"', "time_zone_local"),
        ('overlap = "never"', "workflow_value"),
        ("max_parallel = 0", "workflow_value"),
        ('depends_on = "y"', "workflow_value"),
        ('depends_on = ["x"]', "workflow_value"),
        ('depends_on = ["y", "y"]', "workflow_value"),
        ('name = "../../etc/passwd"', "workflow_name"),
        ('name = "-rf"', "workflow_name"),
        ('name = "a\\u202eb"', "workflow_name"),
        ('name = "a\\u0000b"', "workflow_value"),  # A24
        (f'name = "{"x" * 101}"', "workflow_name"),
    ],
)
def test_wrong_keys_of_the_workflow(keys, code):
    assert refused(f"{keys}\n{TASK}").code == code


@pytest.mark.parametrize(
    ("tasks", "code", "said"),
    [
        # A61
        ('[[tasks]]\ntable = "a"\nupstream = ["b"]', "task_unknown", "'b'"),
        (
            '[[tasks]]\ntable = "load"\n[[tasks]]\ntable = "b"\nupstream = ["laod"]',
            "task_unknown",
            "did you mean 'load'",
        ),
        ('[[tasks]]\ntable = "a"\nupstream = ["a"]', "task_self", "waits for itself"),
        (
            '[[tasks]]\nname = "a"\ntable = "t"\n[[tasks]]\nname = "a"\ntable = "u"',
            "task_duplicate",
            "tasks[1] and tasks[2]",
        ),
        (
            '[[tasks]]\nname = "a"\ntable = "t"\n[[tasks]]\nname = "A"\ntable = "u"',
            "task_duplicate",
            "tasks[1] and tasks[2]",
        ),
        (
            CIRCLE,
            "cycle",
            "a → c → b → a",
        ),
        ('[[tasks]]\ntable = "a"\nupstream = ["b", "b"]\n[[tasks]]\ntable = "b"', "workflow_value", "'b' twice"),
        ('[[tasks]]\ntable = "a"\nupstream = "b"', "workflow_value", "not a list"),
        ('[[tasks]]\nname = "a"', "task_kind", "does nothing"),
        ('[[tasks]]\nname = "a"\ntable = "t"\ncommand = ["x"]', "task_kind", "table and command"),
        ('[[tasks]]\ncommand = ["x"]', "workflow_value", "name"),
        ('[[tasks]]\nname = "a/b"\ntable = "t"', "workflow_name", "a/b"),
        ('[[tasks]]\ntable = "a b"', "identifier", "a b"),
        ('[[tasks]]\ntable = "t"\nshell = true', "workflow_value", "belongs to a command"),
        ('[[tasks]]\nname = "a"\ncommand = ["x"]\nmax_rows = 3', "workflow_value", "belongs to a refresh"),
        ("tasks = []", "workflow_value", "missing"),
        ("tasks = [1]", "workflow_value", "not a table"),
        ("tasks = {}", "workflow_value", "not a list"),
        ("", "workflow_value", "missing"),
    ],
)
def test_wrong_tasks(tasks, code, said):
    error = refused(tasks)
    assert error.code == code
    assert said in str(error)


def test_circles_and_doublings_of_variables_are_found_when_the_file_is_read():  # A44
    circle = refused('[variables]\na = {expression = "${b}"}\nb = {expression = "${a}"}\n' + TASK)
    assert (circle.code, circle.where) == ("variable_cycle", "workflows/x.toml: variables")
    doubling = '[variables]\nv0 = "' + "x" * 1000 + '"\n'
    doubling += "".join(f'v{at} = {{expression = "${{v{at - 1}}}${{v{at - 1}}}"}}\n' for at in range(1, 40))
    assert refused(doubling + TASK).code == "variable_size"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('a = {value = "1", time = "yyyy"}', "variable_kind"),
        ("a = {}", "variable_kind"),
        ('a = "${b}"', "variable_static"),
        ('a = {time = "YYYY"}', "date_formatter"),
        ('a = {time = "yyyy", offset = "yesterday"}', "variable_offset"),
        ('a = {value = "x", offset = "-1 DAY"}', "workflow_value"),
        ('a = {value = "x", type = "int"}', "workflow_value"),
        ('a = {value = "x", type = "integer"}', "variable_type"),
        ('a = {value = "; DROP TABLE t", type = "date"}', "variable_type"),
        ('a = {value = "a b", type = "identifier"}', "variable_identifier"),
        ('a = {time = "yyyyMMdd", type = "date"}', "variable_type"),
        ('a = {expression = "${nope}"}', "variable_unknown"),
        ('logical_date = "x"', "variable_name"),
        ('"a b" = "x"', "variable_name"),
        ("a = 1", "workflow_value"),
        ("a = {value = 1.5, type = 'integer'}", "workflow_value"),
    ],
)
def test_wrong_variables(text, code):
    assert refused(f"[variables]\n{text}\n{TASK}").code == code


def test_numbers_and_dates_may_be_written_plainly_where_the_type_says_so():
    found = read(f"[variables]\nn = {{value = 3, type = 'integer'}}\nd = {{value = 2026-03-01, type = 'date'}}\n{TASK}")
    assert [each.value for each in found.variables] == ["3", "2026-03-01"]


def test_a_long_chain_and_a_wide_fan_are_read():
    chain = "".join(
        f'[[tasks]]\nname = "t{at}"\ntable = "t"\n' + (f'upstream = ["t{at - 1}"]\n' if at else "")
        for at in range(2000)
    )
    assert len(read(chain).tasks) == 2000
    with pytest.raises(MtctlError) as caught:
        check_tasks([*read(chain).tasks, read(TASK.replace('"a"', '"t7"')).tasks[0]])
    assert caught.value.code == "task_duplicate"


def test_kinds_follow_what_a_task_names():
    assert one_task('command = ["true"]').kind is TaskKind.COMMAND
    assert one_task('http = {url = "http://localhost:8080/"}').spec == HttpSpec(
        method="GET", url="http://localhost:8080/"
    )
