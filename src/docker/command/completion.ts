export type Shell = 'bash' | 'zsh' | 'fish';

/** Scripts that ask `docker __complete` for each word: what the command knows is written down once. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for docker
_glassbox_docker() {
  local IFS=$'\\n'
  local line="\${COMP_LINE:0:COMP_POINT}"
  local words
  IFS=$' \\t\\n' read -r -a words <<<"$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local last="\${words[-1]}"
  local found
  found=($("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null))
  # bash breaks words at colons: what is before the last one is there already
  if [[ "$last" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    local prefix="\${last%"\${last##*:}"}"
    found=("\${found[@]#"$prefix"}")
  fi
  COMPREPLY=("\${found[@]}")
}
complete -o default -F _glassbox_docker docker glassbox-docker
`,
  zsh: `#compdef docker glassbox-docker
_glassbox_docker() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} )); then
    compadd -- "\${found[@]}"
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == "_glassbox_docker" ]]; then
  _glassbox_docker "$@"
else
  compdef _glassbox_docker docker glassbox-docker
fi
`,
  fish: `# fish completion for docker
function __glassbox_docker
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c docker -a '(__glassbox_docker)'
complete -c glassbox-docker -a '(__glassbox_docker)'
`,
};

export const completionScript = (shell: Shell): string => SCRIPTS[shell];
