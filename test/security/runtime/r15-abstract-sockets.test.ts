import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, created, printed, started } from './attack.js';

/** CVE-2020-15257: a socket without a path is reached by every process of its network namespace, so also by a container on the machine's. */
function onHostNetwork(args: string[]): Bundle {
  return bundle((config) => {
    config.process.args = args;
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
    config.linux.sysctl = {};
  });
}

const names = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[7] ?? '')
    .filter((name) => name.startsWith('@'))
    .sort();
const seenInside = (): string[] => names(printed(onHostNetwork(['cat', '/proc/net/unix'])));

attacks(import.meta.url, 'R15: sockets without a path', () => {
  test("CVE-2020-15257: a container on the machine's network finds no abstract socket of the runtime", () => {
    const before = names(readFileSync('/proc/net/unix', 'utf8'));
    const waiting = created(onHostNetwork(['sleep', '60']));
    const running = started(onHostNetwork(['sleep', '60']));
    try {
      assert.deepEqual(seenInside(), before);
      assert.deepEqual(names(running.exec(['cat', '/proc/net/unix']).stdout), before);
    } finally {
      waiting.stop();
      running.stop();
    }
  });

  test('CVE-2020-15257 twin: one that is there is found', async () => {
    const bound = spawn(
      'python3',
      [
        '-c',
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind('\\0planted'); s.listen(); print('bound', flush=True); sys.stdin.read()",
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    try {
      await once(bound.stdout, 'data');
      assert.ok(seenInside().includes('@planted'), 'the attack cannot see it');
    } finally {
      bound.stdin.end();
      await once(bound, 'exit');
    }
  });
});
