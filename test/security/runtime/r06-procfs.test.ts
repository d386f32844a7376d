import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import { attacks, type Bundle, bundle, noSwitch, type Ran, run } from './attack.js';
import type { OciConfig, OciMount } from './docker-defaults.js';
import { perl } from './perl.js';

/**
 * What the runtime writes below /proc confines the container: sysctls, labels, maps. If the attacker decides what is found
 * there, the write goes somewhere else. CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-52881.
 */
const PORT = 'net/ipv4/ip_unprivileged_port_start';
const LOOK = perl(`
  # statfs(2): the type of the file system comes first
  sub magic { my $buffer = "\\0" x 120; my $r = sys('statfs', $_[0], $buffer); return $r eq '0' ? sprintf('%x', unpack('q', $buffer)) : $r }
  told $_, magic($_) for '/proc', '/proc/self/attr', '/proc/sys', '/proc/sys/${PORT}', '/proc/self/status';
  (my $port = slurp('/proc/sys/${PORT}')) =~ s/\\s+//g; told 'port', $port;
`);
const PROC = '9fa0';

/** A start that went well stands on a real /proc everywhere, with what was to be written written. */
function fooled({ status, stdout }: Ran): boolean {
  if (status !== 0) return false;
  const said = routes(stdout);
  return (
    ['/proc', '/proc/self/attr', '/proc/sys', '/proc/self/status'].some((path) => said.get(path) !== PROC) ||
    said.get(`/proc/sys/${PORT}`) !== PROC ||
    said.get('port') !== '0'
  );
}

function target(change: (config: OciConfig, rootfs: string) => void): Bundle {
  return bundle((config, rootfs) => {
    config.process.args = LOOK;
    change(config, rootfs);
  });
}

/** A /proc made of files, as an image with VOLUME /proc or a malicious volume has it. */
function fakeProc(directory: string): void {
  mkdirSync(join(directory, 'self/attr'), { recursive: true });
  mkdirSync(join(directory, 'sys/net/ipv4'), { recursive: true });
  for (const name of ['self/attr/exec', 'self/status', `sys/${PORT}`, 'sys/net/ipv4/ping_group_range'])
    writeFileSync(join(directory, name), 'fake');
}

const mountedOver = (mount: OciMount, last = true) =>
  target((config) => {
    if (mount.type === 'bind' && mount.source?.startsWith('/run/fake')) {
      const [, fake = ''] = /^(\/run\/fake-\d+)/.exec(mount.source) ?? [];
      fakeProc(fake);
    }
    const at = config.mounts.findIndex(({ destination }) => destination === '/proc') + 1;
    if (mount.destination === '/proc' && !last) config.mounts.splice(at - 1, 1, mount);
    else config.mounts.splice(at, 0, mount);
  });

const bind = (source: string, destination: string): OciMount => ({
  destination,
  type: 'bind',
  source,
  options: ['bind', 'rw'],
});
const tmpfs = (destination: string): OciMount => ({ destination, type: 'tmpfs', source: 'tmpfs', options: [] });

const disguises: Readonly<Record<string, () => Bundle>> = {
  '/proc of the image is a link': () =>
    target((_, rootfs) => {
      rmdirSync(join(rootfs, 'proc'));
      mkdirSync(join(rootfs, 'elsewhere'));
      fakeProc(join(rootfs, 'elsewhere'));
      symlinkSync('elsewhere', join(rootfs, 'proc'));
    }),
  '/sys of the image is a link': () =>
    target((_, rootfs) => {
      rmdirSync(join(rootfs, 'sys'));
      symlinkSync('proc', join(rootfs, 'sys'));
    }),
  'a volume instead of /proc': () => mountedOver(bind('/run/fake-1', '/proc'), false),
  'a volume over /proc': () => mountedOver(bind('/run/fake-2', '/proc')),
  'a tmpfs over /proc/self/attr': () => mountedOver(tmpfs('/proc/self/attr')),
  'a tmpfs over /proc/sys': () => mountedOver(tmpfs('/proc/sys')),
  'a tmpfs over /proc, spelt otherwise': () => mountedOver(tmpfs('/tmp/../proc/./sys')),
  'a volume over /proc/sys': () => mountedOver(bind('/run/fake-3/sys', '/proc/sys')),
  'another file of procfs over a sysctl': () => mountedOver(bind('/proc/self/comm', `/proc/sys/${PORT}`)),
};

attacks(import.meta.url, 'R06: a false /proc', () => {
  test('R06: an honest container stands on a real /proc', () => {
    const done = run(target(() => undefined));
    assert.equal(done.status, 0, done.stderr);
    assert.equal(fooled(done), false, done.stdout);
  });

  for (const [what, make] of Object.entries(disguises))
    test(`R06: with ${what}, the start fails or stands on a real /proc`, async () => {
      const machine = await canaries();
      try {
        const done = run(make());
        assert.equal(fooled(done), false, done.stdout);
        machine.check();
      } finally {
        machine.close();
      }
    });

  test('CVE-2025-52881: what is written to a sysctl does not reach another file of procfs', async () => {
    // the readiness of a process of ours to be ended: harmless, and it tells
    const victim = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const oom = `/proc/${victim.pid}/oom_score_adj`;
      const before = readFileSync(oom, 'utf8');
      const done = run(
        target((config) => {
          config.linux.sysctl = { 'net.ipv4.ip_unprivileged_port_start': '777' };
          config.mounts.splice(1, 0, bind(oom, `/proc/sys/${PORT}`));
        }),
      );
      assert.equal(readFileSync(oom, 'utf8'), before, done.stderr);
      assert.notEqual(done.status, 0, done.stdout);
    } finally {
      victim.kill('SIGKILL');
    }
  });

  test('CVE-2025-52881 twin: unchecked, it does', { skip: noSwitch }, () => {
    const victim = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const oom = `/proc/${victim.pid}/oom_score_adj`;
      run(
        target((config) => {
          config.linux.sysctl = { 'net.ipv4.ip_unprivileged_port_start': '777' };
          config.mounts.splice(1, 0, bind(oom, `/proc/sys/${PORT}`));
        }),
        { off: ['proc-check'] },
      );
      assert.equal(readFileSync(oom, 'utf8').trim(), '777');
    } finally {
      victim.kill('SIGKILL');
    }
  });

  test('R06 twin: unchecked, the container stands on files of the attacker', { skip: noSwitch }, () => {
    for (const what of ['a volume over /proc/sys', 'a tmpfs over /proc/self/attr', 'a volume instead of /proc']) {
      const make = disguises[what];
      assert.ok(make !== undefined, what);
      const done = run(make(), { off: ['proc-check'] });
      assert.equal(fooled(done), true, `${what}: ${done.stdout} ${done.stderr}`);
    }
  });
});
