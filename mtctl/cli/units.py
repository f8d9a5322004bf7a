"""Floor 4. The texts that let systemd or cron call mtctl for a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Lines
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from mtctl.config import Project

_DRAIN = 330
"""How long systemd waits for a stop, in seconds: longer than the daemon waits for what runs."""


def unit_text(kind: str, project: Project) -> Answer:
    """Return the text for `systemd`, `timer` or `cron`; usage error `unit_unknown` for anything else."""
    makers = {"systemd": _service, "timer": _timer, "cron": _cron}
    if kind not in makers:
        raise usage("unit_unknown", f"'{kind}' is not something that calls mtctl", fix="write systemd, timer or cron")
    lines = makers[kind](project)
    return Answer(
        schema="mtctl.scheduler.install/v1",
        records=({"kind": kind, "text": "\n".join(lines) + "\n"},),
        fields=("kind", "text"),
        blocks=(Lines(tuple(lines)),),
    )


def _service(project: Project) -> list[str]:
    return [
        "[Unit]",
        f"Description=mtctl keeps {_plain(project.name)} fresh",
        "After=local-fs.target",
        "",
        "[Service]",
        "Type=exec",
        f"WorkingDirectory={_plain(str(project.root))}",
        f"ExecStart={_argv('up')}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure",
        "RestartSec=10",
        "KillMode=mixed",
        f"TimeoutStopSec={_DRAIN}",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]


def _timer(project: Project) -> list[str]:
    return [
        f"# --- {_unit_name(project)}-tick.service",
        "[Unit]",
        f"Description=One round of mtctl for {_plain(project.name)}",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_plain(str(project.root))}",
        f"ExecStart={_argv('tick', '-q')}",
        "SuccessExitStatus=75",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "",
        f"# --- {_unit_name(project)}-tick.timer",
        "[Unit]",
        f"Description=Call mtctl for {_plain(project.name)} each minute",
        "",
        "[Timer]",
        "OnCalendar=*-*-* *:*:00",
        "Persistent=true",
        "AccuracySec=1s",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]


def _cron(project: Project) -> list[str]:
    python, root = _shell(sys.executable), _shell(str(project.root))
    # A per cent sign ends the command in a crontab.
    return [f"* * * * * {python} -m mtctl -C {root} tick -q".replace("%", "\\%")]


def _argv(*words: str) -> str:
    return " ".join((_path(Path(sys.executable)), "-m", "mtctl", *words))


def _path(path: Path) -> str:
    """Quote a path as systemd reads it: spaces, quotes, backslashes, and its own specifiers."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if any(sign in text for sign in " \t\"'\\") else text


def _shell(text: str) -> str:
    from shlex import quote  # only cron's line is read by a shell

    return quote(text)


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _unit_name(project: Project) -> str:
    return f"mtctl-{project.name}"
