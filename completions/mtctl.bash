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
