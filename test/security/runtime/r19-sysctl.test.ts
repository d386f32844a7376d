import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { canaries } from '../attack.js';
import { attacks, type Bundle, bundle, noSwitch, run } from './attack.js';
import { manyRuns, type Result } from './many.js';

/** CVE-2022-0811: a sysctl of the whole machine is set, plainly or smuggled into the value or the name of one that may be set. */
function target(key: string, value: string): Bundle {
  return bundle((config) => {
    config.process.args = ['true'];
    config.linux.sysctl = { [key]: value };
    // what readonlyPaths would stop is not what stops it
    config.linux.readonlyPaths = [];
  });
}

/** The machine's own value: an attack that succeeds writes what is there. */
const own = (name: string): string => readFileSync(`/proc/sys/${name}`, 'utf8').trim();
const PATTERN = own('kernel/core_pattern');

const SMUGGLED: readonly (readonly [key: string, value: string])[] = [
  ['kernel.core_pattern', PATTERN],
  ['kernel/core_pattern', PATTERN],
  ['kernel.shm_rmid_forced.core_pattern', PATTERN],
  [`kernel.shm_rmid_forced=1+kernel.core_pattern`, PATTERN],
  ['net.ipv4.ip_forward/../../../kernel/core_pattern', PATTERN],
  ['net.../kernel/core_pattern', PATTERN],
  ['net/../kernel/core_pattern', PATTERN],
  ['net./../kernel.core_pattern', PATTERN],
  ['kernel.msgmax/../core_pattern', PATTERN],
  ['fs.mqueue/../../kernel/core_pattern', PATTERN],
  ['net..kernel.core_pattern', PATTERN],
  ['.kernel.core_pattern', PATTERN],
  ['/kernel/core_pattern', PATTERN],
  ['//proc/sys/kernel/core_pattern', PATTERN],
  ['kernel.core_pattern\n', PATTERN],
  ['kernel.shm_rmid_forced\0.core_pattern', PATTERN],
  ['vm.swappiness', own('vm/swappiness')],
  ['kernel.panic', own('kernel/panic')],
  ['kernel.hostname.x', 'x'],
  ['fs.file-max', own('fs/file-max')],
  ['user.max_user_namespaces', own('user/max_user_namespaces')],
  ['', 'x'],
  ['..', 'x'],
];

attacks(import.meta.url, 'R19: sysctls', () => {
  test('CVE-2022-0811: no sysctl of the machine is set, by no spelling', async () => {
    const machine = await canaries();
    try {
      const results = await manyRuns(
        SMUGGLED.map(([key, value]) => target(key, value)),
        {},
      );
      for (const [n, [key]] of SMUGGLED.entries()) {
        const { status, stderr } = results[n] as Result;
        assert.notEqual(status, 0, `${JSON.stringify(key)} was taken`);
        assert.match(stderr, /sysctl|kernel|net|proc\/sys|not (namespaced|allowed)|invalid/i, stderr);
      }
      machine.check();
    } finally {
      machine.close();
    }
  });

  test('CVE-2022-0811: a sysctl of a namespace that the container shares with the machine is not set', () => {
    for (const [key, value, namespace] of [
      ['net.ipv4.ip_forward', own('net/ipv4/ip_forward'), 'network'],
      ['kernel.msgmax', own('kernel/msgmax'), 'ipc'],
      ['fs.mqueue.msg_max', own('fs/mqueue/msg_max'), 'ipc'],
      ['kernel.domainname', own('kernel/domainname'), 'uts'],
    ] as const) {
      const shared = bundle((config) => {
        config.process.args = ['true'];
        delete config.hostname;
        config.linux.sysctl = { [key]: value };
        config.linux.readonlyPaths = [];
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== namespace);
      });
      assert.notEqual(run(shared).status, 0, `${key} was taken without a ${namespace} namespace`);
    }
  });

  test('CVE-2022-0811: a value with line breaks or an assignment is a value, not a second sysctl', () => {
    for (const separator of ['\n', '+', ' ', '\n\n', ';']) {
      const done = run(
        bundle((config) => {
          config.process.args = ['cat', '/proc/sys/net/ipv4/ip_default_ttl'];
          config.linux.sysctl = { 'kernel.shm_rmid_forced': `1${separator}net.ipv4.ip_default_ttl=77` };
        }),
      );
      if (done.status === 0) assert.notEqual(done.stdout.trim(), '77', JSON.stringify(separator));
    }
  });

  test('CVE-2022-0811 twin: unchecked, a sysctl of the machine is set', { skip: noSwitch }, () => {
    const done = run(target('kernel.core_pattern', PATTERN), { off: ['sysctl-check'] });
    assert.equal(done.status, 0, done.stderr);
  });
});
