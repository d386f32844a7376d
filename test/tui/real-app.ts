/** The real program, from its sources, on a terminal: engine, lab host, view. For tests in a sandbox, as root. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import addonUnicode11 from '@xterm/addon-unicode11';
import xterm, { type Terminal } from '@xterm/headless';
import { openPty, type Pty } from '../helpers/pty.js';
import { ROOT } from '../helpers/run-cli.js';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface RealOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Where progress and settings are kept; a new directory by default. */
  readonly home?: string;
  /** What runs it; the sources by default. */
  readonly command?: readonly string[];
}

const FROM_SOURCES = [
  process.execPath,
  '--import',
  import.meta.resolve('tsx'),
  '--input-type=module',
  '-e',
  `import { main } from ${JSON.stringify(join(ROOT, 'src/cli/main.ts'))}; process.exitCode = await main(process.argv.slice(1));`,
  '--',
];

export class RealApp {
  readonly terminal: Terminal;
  readonly pty: Pty;
  readonly home: string;
  /** Everything that was written to the terminal. */
  written = '';
  bytes = 0;
  readonly #ownHome: boolean;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(args: readonly string[], options: RealOptions = {}) {
    const { columns = 120, rows = 36 } = options;
    this.#ownHome = options.home === undefined;
    this.home = options.home ?? mkdtempSync(join(tmpdir(), 'glassbox-home-'));
    this.terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.terminal.loadAddon(new addonUnicode11.Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    this.pty = openPty([...(options.command ?? FROM_SOURCES), ...args], {
      columns,
      rows,
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        HOME: this.home,
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        ...options.env,
      },
    });
    void this.pty.exited.then(() => {
      this.#ended = true;
    });
    this.pty.onData((chunk) => {
      this.bytes += chunk.length;
      this.written = (this.written + Buffer.from(chunk).toString('utf8')).slice(-200_000);
      this.terminal.write(chunk, () => this.#wake());
    });
  }

  get rows(): string[] {
    const { active } = this.terminal.buffer;
    return Array.from(
      { length: this.terminal.rows },
      (_, y) => active.getLine(active.viewportY + y)?.translateToString(true) ?? '',
    );
  }

  get text(): string {
    return this.rows.join('\n');
  }

  /** True while the program has the whole screen. */
  get fullScreen(): boolean {
    return this.terminal.buffer.active.type === 'alternate';
  }

  type(text: string): void {
    this.pty.write(text);
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows);
    this.pty.resize(columns, rows);
  }

  /** Milliseconds until the screen is as wanted, looked at after every change of it. */
  async until(wanted: (text: string) => boolean, what: string, ms = 20_000): Promise<number> {
    const start = performance.now();
    while (!wanted(this.text)) {
      if (performance.now() - start > ms)
        throw new Error(`waited in vain for ${what}; the screen shows:\n${this.text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 100);
      });
    }
    return performance.now() - start;
  }

  async ready(): Promise<this> {
    await this.until((text) => /(root@glassbox|lab):[~/]\S*#/.test(text), 'the prompt');
    return this;
  }

  /** A command at the prompt; waits for its output to show `mark`. */
  async run(command: string, mark: string, ms?: number): Promise<void> {
    this.type(`${command}\r`);
    // What was typed shows the mark in pieces, what it prints shows it whole.
    await this.until((text) => text.includes(mark), `${mark} after ${command}`, ms);
  }

  /** Kill it, wait for the end, forget the home. */
  async end(): Promise<number> {
    if (!this.#ended) process.kill(await this.pty.pid, 'SIGKILL');
    const code = await this.pty.exited;
    if (this.#ownHome) rmSync(this.home, { recursive: true, force: true });
    return code;
  }
}

/** Processes of this sandbox whose command line or name has this. */
export function pidsOf(part: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        return comm === part || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part);
      } catch (error) {
        if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false; // it ended meanwhile
        throw error;
      }
    })
    .map(Number);
}
