import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { routes } from '../attack.js';
import { attacks, type Bundle, bundle, type How, noSwitch, printed, run } from './attack.js';
import { perl } from './perl.js';

/**
 * CVE-2014-8989: whoever may drop a group gets at files that are closed to that group and open to everyone else. A user
 * without privileges who makes a user namespace must give up setgroups(2) before the groups are mapped. user_namespaces(7)
 */
const USER = 54_321;
const CLOSED_TO = 4242;
const AS_USER = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, `--groups=${CLOSED_TO}`, '--'];
const STATE = '/run/attack/rootless';
const DROP = perl(`
  told 'setgroups file', slurp('/proc/self/setgroups') =~ s/\\s//gr;
  told 'drop', sys('setgroups', 0, 0);
  told 'file', do { my $h = opened('/closed', 0); ref $h ? 'OPENED' : $h };
`);

/** A container as an ordinary user starts it: one user, no groups to write to. */
function rootless(): Bundle {
  const target = bundle((config, rootfs) => {
    config.process.args = DROP;
    config.process.user = { uid: 0, gid: 0 };
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = [{ containerID: 0, hostID: USER, size: 1 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: USER, size: 1 }];
    config.linux.resources = { devices: [] };
    config.linux.sysctl = {};
    config.mounts = config.mounts
      .filter(({ destination }) => destination !== '/sys/fs/cgroup')
      .map((mount) => ({ ...mount, options: (mount.options ?? []).filter((option) => option !== 'gid=5') }));
    delete (config.linux as { cgroupsPath?: string }).cgroupsPath;
    writeFileSync(join(rootfs, 'closed'), 'not for this group');
  });
  spawnSync('chown', ['-hR', `${USER}:${USER}`, target.directory]);
  const closed = join(target.rootfs, 'closed');
  chownSync(closed, 0, CLOSED_TO);
  chmodSync(closed, 0o604);
  mkdirSync(STATE, { recursive: true });
  chownSync(STATE, USER, USER);
  return target;
}

const how: How = { prefix: AS_USER, state: STATE, env: { HOME: '/nonexistent', XDG_RUNTIME_DIR: STATE } };

attacks(import.meta.url, 'R14: dropping a group', () => {
  test('CVE-2014-8989: a file that is closed to a group of the starter stays closed', () => {
    const said = routes(printed(rootless(), how));
    assert.equal(said.get('setgroups file'), 'deny');
    assert.equal(said.get('drop'), 'EPERM');
    assert.equal(said.get('file'), 'EACCES');
  });

  test('CVE-2014-8989: "deny" is written before the groups are mapped', () => {
    const log = '/run/attack/strace';
    const target = rootless();
    writeFileSync(log, '');
    chmodSync(log, 0o666);
    printed(target, {
      ...how,
      prefix: [...AS_USER, 'strace', '-f', '-qq', '-s', '64', '-o', log, '-e', 'trace=openat,open,write,pwrite64'],
    });
    const lines = readFileSync(log, 'utf8').split('\n');
    const at = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));
    const [deny, groups] = [at(/write.*"deny/), at(/open.*\/gid_map"/)];
    assert.ok(deny >= 0 && groups >= 0, `deny in line ${deny}, gid_map in line ${groups}`);
    assert.ok(deny < groups, `gid_map is written in line ${groups}, "deny" in line ${deny}`);
  });

  test('CVE-2014-8989 twin: the group can be dropped where nobody denied it', () => {
    // as root of the machine, who has the group: what the container could do if the kernel did not refuse it
    const target = rootless();
    const done = spawnSync(
      'setpriv',
      [
        `--groups=${CLOSED_TO}`,
        '--',
        ...perl(
          `$! = 0; told 'drop', sys('setgroups', 0, 0); $( = $) = "${USER} ${USER}"; $< = $> = ${USER};
        told 'file', do { my $h = opened($ARGV[0], 0); ref $h ? 'OPENED' : $h };`,
          join(target.rootfs, 'closed'),
        ),
      ],
      { encoding: 'utf8' },
    );
    assert.equal(routes(done.stdout).get('file'), 'OPENED', done.stderr);
  });

  test('CVE-2014-8989 twin: without the guard the kernel itself refuses the map', { skip: noSwitch }, () => {
    const done = run(rootless(), { ...how, off: ['setgroups-deny'] });
    assert.notEqual(done.status, 0, done.stdout);
    assert.match(done.stderr, /gid_map|EPERM|not permitted/i);
  });
});
