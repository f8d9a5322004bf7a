"""The configuration of keys and looks: what cannot be is told with its file before the screen is taken."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

import mtctl
from mtctl.config import load_project, load_user_ui
from mtctl.core.errors import MtctlError
from mtctl.tui.keymap import keymap, normal, told


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        (("list.dwn", "x"), "binding_unknown", "did you mean 'list.down'?"),
        (("verb.retry", "cntrl+x"), "key_name_unknown", "did you mean 'ctrl+x'?"),
        (("verb.retry", "enterr"), "key_name_unknown", "did you mean 'enter'?"),
        (("verb.retry", "p"), "key_clash", "'pause'"),
        (("verb.retry", "x"), "key_clash", "'verb.cancel'"),
        (("list.up", "q"), "key_clash", "'quit'"),
        (("query.run", "?"), "key_clash", "'keys'"),
    ],
)
def test_own_keys_that_cannot_be_are_refused(wanted: tuple[str, str], code: str, words: str) -> None:
    with pytest.raises(MtctlError) as caught:
        keymap([(*wanted, "mtctl.toml")])
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "mtctl.toml" in caught.value.where


@pytest.mark.parametrize(
    ("key", "shown"), [("?", "?"), ("/", "/"), (":", ":"), ("<", "<"), ("@", "@"), ("f5", "f5"), ("ctrl+d", "ctrl+d")]
)
def test_keys_are_told_as_they_are_written(key: str, shown: str) -> None:
    assert told(normal(key)) == shown
    assert keymap([("verb.rename_table", "f9", "x")])["verb.rename_table"] == "f9"
    assert keymap([("range", normal("@"), "x")])["range"] == normal("@")


def test_own_keys_may_be_shared_by_what_never_meets_and_change_places() -> None:
    where = "mtctl.toml"
    assert keymap([]) == {}
    assert keymap([("verb.refresh", "x", where)])["verb.refresh"] == "x", "cancel is for instances"
    assert keymap([("form.do", "q", where)])["form.do"] == "q", "a form hides what is below"
    swapped = keymap([("verb.retry", "x", where), ("verb.cancel", "t", where)])
    assert (swapped["verb.retry"], swapped["verb.cancel"]) == ("x", "t")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[ui]\ntheem = 'nord'", "key_unknown", "ui.theme"),
        ("[ui]\npalette = 'bright'", "config_value", "colour-blind"),
        ("[ui]\ntime = 'CET'", "config_value", "'utc' or 'local'"),
        ("[ui]\nascii = 'yes'", "config_value", "true or false"),
        ("[ui]\ntheme = 7", "config_value", "in quotes"),
        ("[ui]\nkeys = 'x'", "config_value", "[ui.keys]"),
        ("[ui.keys]\n'list.up' = ['x']", "config_value", "ui.keys.list.up"),
        ("[ui.keys]\nlist.up = ','", "config_value", "ui.keys.list.up"),
        ("ui = 1", "config_value", "[ui]"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_told(tmp_path: Path, text: str, code: str, words: str) -> None:
    (tmp_path / "mtctl.toml").write_text(f"{text}\n", encoding="utf-8")
    (tmp_path / "config.toml").write_text(f"{text}\n", encoding="utf-8")
    for read in (load_project, load_user_ui):
        with pytest.raises(MtctlError) as caught:
            read(tmp_path)
        assert caught.value.code == code
        assert words in str(caught.value)
        assert caught.value.where.endswith(".toml")


def test_both_files_give_keys_and_the_users_wins(tmp_path: Path) -> None:
    (tmp_path / "mtctl.toml").write_text("[ui.keys]\nlist.up = 'w'\n'verb.retry' = 'f5, f6'\n", encoding="utf-8")
    (tmp_path / "config.toml").write_text("[ui.keys]\nlist.up = 'ctrl+w'\n", encoding="utf-8")
    joined = load_project(tmp_path).ui.under(load_user_ui(tmp_path))
    assert {name: keys for name, keys, _ in joined.keys} == {"list.up": "ctrl+w", "verb.retry": "f5,f6"}
    (tmp_path / "config.toml").write_text("[lake]\n", encoding="utf-8")
    with pytest.raises(MtctlError, match="unknown key"):
        load_user_ui(tmp_path)
    (tmp_path / "config.toml").unlink()
    assert load_user_ui(tmp_path).keys == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[ui.keys]\n'list.dwn' = 'x'", "binding_unknown"),
        ("[ui.keys]\n'verb.retry' = 'x'", "key_clash"),
    ],
)
def test_wrong_keys_end_it_before_the_screen_is_taken(own: Path, tmp_path: Path, text: str, code: str) -> None:
    with (own / "mtctl.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
    exit_code, said = _in_terminal(own, tmp_path)
    assert exit_code == 2
    assert said.startswith(f"error[{code}]:")
    assert "\x1b" not in said
    assert said.strip().count("\n") == 0


def _in_terminal(root: Path, home: Path) -> tuple[int, str]:
    """Run `mtctl ui` in a pseudo-terminal until it ends; return its exit code and what it wrote."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-m", "mtctl", "-C", str(root), "ui"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environ, cwd=Path(mtctl.__file__).parents[1],
    ) as child:  # fmt: skip
        os.close(theirs)
        said = b""
        while select.select([ours], [], [], 30)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            said += part
        child.wait(30)
    os.close(ours)
    return child.returncode, said.decode()
