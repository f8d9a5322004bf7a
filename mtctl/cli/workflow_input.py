"""Floor 4. What people give to the workflow commands: TOML files, words, pairs, and the text of their editor."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError, usage
from mtctl.services.typed import toml_of, words_of
from mtctl.text_files import decode_text, read_text_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def text_of(file: str) -> str:
    """Return the text of a file, or of stdin for `-`; errors of `config.read_text_file`."""
    if file == "-":
        return decode_text(sys.stdin.buffer.read(), what="the definition", where="<stdin>")
    return read_text_file(Path(file), what="the file")


def form_of(file: str) -> dict[str, Any]:
    """Return the keys and values of a TOML file, its stem as the name where it has none; error `toml_syntax`."""
    form = toml_of(text_of(file), "<stdin>" if file == "-" else file)
    if "name" not in form and file != "-":
        form = {"name": Path(file).stem, **form}
    return form


def form_of_words(words: Mapping[str, Any], tasks: Sequence[str], *, chain: bool) -> dict[str, Any]:
    """Return the file form of a workflow that options describe; usage errors `workflow_name_missing`, `task_word`."""
    from mtctl.services.workflow_task_edits import task_of_word  # only where words make tasks

    if "name" not in words:
        raise usage("workflow_name_missing", "the workflow has no name", fix="write it: mtctl workflow create NAME")
    made = [task_of_word(word) for word in tasks]
    for before, task in itertools.pairwise(made) if chain else ():
        task["upstream"] = [before["name"]]
    return {**words, "tasks": made}


def edited(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person made of a definition in `$VISUAL` or `$EDITOR`; without a terminal a usage error."""
    from mtctl.services.workflow_text import toml_text  # only where somebody edits

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise usage("editor_terminal", "an editor needs a terminal", where="mtctl workflow edit", fix="use -f FILE")
    program = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="mtctl-") as folder:
        path = Path(folder) / "workflow.toml"
        path.write_text(toml_text(form), encoding="utf-8")
        try:
            done = subprocess.run([*words_of(program, "EDITOR"), str(path)], check=False)
        except OSError as error:
            raise usage("editor_failed", f"{program}: {error.strerror}", where="EDITOR", fix="set EDITOR") from None
        if done.returncode:
            raise MtctlError(
                "editor_failed", f"{program} ended with {done.returncode}", kind=Kind.FAILED, fix="nothing was changed"
            )
        return toml_of(read_text_file(path, what="the edited text"), "the edited text")
