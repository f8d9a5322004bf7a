"""Floor 2. A program that is told: the notice as JSON on its standard input and as `MTCTL_NOTICE_*`.

Input and output are files, not pipes: a program that does not read, or leaves children behind, holds nobody up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

from mtctl.core.secret import is_reference
from mtctl.notify.troubles import misconfigured, refused, too_slow, where_of
from mtctl.ports.notify import SEND_SECONDS
from mtctl.secret import read_secret

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from mtctl.core.channels import CommandChannel
    from mtctl.core.model import Instant
    from mtctl.ports.notify import Message

INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")
"""What a program gets of our own environment: nothing that may be a secret."""

_MOST_READ = 64 << 10


class Command:
    """Runs a program for each message."""

    def __init__(self, config: CommandChannel, root: Path, *, seconds: float = SEND_SECONDS) -> None:
        """Keep the settings; the program runs in `root`."""
        self._config = config
        self._root = root
        self._seconds = seconds

    def send(self, message: Message, now: Instant) -> None:  # noqa: ARG002 - the body has its time
        """Run the program; an exit code other than 0 refuses the message. See `ports.notify.Channel`."""
        config = self._config
        environment, secrets = self._environment(message)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(json.dumps(message.body, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            given.seek(0)
            code = self._run(environment, given, said)
            said.seek(max(said.seek(0, os.SEEK_END) - _MOST_READ, 0))
            words = said.read(_MOST_READ).decode("utf-8", "replace")
        if code != 0:
            how = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
            raise refused(config.name, f"{how}: {words}" if words.strip() else how, secrets)

    def _environment(self, message: Message) -> tuple[dict[str, str], list[str]]:
        found = {name: os.environ[name] for name in INHERITED if name in os.environ}
        secrets: list[str] = []
        for name, text in self._config.env:
            found[name] = text
            if is_reference(text):
                found[name] = read_secret(text, root=self._root, where=where_of(self._config.name))
                secrets.append(found[name])
        body = message.body
        words = {
            "KEY": message.key,
            "CHANNEL": message.channel,
            "OCCASION": message.occasion,
            "SUBJECT": message.subject,
            "TEXT": message.text,
            **{name.upper(): body.get(name) for name in ("project", "workflow", "instance", "task", "at", "fire_at")},
        }
        found |= {f"MTCTL_NOTICE_{name}": str(value or "").replace("\0", "") for name, value in words.items()}
        return found, secrets

    def _run(self, environment: dict[str, str], given: IO[bytes], said: IO[bytes]) -> int:
        config = self._config
        try:
            process = subprocess.Popen(  # a session of its own, so that all of it can be ended
                config.argv,
                cwd=self._root,
                env=environment,
                stdin=given,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            what = f"the program cannot be started: {error.strerror}"
            raise misconfigured(config.name, what, "check argv") from None
        try:
            return process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            raise too_slow(config.name, self._seconds) from None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, with all that it has started in its session."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
