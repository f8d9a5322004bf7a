"""Floor 2. One POST to a URL, in the shape that its receiver reads. Redirects are not followed: they are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from mtctl.core.addresses import Target, parse_url
from mtctl.core.channels import Shape
from mtctl.core.secret import is_reference
from mtctl.notify.connection import Deadline, broken, connect, tls_context
from mtctl.notify.troubles import misconfigured, refused, too_slow, unreachable, where_of
from mtctl.ports.notify import SEND_SECONDS
from mtctl.secret import read_secret

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from mtctl.core.channels import WebhookChannel
    from mtctl.core.errors import MtctlError
    from mtctl.core.model import Instant
    from mtctl.ports.notify import Message

_MOST_READ = 64 << 10  # of an answer, in bytes; what of it is shown is far less
_SLACK_SECTION = 3_000  # characters that Slack takes in one section
_DINGTALK_TEXT = 5_000  # of DingTalk's 20,000 bytes; a character has up to four


class Webhook:
    """Sends messages as HTTP requests."""

    def __init__(self, config: WebhookChannel, root: Path, *, seconds: float = SEND_SECONDS) -> None:
        """Keep the settings; `root` is where paths of references begin."""
        self._config = config
        self._root = root
        self._seconds = seconds

    def send(self, message: Message, now: Instant) -> None:
        """POST the message; see `ports.notify.Channel`."""
        config = self._config
        secrets: list[str] = []
        url = self._value(config.url, secrets)
        headers = {name: self._value(value, secrets) for name, value in config.headers}
        if config.secret is not None:
            key = self._value(config.secret, secrets)
            url = signed(url, key, now)
            secrets.append(_signature(key, now // 1_000))
        target = parse_url(url, where=where_of(config.name))
        if is_reference(config.url):
            secrets.append(target.path)
        body = json.dumps(payload(message, config.shape), ensure_ascii=False).encode("utf-8", "replace")
        headers |= {
            "Host": target.authority,
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "mtctl",
            "Idempotency-Key": _header(message.key),
            "Connection": "close",
        }
        with Deadline(self._seconds) as deadline:
            try:
                status, answer = self._post(target, headers, body, deadline)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if deadline.passed or isinstance(error, TimeoutError):
                    raise too_slow(config.name, self._seconds) from None
                raise _broken(config.name, error, secrets) from None
        self._check(status, answer, secrets)

    def _value(self, text: str, secrets: list[str]) -> str:
        if not is_reference(text):
            return text
        value = read_secret(text, root=self._root, where=where_of(self._config.name))
        secrets.append(value)
        return value

    def _post(self, target: Target, headers: dict[str, str], body: bytes, deadline: Deadline) -> tuple[int, str]:
        name = self._config.name
        context = tls_context(self._config.ca, channel=name) if target.encrypted else None
        sock: socket.socket = connect(target.host, target.port, deadline, channel=name)
        client = http.client.HTTPConnection(target.host, target.port)
        try:
            client.sock = context.wrap_socket(sock, server_hostname=target.host) if context is not None else sock
            client.request("POST", target.path, body=body, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.read(_MOST_READ).decode("utf-8", "replace")
        finally:
            client.close()
            sock.close()

    def _check(self, status: int, answer: str, secrets: list[str]) -> None:
        name = self._config.name
        if 300 <= status < 400:
            raise misconfigured(name, f"answered with a redirect ({status})", "write the URL that it leads to")
        if not 200 <= status < 300:
            raise (unreachable if status >= 500 or status == 429 else refused)(name, f"{status}: {answer}", secrets)
        if self._config.shape is Shape.DINGTALK and not _dingtalk_took(answer):
            raise refused(name, f"DingTalk said: {answer}", secrets)


def payload(message: Message, shape: Shape) -> dict[str, Any]:
    """Return the body of the request."""
    if shape is Shape.SLACK:
        subject, text = _slack_text(message.subject), _slack_text(message.text)
        section = {"type": "section", "text": {"type": "mrkdwn", "text": f"*{subject}*\n{text}"[:_SLACK_SECTION]}}
        return {"text": subject, "blocks": [section]}
    if shape is Shape.DINGTALK:
        lines = "\n\n".join(message.text.splitlines())
        text = f"#### {message.subject}\n\n{lines}"[:_DINGTALK_TEXT]
        return {"msgtype": "markdown", "markdown": {"title": message.subject, "text": text}}
    return dict(message.body)


def signed(url: str, secret: str, now: Instant) -> str:
    """Return a DingTalk URL with time (milliseconds) and signature, as DingTalk's custom robots check them."""
    timestamp = now // 1_000
    join = "&" if "?" in url else "?"
    return f"{url}{join}timestamp={timestamp}&sign={quote_plus(_signature(secret, timestamp))}"


def _signature(secret: str, timestamp: int) -> str:
    text = f"{timestamp}\n{secret}"
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _slack_text(text: str) -> str:
    """Return a text in which nothing is a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _header(text: str) -> str:
    return quote(text, safe="/:@-._~ ")


def _dingtalk_took(answer: str) -> bool:
    """DingTalk answers 200 whatever it thinks; its opinion is in the body."""
    try:
        said = json.loads(answer)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("errcode") == 0


def _broken(name: str, error: Exception, secrets: list[str]) -> MtctlError:
    if isinstance(error, OSError):
        return broken(name, error)
    if isinstance(error, UnicodeError):
        return misconfigured(name, "a header holds a character that headers cannot", "write it in Latin letters")
    return unreachable(name, f"the answer is not HTTP: {error}", secrets)
