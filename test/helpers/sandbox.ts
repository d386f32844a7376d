import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './run-cli.js';

/** True in the second run of a test file, inside namespaces made for it. */
export const inSandbox = process.env['GLASSBOX_TEST_SANDBOX'] === '1';
export const isRoot = process.getuid?.() === 0;

if (inSandbox && isRoot) removeStaleGroups();

/**
 * Groups named after this sandbox's pid namespace are older than it: they were left by a run that was killed, and the number
 * has been given again. Empty ones are removed; one with processes is an error.
 */
function removeStaleGroups(): void {
  const namespace = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
  const top = '/sys/fs/cgroup';
  const remove = (path: string): void => {
    for (const name of directories(path)) remove(`${path}/${name}`);
    rmdirSync(path);
  };
  const isStale = (name: string): boolean => name.startsWith('glassbox-') && name.endsWith(`-${namespace}`);
  const directories = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  for (const hierarchy of ['', ...directories(top).map((name) => `/${name}`)])
    for (const name of directories(top + hierarchy)) if (isStale(name)) remove(`${top}${hierarchy}/${name}`);
}

/**
 * Run a test file again as the only thing in new mount, pid, network, uts and ipc namespaces: what it finds there before
 * and after is its own doing, whatever else runs on the machine, and it cannot reach the machine's own network.
 */
export function rerunInSandbox(url: string, options: { timeoutMs?: number } = {}): void {
  const file = fileURLToPath(url);
  const done = spawnSync(
    'unshare',
    [
      '--mount',
      '--pid',
      '--net',
      '--uts',
      '--ipc',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--',
      'sh',
      '-c',
      // a /run of its own; and the shell stays as pid 1, because it reaps orphans, which Node does not
      'mount -t tmpfs tmpfs /run && "$@"; exit $?',
      'sandbox',
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      '--test-reporter=tap',
      '--test-reporter-destination=stdout',
      ...rowsForNpmTest(),
      // without --test: one file needs no runner in another process
      file,
    ],
    {
      encoding: 'utf8',
      timeout: options.timeoutMs ?? 570_000,
      killSignal: 'SIGKILL',
      maxBuffer: 64 << 20,
      env: { ...process.env, GLASSBOX_TEST_SANDBOX: '1', NODE_TEST_CONTEXT: undefined },
    },
  );
  for (const [, line] of done.stdout.matchAll(/^ *# (looked again.*)/gm)) console.log(line);
  if (done.status !== 0) {
    const failures = done.stdout
      .split('\n')
      .filter((line) => !/^\s*(ok |# Subtest|duration_ms|type:|\.\.\.|---$)/.test(line));
    assert.fail(
      `in its sandbox ${file} failed (exit ${done.status}, ${done.signal ?? 'no signal'}):\n${failures.join('\n').slice(0, 12_000)}\n${done.stderr.slice(0, 4000)}`,
    );
  }
  // written when all tests have ended; before it may stand what a test wrote
  const count = /# pass (\d+)$/m.exec(done.stdout)?.[1];
  assert.ok(Number(count) > 0, `no test ran in the sandbox of ${file}, or it ended before its tests`);
}

/** `npm test` sees one test here; what is skipped inside it finds in a file of the folder that it names. */
function rowsForNpmTest(): readonly string[] {
  const folder = process.env['GLASSBOX_TEST_ROWS'];
  if (folder === undefined) return [];
  return [
    `--test-reporter=${join(ROOT, 'scripts', 'lib', 'report.mjs')}`,
    `--test-reporter-destination=${join(folder, `${randomUUID()}.jsonl`)}`,
  ];
}
