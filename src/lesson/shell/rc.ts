/**
 * Shell integration of the lab's bash: semantic prompt marks (OSC 133 A/B/C/D) and the command line (OSC 633;E;command;nonce) as the
 * terminal pane reads them, and a prompt that tells in which place one is. It also works in shells started from that shell
 * (`unshare -u bash`), because it lives in ~/.bashrc and the nonce is handed on; and, without command lines, in dash and busybox sh, whose
 * prompt carries the marks literally.
 */
import type { Lab } from '../../../engine/api/types.js';

/** Defined once in every interactive bash: marks, when a nonce is known, and the place. */
const INTEGRATION = String.raw`
# >>> glassbox shell integration >>>
__glassbox_where() {
  local now kind own= name
  now=$(readlink /proc/self/ns/mnt /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/pid /proc/self/ns/net /proc/self/ns/user /proc/self/ns/cgroup 2>/dev/null)
  now=$(printf '%s ' $now)
  [ -n "$GLASSBOX_HOST_NS" ] || export GLASSBOX_HOST_NS=$now GLASSBOX_HOST_ROOT="$(stat -c %d:%i / 2>/dev/null)"
  for kind in $now; do
    case " $GLASSBOX_HOST_NS" in *" $kind "*) ;; *) own="$own $(printf %s "$kind" | cut -d: -f1)" ;; esac
  done
  [ -n "$now" ] || own=" pid"
  case $own in *net*) name=$(ip netns identify 2>/dev/null) ;; esac
  [ "$(stat -c %d:%i / 2>/dev/null)" = "$GLASSBOX_HOST_ROOT" ] || own="$own root"
  __glassbox_place=lab
  [ -z "$own" ] || __glassbox_place="lab:$(printf %s "$own" | sed 's/^ //;s/ /+/g')"
  [ -z "$name" ] || __glassbox_place="$name"
}
__glassbox_escape() { local s=$1; s=${'$'}{s//\\/\\x5c}; s=${'$'}{s//;/\\x3b}; s=${'$'}{s//$'\n'/\\x0a}; s=${'$'}{s//$'\e'/\\x1b}; s=${'$'}{s//$'\a'/\\x07}; printf %s "$s"; }
__glassbox_before() { local s; s=$(HISTTIMEFORMAT= builtin history 1); [[ $s =~ ^\ *[0-9]+\*?\ +(.*)$ ]] || return; printf '\e]633;E;%s;%s\a\e]133;C\a' "$(__glassbox_escape "${'$'}{BASH_REMATCH[1]}")" "$__glassbox_nonce"; }
__glassbox_prompt() { printf '\e]133;D;%s\a\e]133;A\a' "$?"; }
__glassbox_start() {
  HISTCONTROL=; HISTIGNORE=; HISTTIMEFORMAT=; HISTFILE=; set -o history
  PROMPT_COMMAND=__glassbox_prompt
  PS0='$(__glassbox_before)'
  case $PS1 in *133\;B*) ;; *) PS1="$PS1"'\[\e]133;B\a\]' ;; esac
}
export __glassbox_nonce
__glassbox_where
if [ -z "$NO_COLOR" ]; then PS1='\[\e[1;36m\]$__glassbox_place\[\e[0m\]:\w\$ '; else PS1='$__glassbox_place:\w\$ '; fi
[ -z "$__glassbox_nonce" ] || __glassbox_start
type ll >/dev/null 2>&1 || alias ll='ls -l'
# <<< glassbox shell integration <<<
`;

/** The prompt of shells that are not bash: literal marks between the bytes that readline leaves out of its count. */
const PLAIN_PROMPT = '\u0001\u001b]133;D;$?\u0007\u001b]133;A\u0007\u0002sh:$PWD# \u0001\u001b]133;B\u0007\u0002';

/** Environment for the first shell of a lab: other shells below it inherit the marks. */
export function shellEnvironment(lang: string): Record<string, string> {
  return { TERM: 'xterm-256color', COLORTERM: 'truecolor', PS1: PLAIN_PROMPT, LANG: lang };
}

/** The whole start-up file of the lab's bash for `bash --rcfile`: what ~/.bashrc gives, with the marks on. */
export function shellRc(nonce: string): string {
  if (!/^[0-9a-f]{8,64}$/.test(nonce)) throw new Error('the nonce must be hexadecimal');
  return `[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc\n__glassbox_nonce=${nonce}\n${INTEGRATION}`;
}

/**
 * Put the integration into the lab's ~/.bashrc, once, so that shells started from the learner's shell are followed too.
 * @throws when the file cannot be written (a full disk, no home)
 */
export async function installShell(lab: Lab): Promise<void> {
  const script = [
    'f=~/.bashrc; mkdir -p ~',
    'if [ -r "$f" ] && grep -q ">>> glassbox shell integration" "$f"; then exit 0; fi',
    'cat >> "$f"',
  ].join('\n');
  const done = await lab.exec({ argv: ['sh', '-c', script], stdin: INTEGRATION, actor: 'lesson', timeoutMs: 10_000 });
  if (done.exitCode !== 0)
    throw new Error(`cannot write ~/.bashrc in the lab: ${done.stderr.trim() || `exit ${done.exitCode}`}`);
}
