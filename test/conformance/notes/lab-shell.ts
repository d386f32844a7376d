import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openPty, type Pty } from '../../helpers/pty.js';
import { ROOT } from '../../helpers/run-cli.js';
import type { Step } from './steps.js';

/** The lab's prompt tells the exit status; what is typed shows it as `$?`, and is not taken for it. */
const PROMPT = /@@(\d+)@@$/;
/** Of BusyBox's shell, which asks for the cursor's place behind it, and of bash. */
const INNER_OR_PROMPT = /(?:\/ #|[#$]) (?:\x1b\[6n)?$|@@\d+@@$/;
const TIME_MS = 60_000;

/** A terminal at which bash of a lab runs. */
export class LabShell {
  readonly #pty: Pty;
  #text = '';
  /** Where what was typed last begins to have an effect. */
  #from = 0;
  #wake: () => void = () => undefined;

  private constructor(pty: Pty) {
    this.#pty = pty;
    const decoder = new TextDecoder();
    pty.onData((bytes) => {
      this.#text += decoder.decode(bytes, { stream: true });
      this.#wake();
    });
  }

  static async open(): Promise<LabShell> {
    const bin = join(ROOT, 'bin', 'glassbox.mjs');
    const argv = [process.execPath, bin, 'play', '--', 'bash', '--norc', '--noediting', '-i'];
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TERM: 'xterm', LANG: 'C.UTF-8' };
    const shell = new LabShell(openPty(argv, { columns: 250, rows: 50, env, cwd: ROOT }));
    await shell.#until(/\$ $|# $/, 'the prompt of the lab');
    shell.#type("PS1='@@$?@@'");
    await shell.#until(PROMPT, 'the prompt that tells exit statuses');
    return shell;
  }

  /** Run a command line to its end; what appeared and its exit status. */
  async run({ line, inside = [], until }: Step): Promise<{ readonly text: string; readonly exit: number }> {
    this.#text = '';
    this.#type(line);
    for (const word of inside) {
      await this.#until(INNER_OR_PROMPT, `the prompt inside of: ${line}`);
      assert.doesNotMatch(this.#text, PROMPT, `it ended at once: ${this.#text}`);
      this.#type(word);
    }
    if (until !== undefined) {
      await this.#until(until, line);
      this.#pty.write('\x03');
    }
    await this.#until(PROMPT, line);
    const text = this.#text.replaceAll('\r', '');
    return { text, exit: Number(PROMPT.exec(text)?.[1]) };
  }

  async close(): Promise<void> {
    this.#pty.write('exit\n');
    const ended = await Promise.race([this.#pty.exited.then(() => true), delay(TIME_MS).then(() => false)]);
    this.#pty.close();
    assert.ok(ended, 'the lab did not end with its shell');
  }

  #type(line: string): void {
    this.#from = this.#text.length;
    this.#pty.write(`${line}\n`);
  }

  async #until(pattern: RegExp, what: string): Promise<void> {
    const end = Date.now() + TIME_MS;
    while (!pattern.test(this.#text.slice(this.#from))) {
      const left = end - Date.now();
      assert.ok(left > 0, `nothing more came while waiting for ${what}; there was: ${this.#text.slice(-2000)}`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), delay(left)]);
    }
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
