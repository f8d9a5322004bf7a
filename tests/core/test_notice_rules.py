"""Which notices follow from what happened and from rules, and their words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.addresses import parse_url, refused_address
from mtctl.core.errors import MtctlError
from mtctl.core.notices import (
    LATE_AFTER,
    Failure,
    Happening,
    ProjectRule,
    Waiting,
    late_notices,
    notices,
    occasion_of,
    rule_matches,
)
from mtctl.core.secret import HIDDEN, check_secret, parse_reference, redact
from mtctl.core.states import TaskState
from mtctl.core.workflow import Occasion

NOW = 1_700_000_000_000_000
ULID = "01HFABCDEFGHJKMNPQRSTVWXYZ"


def happening(occasion=Occasion.FAILURE, **changes):
    return Happening(
        **({"occasion": occasion, "at": NOW, "workflow": "nightly", "title": "nightly", "instance": ULID} | changes)
    )


def told(what, rules=(), project_rules=()):
    return notices(what, rules, project_rules, project="shop")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("running", Occasion.START),
        ("success", Occasion.SUCCESS),
        ("failed", Occasion.FAILURE),
        ("created", None),
        ("pending", None),  # a try that will be repeated is no failure
        ("suspended", None),
        ("cancelled", None),
        ("skipped", None),
    ],
)
def test_only_a_beginning_and_an_end_are_told(to, expected):
    assert to in list(TaskState)
    assert occasion_of(to) is expected


def test_a_success_after_a_failure_is_a_recovery_and_nothing_else_is():
    assert occasion_of("success", recovers=True) is Occasion.RECOVERY
    assert occasion_of("failed", recovers=True) is Occasion.FAILURE


def test_who_asked_for_successes_and_recoveries_is_told_once():
    rules = (("ops", ("success",)), ("ops", ("recovery",)), ("all", ("success",)), ("bad", ("failure",)))
    found = told(happening(Occasion.RECOVERY), rules)
    assert [(one.channel, one.occasion) for one in found] == [("ops", "recovery"), ("all", "success")]


def test_the_key_names_channel_occasion_and_what_it_is_about():
    [found] = told(happening(), (("ops", ("failure",)),))
    assert found.key == f"ops/failure/{ULID}"
    [found] = told(happening(task="load"), (("ops", ("failure",)),))
    assert found.key == f"ops/failure/{ULID}/load"


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({}, True),
        ({"workflow": "night*"}, True),
        ({"workflow": "NIGHT*"}, False),
        ({"tag": "team=sales"}, True),
        ({"tag": "team"}, True),
        ({"tag": "team=ops"}, False),
        ({"tag": "te=am"}, False),
        ({"workflow": "night*", "tag": "team=ops"}, False),
        ({"workflow": "day*", "tag": "team=sales"}, False),
    ],
)
def test_a_rule_of_the_project_fits_by_name_and_tag(rule, matches):
    one = ProjectRule(channel="ops", on=(Occasion.FAILURE,), **rule)
    assert rule_matches(one, "nightly", (("team", "sales"),)) is matches
    assert bool(told(happening(tags=(("team", "sales"),)), (), (one,))) is matches


def test_a_rule_without_a_tag_is_about_workflows_and_one_with_a_tag_about_tasks_that_have_it():
    plain = ProjectRule(channel="ops", on=(Occasion.FAILURE,))
    tagged = ProjectRule(channel="ops", on=(Occasion.FAILURE,), tag="pii")
    task = happening(task="load", tags=(("pii", "yes"),))
    assert told(task, (), (plain,)) == ()
    assert len(told(task, (), (tagged,))) == 1
    assert told(happening(workflow=None, title="refresh a"), (), (plain,)) == ()  # a person looks at its end


def test_the_body_names_failed_tasks_and_what_to_do():
    failures = tuple(Failure(f"t{number}", "sql_bind", "no column x\nline 2\x1b[31m") for number in range(12))
    [found] = told(happening(failures=failures, fire_at=NOW, logical_date=NOW), (("ops", ("failure",)),))
    body = found.body
    assert body["subject"] == "[shop] nightly failed"
    assert "- t0 [sql_bind] no column x line 2\\x1b[31m" in body["text"]
    assert "- and 2 more" in body["text"]
    assert f"mtctl instance retry {ULID}" in body["text"]
    assert body["failed_count"] == 12
    assert body["fire_at"] == "2023-11-14T22:13:20Z"
    assert json.loads(json.dumps(body)) == body


def waiting(**changes):
    return Waiting(**({"workflow": "nightly", "fire_at": NOW, "due_at": NOW, "rules": (("ops", ("late",)),)} | changes))


def test_a_fire_is_late_after_more_than_a_minute():
    assert late_notices([waiting()], NOW + LATE_AFTER, project="shop") == ()
    [found] = late_notices([waiting()], NOW + LATE_AFTER + 1, project="shop")
    assert found.occasion is Occasion.LATE


def test_jitter_does_not_make_a_fire_late_and_a_catch_up_is_late_by_nature():
    later = NOW + 2 * LATE_AFTER
    assert late_notices([waiting(due_at=NOW + LATE_AFTER + 1)], later, project="shop") == ()
    assert late_notices([waiting(rank=2)], later, project="shop") == ()
    assert len(late_notices([waiting(rank=1)], later, project="shop")) == 1


def test_a_late_fire_has_one_key_with_and_without_its_instance():
    rows = [waiting(), waiting(instance=ULID)]
    assert len({found.key for found in late_notices(rows, NOW + 2 * LATE_AFTER, project="shop")}) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.lists(st.sampled_from(list(Occasion)), max_size=5)), max_size=8
    ),
    st.sampled_from(list(Occasion)),
)
def test_a_channel_is_told_once_of_one_thing_whatever_the_rules(rules, occasion):
    found = told(happening(occasion), tuple((channel, tuple(on)) for channel, on in rules))
    channels = [one.channel for one in found]
    assert len(channels) == len(set(channels))
    wanted = {occasion} | ({Occasion.SUCCESS} if occasion is Occasion.RECOVERY else set())
    assert set(channels) == {channel for channel, on in rules if wanted & set(on)}


# --- secrets and addresses ------------------------------------------------------------------------------------------


@given(st.text(min_size=6).filter(str.isprintable), st.text(), st.text())
def test_no_form_of_a_secret_is_left_in_a_text(secret, before, after):
    plain = secret.replace("*", "x")  # what hides it is made of stars
    forms = [plain, json.dumps(plain)[1:-1], f"{plain}&{plain}"]
    for form in forms:
        assert plain not in redact(f"{before}{form}{after}".replace(HIDDEN, ""), [plain]).replace(HIDDEN, "\0")


@pytest.mark.parametrize("value", ["", "abc", "12345", "x" * 70_000, "two\nlines", "bell\x07bell"])
def test_what_cannot_be_a_secret_is_refused_without_being_repeated(value):
    with pytest.raises(MtctlError) as caught:
        check_secret(value, label="the variable TOKEN", where="here")
    assert caught.value.code.startswith("secret_")
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize("text", ["hunter2hunter2", "env:", "env:NO-NAME", "env:A=B", "file:", "cmd:cat x", ""])
def test_a_secret_in_clear_is_refused_without_being_repeated(text):
    with pytest.raises(MtctlError) as caught:
        parse_reference(text, where="here")
    assert caught.value.code == "secret_reference"
    assert not text or text not in str(caught.value).replace("env:NAME", "").replace("file:PATH", "")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file:///etc/passwd", "url_scheme"),
        ("gopher://x/", "url_scheme"),
        ("//x/", "url_scheme"),
        ("http://", "url_host"),
        ("http:///x", "url_host"),
        ("http://x:99999/", "url_host"),
        ("http://[::1/", "url_host"),
        ("http://me:word@x/", "url_user"),
        ("http://x/a b", "url_text"),
        ("http://x/\r\nHost: y", "url_text"),
        ("http://ex\u00e4mple/", "url_text"),
    ],
)
def test_a_url_that_leads_nowhere_good_is_refused(url, code):
    with pytest.raises(MtctlError) as caught:
        parse_url(url, where="here")
    assert caught.value.code == code


def test_a_url_is_taken_apart():
    found = parse_url("https://[::1]:8443/hook?a=b#part", where="here")
    assert found == (True, "::1", 8443, "[::1]:8443", "/hook?a=b")
    assert parse_url("http://x", where="here").path == "/"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "nonsense",
    ],
)
def test_addresses_where_only_a_trick_leads_are_refused(address):
    assert refused_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd12::1", "8.8.8.8"])
def test_own_and_private_networks_are_the_users_business(address):
    assert refused_address(address) is None
