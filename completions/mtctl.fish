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
            printf '%s\n' $lines
    end
end
complete -c mtctl -f -a '(__mtctl_complete)'
