import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beside } from './runtime/attack.js';
import { perl } from './runtime/perl.js';

const CHILD = fileURLToPath(new URL('./copy-child.ts', import.meta.url));

export interface Copied {
  readonly done: number;
  readonly refused: number;
  readonly leaks: number;
  readonly errors: readonly string[];
  /** Files of the container that were mapped into the daemon. */
  readonly mapped: readonly string[];
  /** What it printed besides: strace's lines. */
  readonly stderr: string;
}

export interface HowCopied {
  readonly off?: readonly string[];
  readonly rounds?: number;
  readonly secret?: string;
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Have a daemon's work done on a container's files: `get`, `put`, `stat`, `export`, `user`, `top` …, perhaps several; paths are parted by `|`. */
export function copyWork(work: string, root: string, path: string, how: HowCopied = {}): Copied {
  const { off = [], rounds = 1, secret = '', prefix = [], env = {}, cwd = '/' } = how;
  const [program = '', ...args] = [
    ...prefix,
    ...[process.execPath, '--import', import.meta.resolve('tsx'), CHILD, work, root, path, String(rounds), secret],
  ];
  const ran = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: 600_000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
    env: { ...process.env, ...env, GLASSBOX_TEST_GUARDS_OFF: off.join(',') },
  });
  assert.equal(ran.status, 0, `the daemon's work failed: ${ran.signal} ${ran.stderr.slice(-2000)}`);
  return { ...(JSON.parse(ran.stdout) as Omit<Copied, 'stderr'>), stderr: ran.stderr };
}

/** A container's root, and a directory of the machine beside it that holds a secret. */
export function containerRoot(): { readonly root: string; readonly outside: string; readonly secret: string } {
  mkdirSync('/run/copied', { recursive: true });
  const root = mkdtempSync('/run/copied/root-');
  const outside = mkdtempSync('/run/copied/outside-');
  const secret = `secret-${Math.random().toString(36).slice(2)}`;
  writeFileSync(join(outside, 'x'), secret);
  mkdirSync(join(root, 'safe'));
  writeFileSync(join(root, 'safe/x'), 'inside');
  return { root, outside, secret };
}

/**
 * A process of the container that exchanges two names of a directory for as long as it runs, renameat2(2) with RENAME_EXCHANGE: an odd
 * number of times in a row, so that each of them is the first for half of the time.
 */
export function flip(directory: string, first: string, second: string): ReturnType<typeof beside> {
  return beside(
    perl(
      `my ($one, $two) = @ARGV; my $end = getppid;
       while (getppid == $end) { for (1 .. 51) { syscall($nr{renameat2}, -100, $one, -100, $two, 2) == 0 or die name() } select undef, undef, undef, 0.0002 }`,
      join(directory, first),
      join(directory, second),
    ) as [string, ...string[]],
  );
}
