"""Floor 2. One mail through an SMTP server. A password is never sent over a connection that others can read."""

from __future__ import annotations

import base64
import hashlib
import smtplib
import socket
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING

from mtctl.core.channels import Encryption
from mtctl.notify.connection import Deadline, broken, connect, tls_context
from mtctl.notify.troubles import misconfigured, refused, too_slow, unreachable, where_of
from mtctl.ports.notify import SEND_SECONDS
from mtctl.secret import read_secret

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.core.channels import MailChannel
    from mtctl.core.errors import MtctlError
    from mtctl.core.model import Instant
    from mtctl.ports.notify import Message


class Mail:
    """Sends messages as mails."""

    def __init__(self, config: MailChannel, root: Path, *, seconds: float = SEND_SECONDS) -> None:
        """Keep the settings; `root` is where paths of references begin."""
        self._config = config
        self._root = root
        self._seconds = seconds

    def send(self, message: Message, now: Instant) -> None:
        """Hand the mail to the server; taken by one of several receivers is sent. See `ports.notify.Channel`."""
        config = self._config
        password, secrets = self._password()
        mail = compose(message, config, now)
        with Deadline(self._seconds) as deadline:
            client = _Client(config, deadline)
            try:
                client.begin(password)
                client.send_message(mail, config.sender, list(config.to))
                client.finish()
            except (OSError, smtplib.SMTPException, ValueError) as error:
                if deadline.passed or isinstance(error, TimeoutError):
                    raise too_slow(config.name, self._seconds) from None
                raise _broken(config.name, error, secrets) from None
            finally:
                client.close()

    def _password(self) -> tuple[str | None, list[str]]:
        config = self._config
        if config.password is None:
            return None, []
        password = read_secret(config.password, root=self._root, where=where_of(config.name))
        plain = f"\0{config.user or ''}\0{password}"  # what a server that repeats the login would say
        return password, [password, *(base64.b64encode(one.encode()).decode() for one in (password, plain))]


def compose(message: Message, config: MailChannel, now: Instant) -> EmailMessage:
    """Return the mail; its id is the same at every try, so that receivers can tell a repetition."""
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = config.sender
    mail["To"] = ", ".join(config.to)
    mail["Date"] = formatdate(now / 1_000_000)
    digest = hashlib.sha256(f"{config.sender} {message.key}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{config.sender.rpartition('@')[2].strip('>') or 'mtctl'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text + "\n")
    return mail


class _Client(smtplib.SMTP):
    """A client whose connection is checked, encrypted where it is to be, and cut at the deadline."""

    def __init__(self, config: MailChannel, deadline: Deadline) -> None:
        super().__init__(local_hostname=socket.gethostname(), timeout=deadline.seconds)
        self._config = config
        self._deadline = deadline
        self._host = config.host  # the name that STARTTLS checks the certificate against; connect() does not keep it
        plain = config.encryption is Encryption.NONE
        self._context = None if plain else tls_context(config.ca, channel=config.name)

    def begin(self, password: str | None) -> None:
        """Connect, encrypt, say who we are."""
        config = self._config
        code, said = self.connect(config.host, config.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if config.encryption is Encryption.STARTTLS:
            self.starttls(context=self._context)
        if password is not None:
            self.login(config.user or "", password)

    def finish(self) -> None:
        """Say good-bye; the mail has been taken, whatever comes of it."""
        try:
            self.quit()
        except (OSError, smtplib.SMTPException):
            return

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - smtplib's hook
        connection = connect(host, port, self._deadline, channel=self._config.name)
        if self._config.encryption is Encryption.TLS and self._context is not None:
            return self._context.wrap_socket(connection, server_hostname=host)
        return connection


def _broken(name: str, error: Exception, secrets: list[str]) -> MtctlError:
    if isinstance(error, smtplib.SMTPException):  # before OSError, of which it is one
        return _answered(name, error, secrets)
    if isinstance(error, OSError):
        return broken(name, error)
    if isinstance(error, UnicodeError):
        return misconfigured(name, "an address holds a character that the server cannot take", "write it in ASCII")
    return misconfigured(name, "a line of the mail's head is not valid", "check from and to")


def _answered(name: str, error: smtplib.SMTPException, secrets: list[str]) -> MtctlError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return misconfigured(name, f"login refused: {_said(error)}", "check user and password", secrets)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return misconfigured(name, f"the server cannot: {error}", "set encryption = 'tls', or no user", secrets)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        said = "; ".join(f"{who}: {code} {_text(text)}" for who, (code, text) in error.recipients.items())
        return refused(name, f"no receiver was taken: {said}", secrets)
    if isinstance(error, (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)):
        return refused(name, f"the mail was not taken: {_said(error)}", secrets)
    if isinstance(error, smtplib.SMTPResponseException):
        return unreachable(name, f"the server said: {_said(error)}", secrets)
    return unreachable(name, f"the server broke off: {error}", secrets)


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
