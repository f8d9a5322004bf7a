"""Floor 4. `completion`: the scripts that connect a shell's Tab key with the fast path of the program.

Each script hands over the words up to the cursor and shows what comes back, so it holds no command names and never goes
stale.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.ui import Ui

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Shell(StrEnum):
    """The shells that mtctl completes in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_BASH = """\
# bash completion for mtctl: put it into ~/.local/share/bash-completion/completions/mtctl
_mtctl_completion() {
    local kind
    mapfile -t COMPREPLY < <(_MTCTL_COMPLETE=bash "${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    kind=${COMPREPLY[0]-}
    case $kind in
        :file) COMPREPLY=(); compopt -o default ;;
        :dir) COMPREPLY=(); compopt -o dirnames ;;
    esac
}
complete -F _mtctl_completion mtctl
"""

_ZSH = """\
#compdef mtctl
# zsh completion for mtctl: put it into a folder of $fpath under the name _mtctl
_mtctl_completion() {
    local -a lines
    lines=("${(@f)$(_MTCTL_COMPLETE=zsh "${words[1]}" "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    case ${lines[1]} in
        :file) _files ;;
        :dir) _files -/ ;;
        '') return 1 ;;
        *) _describe mtctl lines ;;
    esac
}
if [[ "$funcstack[1]" == "_mtctl" ]]; then
    _mtctl_completion "$@"
else
    compdef _mtctl_completion mtctl
fi
"""

_FISH = """\
# fish completion for mtctl: put it into ~/.config/fish/completions/mtctl.fish
function __mtctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (_MTCTL_COMPLETE=fish $words[1] $words[2..-1] 2>/dev/null)
    switch "$lines[1]"
        case ':file'
            __fish_complete_path (commandline -ct)
        case ':dir'
            __fish_complete_directories (commandline -ct)
        case '*'
            printf '%s\\n' $lines
    end
end
complete -c mtctl -f -a '(__mtctl_complete)'
"""

SCRIPTS: dict[Shell, tuple[str, str]] = {
    Shell.BASH: ("mtctl.bash", _BASH),
    Shell.ZSH: ("_mtctl", _ZSH),
    Shell.FISH: ("mtctl.fish", _FISH),
}
"""For each shell the file name of its script and the script."""


@command(app, "completion", 'eval "$(mtctl completion bash)"', "mtctl completion zsh > ~/.zfunc/_mtctl")
def completion(
    ui: Ui,  # noqa: ARG001 - every command has one
    shell: Annotated[Shell, typer.Argument(help="The shell.")],
) -> None:
    """Print the completion script of a shell."""
    sys.stdout.write(SCRIPTS[shell][1])
