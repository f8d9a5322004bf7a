"""The texts that let systemd or cron call mtctl; systemd's own checker reads them where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtctl.cli.units import unit_text
from mtctl.core.errors import MtctlError


def _text(kind: str, root: Path) -> str:
    return str(next(iter(unit_text(kind, SimpleNamespace(root=root, name="shop")).records))["text"])  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", ["/srv/shop", '/srv/my shop 100% "x"'])
def test_a_service_runs_up_in_the_project_and_waits_longer_than_the_drain(folder: str) -> None:
    text = _text("systemd", Path(folder))
    assert "-m mtctl up" in text
    assert "KillMode=mixed" in text
    assert int(re.search(r"TimeoutStopSec=(\d+)", text)[1]) > 300  # type: ignore[index]


def test_a_crontab_line_quotes_what_the_shell_and_cron_would_read() -> None:
    line = _text("cron", Path("/srv/it's 100%"))
    assert line.startswith("* * * * * ")
    assert line.endswith("tick -q\n")
    assert "100\\%" in line
    assert "'\"'\"'" in line


def test_an_unknown_kind_is_told() -> None:
    with pytest.raises(MtctlError, match="upstart"):
        _text("upstart", Path("/srv"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("folder", ["plain", "with space"])
def test_systemd_accepts_the_units(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    root.mkdir()
    service = tmp_path / "mtctl-shop.service"
    service.write_text(_text("systemd", root), encoding="utf-8")
    files = [service]
    for part in re.split(r"^# --- ", _text("timer", root), flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        files.append(path)
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, files)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "mtctl-shop" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
