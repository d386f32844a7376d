/** CVE-2019-14271, CVE-2022-1227: a daemon that enters a container's root to copy runs or loads what the image put there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../helpers/docker/programs.js';
import { containerRoot, copyWork } from './copy-attack.js';
import { attacks } from './runtime/attack.js';

const PROGRAMS = ['ps', 'tar', 'nsenter', 'iptables', 'unshare', 'mount', 'gzip', 'node', 'docker-tar'];
const LIBRARIES = [
  'etc/ld.so.preload',
  'etc/ld.so.cache',
  'etc/nsswitch.conf',
  'lib/x86_64-linux-gnu/libnss_files.so.2',
  'lib/aarch64-linux-gnu/libnss_files.so.2',
  'usr/lib/libnss_compat.so.2',
  'node_modules/tsx/package.json',
  'package.json',
];

/** A root in which everything that a careless daemon might use leaves a mark. */
function poisoned(): { readonly root: string; readonly marker: string; readonly outside: string } {
  const { root, outside } = containerRoot();
  const marker = join(outside, 'marker');
  for (const name of PROGRAMS)
    for (const directory of ['bin', 'usr/bin', 'sbin', 'usr/sbin']) {
      const path = join(root, directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `#!/bin/sh\necho ${name} >>${marker}\n`);
      chmodSync(path, 0o755);
    }
  for (const name of LIBRARIES) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), `${root}/usr/lib/libnss_compat.so.2\n`);
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
  return { root, marker, outside };
}

const WORK = 'get,stat,put,export,user,top,stats';

attacks(import.meta.url, 'F02: poisoned roots', () => {
  test('CVE-2019-14271: cp, export, top and stats run and load nothing of the container', () => {
    const { root, marker } = poisoned();
    const path = `${root}/bin:${root}/usr/bin:${process.env['PATH']}`;
    const done = copyWork(WORK, root, '/etc', { cwd: root, env: { PATH: path } });
    // `user` is asked for a user named /etc
    assert.deepEqual([done.done, done.errors], [6, ['unable to find user /etc: no matching entries in passwd file']]);
    assert.deepEqual(done.mapped, []);
    assert.ok(!existsSync(marker), 'a program of the container ran');
  });

  const strace = findProgram('strace');
  test("CVE-2019-14271: the only program that is started is the machine's ps", {
    skip: strace === null ? 'strace is not installed' : false,
  }, () => {
    const { root } = poisoned();
    const log = `${root}.strace`;
    copyWork(WORK, root, '/etc', {
      prefix: [strace as string, '-f', '-qq', '-e', 'trace=execve,chroot,setns', '-o', log],
    });
    const calls = execFileSync('cat', [log], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => / = 0$/.test(line));
    const started = calls.flatMap((line) => /execve\("([^"]*)"/.exec(line)?.[1] ?? []);
    assert.ok(
      started.some((one) => /^\/(usr\/)?bin\/ps$/.test(one)),
      `ps was not started: ${started.join(' ')}`,
    );
    for (const one of started) assert.match(one, /^\/((usr\/)?bin\/ps|.*\/node|.*\/esbuild)$/);
    assert.deepEqual(
      calls.filter((line) => /chroot|setns/.test(line)),
      [],
    );
  });

  test('CVE-2019-14271 twin: who looks for ps by its name alone runs the poison', () => {
    const { root, marker } = poisoned();
    execFileSync('ps', [], { env: { PATH: `${root}/bin:/usr/bin:/bin` }, cwd: root });
    assert.ok(existsSync(marker), 'the poison does nothing, so that the test shows nothing');
  });
});
