"""Channels against real servers and programs: what arrives, what is refused, and that no secret is ever let out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import socketserver
import ssl
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mtctl.config import load_project
from mtctl.config_notify import read_notify
from mtctl.core.channels import CommandChannel, Encryption, LogChannel, MailChannel, Shape, WebhookChannel
from mtctl.core.errors import Kind, MtctlError
from mtctl.notify.channels import open_channel
from mtctl.notify.command import Command
from mtctl.notify.log import Log
from mtctl.notify.mail import Mail
from mtctl.notify.webhook import Webhook
from mtctl.ports.notify import Message
from mtctl.secret import read_secret

NOW = 1_700_000_000_123_456
CANARY = "c4nary-9f2b/71e0+x="
"""With characters that URLs, forms and headers write in another way."""

MESSAGE = Message(
    key="ops/failure/01HF",
    channel="ops",
    occasion="failure",
    subject="[shop] nightly <failed> & co",
    text="nightly failed\n- load [sql_bind] no such column",
    body={"schema": "mtctl.notice/v1", "workflow": "nightly", "instance": "01HF", "task": None, "subject": "s"},
)


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trouble(channel) -> MtctlError:
    """What a sending raises; it holds no canary, nor does anything chained to it."""
    with pytest.raises(MtctlError) as caught:
        channel.send(MESSAGE, NOW)
    error: BaseException | None = caught.value
    while error is not None and not error.__suppress_context__:
        assert CANARY not in f"{error!s} {error!r}"
        error = error.__cause__ or error.__context__
    shown = f"{caught.value} {caught.value!r} {caught.value.details}"
    for form in (CANARY, base64.b64encode(CANARY.encode()).decode(), "c4nary-9f2b%2F71e0%2Bx%3D"):
        assert form not in shown
    return caught.value


# --- webhooks -------------------------------------------------------------------------------------------------------


class _Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), json.loads(body)))
        status, headers, answer = self.server.answer(self)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.got = []
    server.answer = lambda _: (200, {}, b"ok")
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    with serving(server):
        yield server


def webhook(tmp_path, url, *, seconds=5.0, shape=Shape.PLAIN, **more):
    return Webhook(WebhookChannel(name="hook", url=url, shape=shape, **more), tmp_path, seconds=seconds)


def test_a_webhook_gets_the_notice_as_json(receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", CANARY)
    webhook(tmp_path, receiver.url, headers=(("Authorization", "env:TOKEN"), ("X-Team", "ops"))).send(MESSAGE, NOW)
    [(path, headers, body)] = receiver.got
    assert path == "/hook"
    assert body == MESSAGE.body
    assert headers["Authorization"] == CANARY
    assert headers["X-Team"] == "ops"
    assert headers["Idempotency-Key"] == MESSAGE.key
    assert headers["Host"] == urlsplit(receiver.url).netloc


def test_slack_gets_text_and_a_block_in_which_nothing_is_a_mention(receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK", receiver.url)
    webhook(tmp_path, "env:SLACK", shape=Shape.SLACK).send(MESSAGE, NOW)
    [(_, _, body)] = receiver.got
    assert body["text"] == "[shop] nightly &lt;failed&gt; &amp; co"
    [block] = body["blocks"]
    assert block["type"] == "section"
    assert block["text"]["type"] == "mrkdwn"
    assert "no such column" in block["text"]["text"]


def test_dingtalk_gets_markdown_and_the_signature_that_it_defines(receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("DING", f"{receiver.url}?access_token={CANARY[:6]}")
    monkeypatch.setenv("SIGNS", CANARY)
    receiver.answer = lambda _: (200, {}, b'{"errcode": 0, "errmsg": "ok"}')
    webhook(tmp_path, "env:DING", shape=Shape.DINGTALK, secret="env:SIGNS").send(MESSAGE, NOW)  # noqa: S106
    [(path, _, body)] = receiver.got
    query = parse_qs(urlsplit(path).query)
    stamp = str(NOW // 1000)
    expected = base64.b64encode(hmac.new(CANARY.encode(), f"{stamp}\n{CANARY}".encode(), hashlib.sha256).digest())
    assert query["timestamp"] == [stamp]
    assert query["sign"] == [expected.decode()]
    assert query["access_token"] == [CANARY[:6]]
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["title"] == MESSAGE.subject
    assert "no such column" in body["markdown"]["text"]


@pytest.mark.parametrize("answer", [b'{"errcode": 310000, "errmsg": "sign not match"}', b"<html>", b"[]"])
def test_dingtalk_says_no_with_status_200(receiver, tmp_path, monkeypatch, answer):
    monkeypatch.setenv("DING", receiver.url)
    receiver.answer = lambda _: (200, {}, answer)
    assert trouble(webhook(tmp_path, "env:DING", shape=Shape.DINGTALK)).kind is Kind.FAILED


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Kind.FAILED), (404, Kind.FAILED), (429, Kind.BUSY), (500, Kind.BUSY), (503, Kind.BUSY)]
)
def test_a_refusal_is_told_from_a_server_in_trouble(receiver, tmp_path, status, kind):
    receiver.answer = lambda _: (status, {}, b"because")
    error = trouble(webhook(tmp_path, receiver.url))
    assert error.kind is kind
    assert "because" in str(error)


def test_a_redirect_is_not_followed(receiver, tmp_path):
    receiver.answer = lambda _: (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b"")
    assert "redirect" in str(trouble(webhook(tmp_path, receiver.url)))
    assert len(receiver.got) == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]", "0.0.0.0"])  # noqa: S104
def test_an_address_of_a_trick_is_never_connected_to(tmp_path, host):
    error = trouble(webhook(tmp_path, f"http://{host}/latest"))
    assert error.code == "channel_settings"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/"])
def test_a_secret_url_of_another_scheme_is_refused(tmp_path, monkeypatch, url):
    monkeypatch.setenv("HOOK", url)
    assert trouble(webhook(tmp_path, "env:HOOK")).code == "url_scheme"


def test_an_echo_of_secrets_does_not_reach_the_error(receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK", f"{receiver.url}/{CANARY}")
    monkeypatch.setenv("TOKEN", CANARY)

    def echo(handler):
        said = f"{'x' * 480}{CANARY} {handler.path} {handler.headers['X-Token']} {json.dumps(CANARY)}"
        return 400, {}, said.encode()

    receiver.answer = echo
    error = trouble(webhook(tmp_path, "env:HOOK", headers=(("X-Token", "env:TOKEN"),)))
    assert "c4nary" not in str(error)  # not even the half that a cut would have left


def test_a_server_that_drips_is_cut_at_the_deadline(tmp_path):
    stop = threading.Event()

    class Drip(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                while not stop.wait(0.02):
                    self.request.sendall(b"H")
            except OSError:
                return

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip)) as server:
        error = trouble(webhook(tmp_path, f"http://127.0.0.1:{server.server_address[1]}/", seconds=0.3))
        stop.set()
    assert error.kind is Kind.TIMEOUT


def test_a_closed_port_and_an_unknown_host_are_unreachable(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert trouble(webhook(tmp_path, f"http://127.0.0.1:{port}/")).kind is Kind.BUSY
    assert trouble(webhook(tmp_path, "http://no-such-host.invalid/")).kind is Kind.BUSY


def test_nonsense_for_an_answer_is_an_error_in_words(tmp_path):
    class Nonsense(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            self.request.sendall(b"HELO this is not HTTP\r\n\r\n")

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Nonsense)) as server:
        error = trouble(webhook(tmp_path, f"http://127.0.0.1:{server.server_address[1]}/"))
    assert error.code == "channel_unreachable"


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", str(key), "-out", str(cert), "-days", "30", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_an_encrypted_webhook_checks_the_certificate(receiver, tmp_path, certificate):
    cert, context = certificate
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    url = receiver.url.replace("http:", "https:")
    webhook(tmp_path, url, ca=str(cert)).send(MESSAGE, NOW)
    assert len(receiver.got) == 1
    receiver.handle_error = lambda *_: None  # the handshake that the client breaks off
    assert "not trusted" in str(trouble(webhook(tmp_path, url)))
    assert len(receiver.got) == 1


# --- mail -----------------------------------------------------------------------------------------------------------


class _Sink(socketserver.StreamRequestHandler):
    """A small SMTP server; `server.answers` overrides what it says to a verb."""

    def handle(self):
        self.say("220 sink")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            verb = line.split(" ", 1)[0].upper()
            self.server.heard.append(line)
            said = self.server.answers.get(verb)
            if said is not None:
                self.say(said.replace("{line}", line))
            elif verb == "EHLO":
                encrypts = ["250-STARTTLS"] if self.server.context else []
                self.say("\r\n".join(["250-sink", "250-AUTH PLAIN", *encrypts, "250 8BITMIME"]))
            elif verb == "STARTTLS":
                self.say("220 go")
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
                self.setup()
            elif verb == "DATA":
                self.say("354 go")
                lines = []
                while (one := self.rfile.readline()) != b".\r\n":
                    lines.append(one)
                self.server.mails.append(message_from_bytes(b"".join(lines), policy=modern))
                self.say("250 taken")
            else:
                self.say({"AUTH": "235 in", "QUIT": "221 bye"}.get(verb, "250 ok"))
                if verb == "QUIT":
                    break
        if isinstance(self.request, ssl.SSLSocket):
            self.request.close()

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def sink():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Sink)
    server.heard, server.mails, server.answers, server.context = [], [], {}, None
    with serving(server):
        yield server


def mail(tmp_path, sink, *, seconds=5.0, **changes):
    settings = {
        "name": "post",
        "host": "127.0.0.1",
        "port": sink.server_address[1],
        "sender": "mtctl@example.org",
        "to": ("a@example.org", "b@example.org"),
        "encryption": Encryption.NONE,
    }
    return Mail(MailChannel(**(settings | changes)), tmp_path, seconds=seconds)


def test_a_mail_arrives_with_its_words(sink, tmp_path):
    channel = mail(tmp_path, sink)
    channel.send(MESSAGE, NOW)
    channel.send(MESSAGE, NOW + 1)
    first, second = sink.mails
    assert first["Subject"] == MESSAGE.subject
    assert first["From"] == "mtctl@example.org"
    assert first["To"] == "a@example.org, b@example.org"
    assert first["Date"].startswith("Tue, 14 Nov 2023 22:13:20")
    assert first.get_content().split() == MESSAGE.text.split()
    assert first["Message-ID"] == second["Message-ID"]  # a repetition can be told


def test_a_mail_goes_encrypted_with_a_login(sink, tmp_path, certificate, monkeypatch):
    cert, sink.context = certificate
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    words = {"encryption": Encryption.STARTTLS, "user": "me", "password": "env:MAIL_PASSWORD"}
    mail(tmp_path, sink, ca=str(cert), **words).send(MESSAGE, NOW)
    assert len(sink.mails) == 1
    login = next(line for line in sink.heard if line.startswith("AUTH PLAIN"))
    assert base64.b64decode(login.split()[2]) == f"\0me\0{CANARY}".encode()
    assert sink.heard.index("STARTTLS") < sink.heard.index(login)


def test_a_server_without_encryption_gets_neither_password_nor_mail(sink, tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    words = {"encryption": Encryption.STARTTLS, "user": "me", "password": "env:MAIL_PASSWORD"}
    assert trouble(mail(tmp_path, sink, **words)).code == "channel_settings"
    assert sink.mails == []
    assert not any(line.startswith("AUTH") for line in sink.heard)


def test_a_login_that_is_refused_with_an_echo_lets_no_secret_out(sink, tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    sink.answers["AUTH"] = f"535 no: {{line}} {CANARY}"
    error = trouble(mail(tmp_path, sink, user="me", password="env:MAIL_PASSWORD"))  # noqa: S106
    assert base64.b64encode(f"\0me\0{CANARY}".encode()).decode() not in str(error)
    assert "login refused" in str(error)


@pytest.mark.parametrize(
    ("verb", "said", "kind"),
    [
        ("RCPT", "550 no such user", Kind.FAILED),
        ("MAIL", "553 not you", Kind.FAILED),
        ("DATA", "554 no", Kind.FAILED),
        ("EHLO", "421 too busy", Kind.BUSY),
    ],
)
def test_what_a_mail_server_refuses(sink, tmp_path, verb, said, kind):
    sink.answers[verb] = said
    if verb == "EHLO":
        sink.answers["HELO"] = said
    assert trouble(mail(tmp_path, sink)).kind is kind


def test_a_mail_server_that_drips_is_cut_at_the_deadline(tmp_path):
    stop = threading.Event()

    class Drip(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                while not stop.wait(0.02):
                    self.request.sendall(b"220-wait\r\n")
            except OSError:
                return

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip)) as server:
        error = trouble(mail(tmp_path, server, seconds=0.3))
        stop.set()
    assert error.kind is Kind.TIMEOUT


# --- commands -------------------------------------------------------------------------------------------------------


def command(tmp_path, program, *, seconds=5.0, **more):
    argv = (sys.executable, "-c", program)
    return Command(CommandChannel(name="run", argv=argv, **more), tmp_path, seconds=seconds)


def test_a_program_gets_json_and_variables_and_no_more_of_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", CANARY)
    monkeypatch.setenv("OTHER", "secret-of-somebody")
    program = "import json, os, sys; print(json.dumps([json.load(sys.stdin), dict(os.environ)]), file=open('out', 'w'))"
    command(tmp_path, program, env=(("HOOK_TOKEN", "env:TOKEN"), ("PLAIN", "x"))).send(MESSAGE, NOW)
    body, environ = json.loads((tmp_path / "out").read_text(encoding="utf-8"))
    assert body == MESSAGE.body
    assert environ["MTCTL_NOTICE_OCCASION"] == "failure"
    assert environ["MTCTL_NOTICE_WORKFLOW"] == "nightly"
    assert environ["MTCTL_NOTICE_TASK"] == ""
    assert environ["HOOK_TOKEN"] == CANARY
    assert environ["PLAIN"] == "x"
    assert "OTHER" not in environ
    assert "TOKEN" not in environ


def test_a_program_that_refuses_says_why_without_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", CANARY)
    program = "import os, sys; sys.exit('no: ' + os.environ['HOOK_TOKEN'])"
    error = trouble(command(tmp_path, program, env=(("HOOK_TOKEN", "env:TOKEN"),)))
    assert error.kind is Kind.FAILED
    assert "exit code 1: no: ***" in str(error)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, file=open('pid', 'w'), flush=True)\n"
        "time.sleep(60)\n"
    )
    assert trouble(command(tmp_path, program, seconds=1.0)).kind is Kind.TIMEOUT
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    for _ in range(100):  # the orphan is reaped by init, soon
        if not is_running(pid):
            return
        threading.Event().wait(0.02)
    pytest.fail("the child lives")


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_program_that_reads_nothing_and_writes_much_is_no_trouble(tmp_path):
    command(tmp_path, "import sys; sys.stdout.write('x' * 1_000_000)").send(MESSAGE, NOW)


@pytest.mark.parametrize("argv", [("no-such-program-here",), ("/",), ("./notes.txt",)])
def test_a_program_that_cannot_start_is_a_matter_of_settings(tmp_path, argv):
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert trouble(Command(CommandChannel(name="run", argv=argv), tmp_path)).code == "channel_settings"


# --- log ------------------------------------------------------------------------------------------------------------


def test_the_log_is_its_owners_and_says_a_line_to_the_watcher(tmp_path):
    said = []
    channel = Log(LogChannel(name="log"), tmp_path / ".mtctl" / "logs", said.append)
    channel.send(MESSAGE, NOW)
    channel.send(Message(key="k", channel="log", occasion="test", subject="a\x1b[2Jb", text="x\ny\u202e", body={}), NOW)
    path = tmp_path / ".mtctl" / "logs" / "notices.log"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == said
    assert lines[0].startswith("2023-11-14T22:13:20.123456Z failure [shop] nightly <failed> & co | - load [sql_bind]")
    assert lines[1].endswith("test a\\x1b[2Jb | y\\u202e")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_log_does_not_follow_a_link(tmp_path):
    (tmp_path / "notices.log").symlink_to(tmp_path / "elsewhere")
    trouble(Log(LogChannel(name="log"), tmp_path, lambda _: None))
    assert not (tmp_path / "elsewhere").exists()


# --- secrets --------------------------------------------------------------------------------------------------------


def test_a_secret_comes_from_a_file_that_only_its_owner_reads(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{CANARY}\n", encoding="utf-8")
    path.chmod(0o600)
    assert read_secret("file:token", root=tmp_path, where="here") == CANARY
    path.chmod(0o644)
    with pytest.raises(MtctlError) as caught:
        read_secret("file:token", root=tmp_path, where="here")
    assert caught.value.code == "secret_mode"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "secret_empty"),
        (b"abc", "secret_short"),
        (b"x" * (1 << 20), "secret_long"),
        (b"two\nlines!", "secret_text"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa", "secret_text"),
        (b"nul\0nulnul", "secret_text"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path, content, code):
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MtctlError) as caught:
        read_secret("file:token", root=tmp_path, where="here")
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["nothing", ".", "pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(MtctlError) as caught:
        read_secret(f"file:{name}", root=tmp_path, where="here")
    assert caught.value.code in {"secret_missing", "secret_file"}


def test_a_missing_secret_is_named_and_stops_before_anything_is_sent(receiver, tmp_path, monkeypatch):
    monkeypatch.delenv("NOPE", raising=False)
    error = trouble(webhook(tmp_path, receiver.url, headers=(("X-Token", "env:NOPE"),)))
    assert error.code == "secret_missing"
    assert receiver.got == []


# --- settings -------------------------------------------------------------------------------------------------------


GOOD = {
    "notify": {
        "ops": {"type": "log"},
        "post": {
            "type": "mail",
            "host": "mail.example.org",
            "from": "mtctl@example.org",
            "to": ["ops@example.org"],
            "user": "mtctl",
            "password": "env:MAIL_PASSWORD",
        },
        "slack": {"type": "webhook", "url": "file:/run/secrets/slack", "shape": "slack"},
        "hook": {"type": "webhook", "url": "https://example.org/x", "headers": {"Authorization": "env:TOKEN"}},
        "ding": {"type": "webhook", "url": "env:DING", "shape": "dingtalk", "secret": "env:SIGNS"},
        "page": {"type": "command", "argv": ["page", "--now"], "env": {"TOKEN": "env:TOKEN"}},
    },
    "notify_rules": [
        {"channel": "ops", "on": ["failure", "recovery"], "workflow": "night*", "tag": "team=sales"},
        {"channel": "post", "on": "late"},
    ],
}


def changed(path, value):
    """The good settings with one value changed (None: taken away)."""
    data = json.loads(json.dumps(GOOD))
    *parents, key = path
    place = data
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[key]
    else:
        place[key] = value
    return data


def test_settings_become_channels_that_open(tmp_path):
    found = read_notify(GOOD, tmp_path / "mtctl.toml")
    assert [channel.name for channel in found.channels] == ["ops", "post", "slack", "hook", "ding", "page"]
    assert found.channels[1].port == 587
    assert [rule.on for rule in found.rules] == [("failure", "recovery"), ("late",)]
    kinds = [
        type(open_channel(one, root=tmp_path, logs=tmp_path, say=print)).__name__ for one in found.channels
    ]
    assert kinds == ["Log", "Mail", "Webhook", "Webhook", "Webhook", "Command"]


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("notify", "ops", "type"), None, "config_value"),
        (("notify", "ops", "type"), "pigeon", "config_value"),
        (("notify", "ops", "path"), "x", "key_unknown"),
        (("notify", "Bad Name"), {"type": "log"}, "config_value"),
        (("notify", "ops"), "log", "config_value"),
        (("notify", "post", "pasword"), "env:X", "key_unknown"),
        (("notify", "post", "password"), CANARY, "secret_reference"),
        (("notify", "post", "password"), 17, "secret_reference"),
        (("notify", "post", "user"), None, "config_value"),
        (("notify", "post", "encryption"), "none", "config_value"),
        (("notify", "post", "encryption"), ["tls"], "config_value"),
        (("notify", "post", "port"), True, "config_value"),
        (("notify", "post", "port"), 70_000, "config_value"),
        (("notify", "post", "to"), [], "config_value"),
        (("notify", "post", "to"), ["a@b\r\nBcc: c@d"], "config_value"),
        (("notify", "post", "from"), "nobody", "config_value"),
        (("notify", "slack", "url"), f"https://hooks.slack.com/{CANARY}", "secret_reference"),
        (("notify", "slack", "shape"), "teams", "config_value"),
        (("notify", "hook", "url"), "file:///etc/passwd", "url_scheme"),
        (("notify", "hook", "url"), "https://me:word@x/", "url_user"),
        (("notify", "hook", "secret"), "env:SIGNS", "config_value"),
        (("notify", "hook", "headers", "Authorization"), CANARY, "secret_reference"),
        (("notify", "hook", "headers", "X-A"), "b\r\nHost: c", "config_value"),
        (("notify", "hook", "headers", "Host"), "x", "config_value"),
        (("notify", "ding", "secret"), CANARY, "secret_reference"),
        (("notify", "page", "argv"), "page --now", "config_value"),
        (("notify", "page", "argv"), [], "config_value"),
        (("notify", "page", "env", "LD_PRELOAD"), "x.so", "config_value"),
        (("notify", "page", "env", "A=B"), "x", "config_value"),
        (("notify", "page", "env", "API_KEY"), CANARY, "secret_reference"),
        (("notify_rules",), {"channel": "ops"}, "config_value"),
        (("notify_rules", 0, "channel"), "opps", "channel_unknown"),
        (("notify_rules", 0, "on"), ["failed"], "config_value"),
        (("notify_rules", 0, "on"), [], "config_value"),
        (("notify_rules", 0, "workflows"), "x", "key_unknown"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_secrets(tmp_path, path, value, code):
    with pytest.raises(MtctlError) as caught:
        read_notify(changed(path, value), tmp_path / "mtctl.toml")
    assert caught.value.code == code
    assert CANARY not in str(caught.value)


def test_a_project_file_may_hold_channels_and_they_are_checked_when_asked_for(tmp_path):
    file = tmp_path / "mtctl.toml"
    file.write_text("[notify.ops]\ntype = 'log'\n[[notify_rules]]\nchannel = 'ops'\non = ['late']\n", encoding="utf-8")
    found = load_project(tmp_path).notify
    assert found.channels == (LogChannel(name="ops"),)
    assert [rule.channel for rule in found.rules] == ["ops"]
    file.write_text("[notify.ops]\ntype = 'pigeon'\n", encoding="utf-8")
    project = load_project(tmp_path)  # looking costs nothing
    with pytest.raises(MtctlError, match="type of a channel"):
        _ = project.notify
    file.write_text("", encoding="utf-8")
    assert load_project(tmp_path).notify.channels == ()
