"""Tasks of a workflow file that are exports, scripts and requests."""

from __future__ import annotations

import tomllib

import pytest

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.workflow import SqlSpec
from mtctl.core.workflow_file import read_workflow


def one_task(keys: str):
    text = f'[[tasks]]\nname = "a"\n{keys}'
    return read_workflow(tomllib.loads(text), name="x", file="workflows/x.toml", zone="UTC").tasks[0]


def refused(text: str) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        read_workflow(tomllib.loads(text), name="x", file="workflows/x.toml", zone="UTC")
    assert caught.value.kind is Kind.INVALID
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("sql = {}", "task_kind"),
        ('sql = {script = "DELETE FROM t"}', "task_kind"),
        ('sql = {database = "x.duckdb"}', "task_kind"),
        ('sql = {script = "x", database = "y", exports = [{query = "SELECT 1", path = "a.csv"}]}', "task_kind"),
        ('sql = {exports = [{query = "DROP TABLE t", path = "a.csv"}]}', "workflow_value"),
        ('sql = {exports = [{query = "-- only", path = "a.csv"}]}', "workflow_value"),
        ('sql = {exports = [{path = "a.csv"}]}', "workflow_value"),
        ('sql = {exports = [{query = "SELECT 1"}]}', "workflow_value"),
        ('sql = {exports = [{query = "SELECT 1", path = "a.txt"}]}', "workflow_value"),
        ('sql = {exports = [{query = "SELECT 1", path = "a", format = "xlsx"}]}', "workflow_value"),
        ('sql = {exports = [{query = "SELECT 1", path = "../a.csv"}]}', "workflow_value"),
        ('sql = {exports = [{query = "SELECT ${nope}", path = "a.csv"}]}', "variable_unknown"),
        ('sql = {exports = [{query = "SELECT $nope", path = "a.csv"}]}', "variable_unknown"),
        ('sql = {exports = [{query = "SELECT 1", path = "${nope}.csv"}]}', "variable_unknown"),
        ("sql = {exports = [1]}", "workflow_value"),
        ('table = "t"\nwhen = "DELETE FROM t"', "workflow_value"),
    ],
)
def test_wrong_sql(sql, code):
    assert refused(f'[[tasks]]\nname = "a"\n{sql}').code == code


def test_an_export_takes_its_format_from_its_name_and_may_begin_with_a_comment():
    keys = (
        'sql = {exports = [{query = "-- why\\n/* x */ WITH a AS (SELECT 1) SELECT $logical_date", path = "a.parquet"}]}'
    )
    spec = one_task(keys).spec
    assert isinstance(spec, SqlSpec)
    assert spec.exports[0].format == "parquet"


@pytest.mark.parametrize(
    ("http", "code"),
    [
        ('{url = "ftp://example.org/"}', "http_url"),
        ('{url = "file:///etc/passwd"}', "http_url"),
        ('{url = "https://user:pw@example.org/"}', "http_url"),
        ('{url = "https://${system.biz.date}/"}', "http_url"),
        ('{url = "${system.biz.date}://example.org/"}', "http_url"),
        ('{url = "https://example.org/a b"}', "http_url"),
        ('{url = "https://example.org/\\r\\nX: y"}', "workflow_value"),
        ('{url = "https:///nohost"}', "http_url"),
        ('{url = "https://h:99999/"}', "http_url"),
        ('{url = "https://h/${nope}"}', "variable_unknown"),
        ("{}", "workflow_value"),
        ('{url = "https://h/", method = "FETCH"}', "workflow_value"),
        ('{url = "https://h/", body = "x"}', "workflow_value"),
        ('{url = "https://h/", headers = {"X Y" = "1"}}', "http_header"),
        ('{url = "https://h/", headers = {"X" = "1\\r\\nY: 2"}}', "http_header"),
        ('{url = "https://h/", headers = {"Host" = "evil"}}', "http_header"),
        ('{url = "https://h/", headers = {"A" = "1", "a" = "2"}}', "workflow_value"),
        ('{url = "https://h/", ok = [99]}', "workflow_value"),
        ('{url = "https://h/", ok = ["200"]}', "workflow_value"),
        ('{url = "https://h/", retry = 3}', "key_unknown"),
        ('"https://h/"', "workflow_value"),
    ],
)
def test_wrong_requests(http, code):
    assert refused(f'[[tasks]]\nname = "a"\nhttp = {http}').code == code
