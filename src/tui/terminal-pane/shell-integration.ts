/**
 * Learning which command was typed and how it ended, from the shell itself: semantic prompt marks (OSC 133 A/B/C/D, the
 * FinalTerm protocol, `aid=` naming the shell) and the command line (`OSC 633 ; E ; command ; nonce`, as VS Code's shell
 * integration has it). The nonce, which is also the `aid`, is known to the shell only: a program that prints such a sequence,
 * or a shell inside the shell, is not believed.
 */
import { randomBytes } from 'node:crypto';
import type { Lab, SessionRequest } from '../../../engine/api/types.js';

/** A command line that a shell ran. */
export interface ShellCommand {
  readonly line: string;
  readonly startedAt: number;
}

export interface FinishedCommand extends ShellCommand {
  readonly exitCode: number;
  readonly endedAt: number;
}

export interface ShellListener {
  onStart?(command: ShellCommand): void;
  onEnd?(command: FinishedCommand): void;
  /** The prompt is there: the shell waits for a command. */
  onPrompt?(): void;
}

/** Undo the escaping of `__glassbox_escape` below: `\xHH`. */
function unescapeCommand(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Follows the marks of one shell. */
export class ShellTracker {
  readonly #nonce: string;
  readonly #listener: ShellListener;
  #line: string | null = null;
  #running: ShellCommand | null = null;

  constructor(nonce: string, listener: ShellListener) {
    this.#nonce = nonce;
    this.#listener = listener;
  }

  /** Payload of OSC 133. */
  mark(data: string): void {
    const fields = data.split(';');
    if (!fields.includes(`aid=${this.#nonce}`)) return;
    const [kind, status] = fields;
    if (kind === 'B') this.#listener.onPrompt?.();
    else if (kind === 'C' && this.#line !== null) {
      this.#running = { line: this.#line, startedAt: Date.now() };
      this.#line = null;
      this.#listener.onStart?.(this.#running);
    } else if (kind === 'D' && this.#running !== null) {
      const exitCode = Number(status);
      const command = this.#running;
      this.#running = null;
      this.#listener.onEnd?.({ ...command, exitCode: Number.isInteger(exitCode) ? exitCode : 0, endedAt: Date.now() });
    }
  }

  /** Payload of OSC 633; a command line with another nonce is ignored. */
  property(data: string): void {
    const match = /^E;([\s\S]*);([0-9a-f]*)$/.exec(data);
    if (match !== null && match[2] === this.#nonce) this.#line = unescapeCommand(match[1]!);
  }
}

/**
 * The start-up file of the shell. bash runs PROMPT_COMMAND before a prompt and expands PS0 between reading a command and
 * running it; the command itself is the last entry of the history. The file removes itself, and the nonce stays in an
 * unexported variable.
 */
export function bashStartup(nonce: string, path: string): string {
  return `rm -f -- '${path}'
[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
[ -r ~/.bashrc ] && . ~/.bashrc
type ll >/dev/null 2>&1 || alias ll='ls -l'
HISTCONTROL=; HISTIGNORE=; HISTTIMEFORMAT=; HISTFILE=; set -o history
__glassbox_nonce=${nonce}
__glassbox_escape() { local s=$1; s=\${s//\\\\/\\\\x5c}; s=\${s//;/\\\\x3b}; s=\${s//$'\\n'/\\\\x0a}; s=\${s//$'\\e'/\\\\x1b}; s=\${s//$'\\a'/\\\\x07}; printf %s "$s"; }
__glassbox_before() { local s; s=$(HISTTIMEFORMAT= builtin history 1); [[ $s =~ ^\\ *[0-9]+\\*?\\ +(.*)$ ]] || return; printf '\\e]633;E;%s;%s\\a\\e]133;C;aid=%s\\a' "$(__glassbox_escape "\${BASH_REMATCH[1]}")" "$__glassbox_nonce" "$__glassbox_nonce"; }
__glassbox_prompt() { printf '\\e]133;D;%s;aid=%s\\a\\e]133;A;aid=%s\\a' "$?" "$__glassbox_nonce" "$__glassbox_nonce"; }
PROMPT_COMMAND=__glassbox_prompt
PS0='$(__glassbox_before)'
case $PS1 in *133\\;B*) ;; *) PS1="$PS1"'\\[\\e]133;B;aid=${nonce}\\a\\]';; esac
`;
}

export interface PreparedShell {
  readonly request: Omit<SessionRequest, 'cols' | 'rows'>;
  readonly nonce: string;
}

/**
 * Put the start-up file into the lab and say how to start the shell. Where the lab has no bash, or no place for the file, the
 * shell starts without marks: commands are then not followed, all else works.
 */
export async function prepareShell(lab: Lab, prompt?: string): Promise<PreparedShell> {
  const nonce = randomBytes(16).toString('hex');
  const path = `/tmp/.glassbox-shell-${nonce.slice(0, 8)}`;
  const env = { TERM: 'xterm-256color', COLORTERM: 'truecolor' };
  const startup =
    bashStartup(nonce, path) +
    (prompt === undefined ? '' : `PS1='${prompt.replaceAll("'", "'\\''")}\\[\\e]133;B;aid=${nonce}\\a\\]'\n`);
  const written = await lab.exec({
    argv: ['/bin/sh', '-c', 'command -v bash >/dev/null && umask 077 && cat > "$1"', 'sh', path],
    stdin: startup,
    actor: 'engine',
  });
  if (written.exitCode !== 0) return { request: { argv: ['/bin/sh', '-i'], env }, nonce };
  return { request: { argv: ['bash', '--rcfile', path, '-i'], env }, nonce };
}
