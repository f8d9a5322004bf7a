"""Who may see the dashboard in a browser."""

from __future__ import annotations

import pytest

from mtctl.core.secret import Hidden
from mtctl.tui.web.gate import Asked, Gate, is_loopback, is_wildcard, name_of

HOST = "127.0.0.1:8711"
GATE = Gate(names=frozenset({"127.0.0.1", "localhost"}), token=Hidden("right-token-right"))
WIDE = Gate(names=frozenset({"box"}), any_address=True, token=Hidden("right-token-right"))


def status(gate: Gate = GATE, **asked: str | bool | None) -> int:
    refused = gate.refusal(Asked(**({"host": HOST, "token": "right-token-right"} | asked)))
    return refused.status if refused else 200


def test_the_token_or_the_seal_opens_and_nothing_else() -> None:
    assert status() == 200
    assert status(token=None, cookie=str(GATE.seal)) == 200
    assert status(token="", cookie=str(GATE.seal)) == 200
    for token in (None, "", "wrong", "right-token-right ", "Right-token-right", "rïght", str(GATE.seal)):
        assert status(token=token) == 401
    for cookie in ("", "wrong", "right-token-right"):
        assert status(token=None, cookie=cookie) == 401


def test_each_start_has_a_seal_of_its_own_and_shows_neither() -> None:
    one, two = (Gate(names=frozenset(), token=Hidden("right-token-right")) for _ in range(2))
    assert one.seal != two.seal
    assert "right-token-right" not in repr(one)
    assert str(one.seal) not in repr(one)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8711", "", "127.0.0.1:8711@evil", "a b", "[::1",
     "127.0.0.1:8711/x", "192.0.2.1:8711", "localhost;x", "127.0.0.1\r\nX: y"],
)  # fmt: skip
def test_a_name_that_is_not_its_own_is_refused(host: str) -> None:
    assert status(host=host) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:9000", "localhost:8711"])
def test_its_own_names_are_known_by_any_port(host: str) -> None:
    assert status(host=host) == 200


def test_where_it_listens_everywhere_any_address_is_a_name_but_no_strange_name() -> None:
    assert [status(WIDE, host=host) for host in ("192.0.2.1:80", "[2001:db8::1]:80", "box")] == [200, 200, 200]
    assert status(WIDE, host="evil.example") == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:8712", "http://localhost:8711", "file://127.0.0.1:8711", "",
     "http://127.0.0.1:8711.evil.example", "http://127.0.0.1:8711@evil.example", "http://["],
)  # fmt: skip
def test_another_page_is_refused_wherever_it_asks(origin: str) -> None:
    assert status(origin=origin) == 403
    assert status(origin=origin, opens_socket=True) == 403


def test_a_socket_names_its_page_and_tls_may_stand_before() -> None:
    assert status(opens_socket=True) == 403
    assert status(opens_socket=True, origin=f"http://{HOST}") == 200
    assert status(opens_socket=True, origin=f"https://{HOST}") == 200


def test_without_a_token_names_and_origins_still_count() -> None:
    gate = Gate(names=frozenset({"127.0.0.1"}), token=None)
    assert status(gate, token=None) == 200
    assert status(gate, token=None, host="evil.example") == 403
    assert status(gate, token=None, origin="http://evil.example") == 403


def test_addresses_of_this_machine_only_are_told_from_others() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost")] == [True] * 5
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.0.2.1", "box", "127.0.0.1.nip.io", ""))  # noqa: S104 - asked, not opened
    assert [is_wildcard(host) for host in ("0.0.0.0", "::", "127.0.0.1", "box")] == [True, True, False, False]  # noqa: S104 - the same


def test_a_host_is_read_without_its_port() -> None:
    assert name_of("[::1]:8711") == "::1"
    assert name_of("Box.Example:1") == "box.example"
