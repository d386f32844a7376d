import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attacks, bundle, created, type How, isOurs, noSwitch, STATE, started } from './attack.js';

/** CVE-2024-25621: what a runtime keeps about containers can be read, or entered, by every user of the machine. */
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];

/** What nobody can list, read, write or enter below the state directory, given all of its names. */
function reachable(): string[] {
  const names = [STATE, ...(readdirSync(STATE, { recursive: true }) as string[]).map((name) => join(STATE, name))];
  const script =
    'for f; do [ -r "$f" ] && echo "read $f"; [ -w "$f" ] && echo "write $f"; [ -d "$f" ] && ls "$f" >/dev/null 2>&1 && echo "list $f"; done; true';
  const done = spawnSync('setpriv', [...NOBODY, 'sh', '-c', script, 'sh', ...names], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim().split('\n').filter(Boolean);
}

function modes(): [path: string, mode: number][] {
  return [STATE, ...(readdirSync(STATE, { recursive: true }) as string[]).map((name) => join(STATE, name))].map(
    (path) => [path, statSync(path).mode & 0o7777],
  );
}

/** Two containers, one waiting and one running, for the time of `look`, in a state directory made anew. */
function withState(how: How, look: () => void): void {
  rmSync(STATE, { recursive: true, force: true });
  const sleeper = (): ReturnType<typeof bundle> =>
    bundle((config) => {
      config.process.args = ['sleep', '60'];
    });
  const umask: How = { ...how, prefix: ['sh', '-c', 'umask 0; exec "$@"', 'sh'] };
  const waiting = created(sleeper(), umask);
  const running = started(sleeper(), umask);
  try {
    look();
  } finally {
    waiting.stop();
    running.stop();
  }
}

attacks(import.meta.url, 'R16: state of containers', () => {
  test('CVE-2024-25621: nobody can read, write or list the state of containers, even with no umask', () => {
    withState({}, () => {
      for (const directory of ['/run', '/run/attack']) assert.ok((statSync(directory).mode & 0o1) !== 0, directory);
      assert.deepEqual(reachable(), []);
      for (const [path, mode] of modes()) {
        assert.equal(mode & 0o6000, 0, `${path} is set-id`);
        if (isOurs && statSync(path).isDirectory())
          assert.ok(mode === 0o700 || mode === 0o711, `${path} has mode ${mode.toString(8)}`);
      }
    });
  });

  test('CVE-2024-25621 twin: opened, the state is read', { skip: noSwitch }, () => {
    withState({ off: ['private-state-dir'] }, () => assert.notDeepEqual(reachable(), []));
  });

  test('R16 twin: the walk finds what is open', () => {
    withState({}, () => {
      chmodSync(STATE, 0o755);
      assert.ok(reachable().includes(`read ${STATE}`), 'it finds nothing');
      chmodSync(STATE, 0o700);
    });
  });
});
