"""Requests against a server of our own: what is sent, what comes of each answer, and what is never shown."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtctl.actions import http as http_module
from mtctl.actions.http import send
from mtctl.core.states import Outcome
from mtctl.ports.actions import ActionResult, HttpRequest

CANARY = "canary-4711-canary"


class _Answers(BaseHTTPRequestHandler):
    """Answers as the path says, and notes what was asked."""

    protocol_version = "HTTP/1.1"

    def do(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        _, kind, *rest = self.path.split("?")[0].split("/")
        if kind == "status":
            self._answer(int(rest[0]), b"told")
        elif kind == "to":
            self.send_response(int(rest[0]))
            self.send_header("Location", self.server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind == "echo":
            self._answer(200, str(self.headers).encode())
        elif kind == "big":
            self._answer(200, b"x" * (3 << 20))
        elif kind == "hang":
            self.server.over.wait(10)
        elif kind == "drip":
            self.send_response(200)
            self.flush_headers()
            while not self.server.over.wait(0.02):
                self.wfile.write(b"X-Drip: 1\r\n")
        elif kind == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(200, b"ok")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do  # noqa: N815 - names of the library

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session=abc")
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class World:
    """A server on a port of its own and a folder for logs."""

    def __init__(self, folder: Path, server: ThreadingHTTPServer) -> None:
        self.folder = folder
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.stop = threading.Event()
        self.count = 0

    def send(self, path: str, method: str = "GET", **more) -> ActionResult:
        self.count += 1
        request = HttpRequest(
            method=method,
            url=path if "://" in path else f"{self.url}{path}",
            headers=more.pop("headers", ()),
            body=more.pop("body", None),
            ok=more.pop("ok", (200,)),
            timeout=more.pop("timeout", 5_000_000),
            log=str(self.folder / f"logs/{self.count}.log"),
        )
        return send(request, self.stop, self.folder)


@contextmanager
def serving(folder: Path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    server.block_on_close = False
    server.seen, server.over, server.location = [], threading.Event(), ""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield World(folder, server)
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def world(tmp_path):
    with serving(tmp_path) as found:
        yield found


def log(result: ActionResult) -> str:
    assert result.log is not None
    return Path(result.log).read_text()


def test_a_request_is_sent_as_it_is_and_its_answer_logged(world: World):
    result = world.send("/x?a=%2F", "POST", headers=(("X-A", "b"), ("Content-Type", "text/plain")), body="grüße")
    assert (result.outcome, result.code, result.message) == (Outcome.SUCCESS, "", "")
    [(method, path, headers, body)] = world.server.seen
    assert (method, path, body.decode()) == ("POST", "/x?a=%2F", "grüße")
    assert (headers["X-A"], headers["Content-Type"]) == ("b", "text/plain")
    assert headers["Host"] == world.url.removeprefix("http://")
    text = log(result)
    assert text.splitlines()[:2] == [f"> POST {world.url}/x?a=%2F", "< 200 OK"]
    assert "session=abc" not in text
    assert text.rstrip().endswith("ok")
    assert Path(result.log or "").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("status", "transient"), [(500, True), (503, True), (429, True), (404, False), (401, False), (204, False)]
)
def test_an_unexpected_status_fails_and_is_tried_again_only_where_it_may_pass(world: World, status, transient):
    result = world.send(f"/status/{status}")
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, "http_status", transient)
    assert str(status) in result.message
    assert world.send(f"/status/{status}", ok=(200, status)).outcome is Outcome.SUCCESS


def test_no_answer_is_transient(world: World):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    refused = world.send(f"http://127.0.0.1:{port}/")
    assert (refused.code, refused.transient) == ("http_unreachable", True)
    unknown = world.send("http://nosuch.invalid/")
    assert (unknown.code, unknown.transient) == ("http_unreachable", True)
    broken = world.send("/cut")
    assert (broken.code, broken.transient) == ("http_broken", True)


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_the_time_counts_for_all_of_it(world: World, path):
    result = world.send(path, timeout=200_000)
    assert (result.outcome, result.code, result.transient) == (Outcome.TIMED_OUT, "http_timeout", True)
    assert "given up" in log(result)


def test_a_cancel_gives_it_up_soon(world: World):
    threading.Timer(0.1, world.stop.set).start()
    assert world.send("/hang", timeout=None).outcome is Outcome.CANCELLED
    assert world.send("/x").outcome is Outcome.CANCELLED
    assert [path for _, path, *_ in world.server.seen] == ["/hang"]


def test_of_a_big_answer_a_part_is_read(world: World):
    result = world.send("/big")
    assert result.outcome is Outcome.SUCCESS
    assert len(log(result)) < 70_000


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", "http_refused"),
        ("http://[fe80::1]/", "http_refused"),
        ("http://[::ffff:169.254.169.254]/", "http_refused"),
        ("http://0.0.0.0/", "http_refused"),
        ("http://2852039166/", "http_refused"),
        ("file:///etc/passwd", "url_scheme"),
        ("ftp://example.org/", "url_scheme"),
        ("http://user:secret@127.0.0.1/", "url_user"),
        ("http:///x", "url_host"),
    ],
)
def test_addresses_where_only_a_trick_leads_are_refused(world: World, url, code):
    result = world.send(url)
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, code, False)
    assert "secret" not in result.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_within_http(world: World, status):
    world.server.location = "/there?x=1"
    assert world.send(f"/to/{status}", "POST", body="b", headers=(("X-A", "b"),)).outcome is Outcome.SUCCESS
    method, path, headers, body = world.server.seen[-1]
    assert (method, body) == (("POST", b"b") if status in {307, 308} else ("GET", b""))
    assert (path, headers["X-A"]) == ("/there?x=1", "b")


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/", "http_refused"),
        ("file:///etc/passwd", "http_redirect"),
        ("http://u:p@127.0.0.1/", "http_redirect"),
        ("/to/302", "http_redirect"),
    ],
)
def test_a_redirect_leads_nowhere_that_a_request_may_not_go(world: World, location, code):
    world.server.location = location
    result = world.send("/to/302")
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, code, False)


def test_a_redirect_to_another_host_takes_no_secret_along(world: World, tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", CANARY)
    with serving(tmp_path / "other") as other:
        world.server.location = f"{other.url}/echo"
        result = world.send("/to/302", headers=(("Authorization", "env:API_TOKEN"), ("Accept", "text/plain")))
        [(_, _, headers, _)] = other.server.seen
    assert world.server.seen[0][2]["Authorization"] == CANARY
    assert "Authorization" not in headers
    assert headers["Accept"] == "text/plain"
    assert result.outcome is Outcome.SUCCESS


def test_a_secret_is_sent_and_shown_nowhere(world: World, monkeypatch):
    monkeypatch.setenv("API_TOKEN", CANARY)
    (world.folder / "key").write_text(f"{CANARY}-file\n")
    (world.folder / "key").chmod(0o600)
    headers = (("Authorization", "env:API_TOKEN"), ("X-Key", "file:key"))
    result = world.send("/echo", headers=headers, ok=(201,))
    sent = world.server.seen[0][2]
    assert (sent["Authorization"], sent["X-Key"]) == (CANARY, f"{CANARY}-file")
    assert CANARY not in result.message
    assert CANARY not in log(result)
    assert "***" in log(result)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("env:NOT_SET", "secret_missing"),
        ("env:SHORT", "secret_short"),
        ("env:EMPTY", "secret_empty"),
        ("env:LINES", "secret_text"),
        ("file:open", "secret_mode"),
        ("file:nosuch", "secret_missing"),
    ],
)
def test_a_secret_that_is_not_fit_sends_nothing(world: World, monkeypatch, reference, code):
    for name, value in {"SHORT": "abc", "EMPTY": "", "LINES": f"{CANARY}\nX: y"}.items():
        monkeypatch.setenv(name, value)
    (world.folder / "open").write_text(CANARY)
    (world.folder / "open").chmod(0o644)
    result = world.send("/x", headers=(("Authorization", reference),))
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, code, False)
    assert CANARY not in result.message
    assert world.server.seen == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_a_server_without_a_trusted_certificate_gets_nothing(world: World):
    key, certificate = world.folder / "key.pem", world.folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    plain = world.server.socket
    world.server.socket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    result = world.send(world.url.replace("http:", "https:") + "/x")
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, "http_tls", False)
    assert "certificate" in result.message
    assert world.server.seen == []


def test_a_server_that_speaks_no_tls_is_told(world: World):
    result = world.send(world.url.replace("http:", "https:") + "/x")
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, "http_broken", True)


def test_proxies_of_the_environment_are_not_used(world: World, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert world.send("/x").outcome is Outcome.SUCCESS


def test_redirects_end(world: World, monkeypatch):
    monkeypatch.setattr(http_module, "MOST_REDIRECTS", 2)
    world.server.location = "/to/302"
    assert world.send("/to/302").code == "http_redirect"
    assert len(world.server.seen) == 3
