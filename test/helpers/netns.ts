import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { check, realKernel } from '../../engine/kernel/kernel.js';

const CLONE_NEWNET = 0x40000000;
const INSIDE = 'GLASSBOX_TEST_IN_NETNS';

/** True in the process that `rerunInNamespaces` started. */
export const insideNamespaces = process.env[INSIDE] === '1';

/**
 * Run a test file again as root of a new user, network and mount namespace, and fail with what it printed when it
 * fails. The machine's own network is out of reach of what runs there.
 */
export function rerunInNamespaces(fileUrl: string): void {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const done = spawnSync(
    'unshare',
    ['-Urnm', process.execPath, '--import', 'tsx', '--test', '--test-reporter=spec', fileURLToPath(fileUrl)],
    { env: { ...env, [INSIDE]: '1' }, encoding: 'utf8', timeout: 600_000 },
  );
  process.stdout.write(done.stdout ?? '');
  assert.equal(done.error, undefined);
  assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`);
}

/** Move this thread into a new, empty network namespace; what it starts from now on is there too. Returns an fd of it. */
export function freshNetns(): number {
  assert.ok(insideNamespaces, 'only inside namespaces of our own');
  check(realKernel, 'unshare', [CLONE_NEWNET]);
  return openSync('/proc/thread-self/ns/net', 'r');
}

export function enterNetns(fd: number): void {
  check(realKernel, 'setns', [fd, CLONE_NEWNET]);
}

/** A second namespace beside the present one, to which the thread returns. Both are fds that the caller closes. */
export function siblingNetns(): { here: number; there: number } {
  const here = openSync('/proc/thread-self/ns/net', 'r');
  const there = freshNetns();
  enterNetns(here);
  return { here, there };
}

/** Do something in another namespace and come back. */
export function inNetns<T>(fd: number, act: () => T): T {
  const here = openSync('/proc/thread-self/ns/net', 'r');
  enterNetns(fd);
  try {
    return act();
  } finally {
    enterNetns(here);
    closeSync(here);
  }
}

/** What a program prints; its failure is the test's. */
export function run(program: string, ...argv: string[]): string {
  return execFileSync(program, argv, { encoding: 'utf8', timeout: 600_000 });
}

/** Run a command line that `describe` made, as a shell reads it. */
export function sh(command: string): string {
  return execFileSync('sh', ['-c', command], { encoding: 'utf8', timeout: 600_000, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** JSON that `ip -j` or `bridge -j` prints. */
export function ipJson(...argv: string[]): Record<string, unknown>[] {
  const text = run(argv[0] === 'bridge' ? 'bridge' : 'ip', '-j', ...(argv[0] === 'bridge' ? argv.slice(1) : argv));
  return text.trim() === ''
    ? []
    : (JSON.parse(text) as Record<string, unknown>[]).filter((row) => Object.keys(row).length > 0);
}
