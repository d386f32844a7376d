import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { defaultSpec } from '../../engine/runtime/spec/default-spec.js';
import { parseJson } from '../../engine/runtime/spec/json.js';
import { RLIMITS } from '../../engine/runtime/spec/names.js';
import { parseProcess, parseResources, parseSpec } from '../../engine/runtime/spec/parse.js';
import { type HostFacts, hostFacts } from '../../engine/runtime/spec/rule.js';
import { validateSpec } from '../../engine/runtime/spec/validate.js';
import { validateProcess } from '../../engine/runtime/spec/validate-process.js';
import { validateResources } from '../../engine/runtime/spec/validate-resources.js';
import { sysctlFile } from '../../engine/runtime/spec/validate-sysctl.js';
import { changed, FINE, RULES } from './runtime-spec-cases.js';

const bundle = mkdtempSync(join(tmpdir(), 'glassbox-bundle-'));
after(() => rmSync(bundle, { recursive: true }));
mkdirSync(join(bundle, 'rootfs', 'sub'), { recursive: true });
symlinkSync('rootfs', join(bundle, 'link'));

/** A machine with cgroup v1 and without security modules, whatever this one has. */
const HOST: HostFacts = { ...hostFacts(), selinux: false, apparmor: false, unifiedCgroups: false };
const base = JSON.parse(defaultSpec({ unifiedCgroups: false })) as object;

function check(change: Readonly<Record<string, unknown>>, rootless = false, host = HOST): readonly string[] {
  const spec = parseSpec(parseJson(JSON.stringify(changed(base, change))));
  return validateSpec(spec, { rootless, bundle, host }).warnings;
}

describe('validateSpec', () => {
  for (const { name, change, rootless, refused } of RULES)
    it(`refuses: ${name}`, () => {
      assert.throws(
        () => check(change, rootless),
        (error) => {
          assert.ok(error instanceof EngineError, `not an EngineError: ${String(error)}`);
          assert.equal(error.code, 'InvalidArgument');
          assert.ok(error.message.includes(refused), error.message);
          return true;
        },
      );
    });

  for (const { name, change, warns } of FINE)
    it(`takes: ${name}`, () => {
      const warnings = check(change);
      assert.equal(warnings.length, warns === undefined ? 0 : 1, warnings.join('\n'));
      assert.ok(warnings.join('').includes(warns ?? ''), warnings.join('\n'));
    });

  it('has names that tell the cases apart', () => {
    const names = [...RULES, ...FINE].map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });

  it('needs no pivot_root for every propagation but private', () => {
    const spec = parseSpec(changed(base, { 'linux.rootfsPropagation': 'rprivate' }));
    assert.throws(
      () => validateSpec(spec, { rootless: false, bundle, host: HOST, noPivot: true }),
      /rootfsPropagation of \[r\]private is not safe without pivot_root/,
    );
    assert.deepEqual(validateSpec(spec, { rootless: false, bundle, host: HOST }).warnings, []);
  });

  it('takes labels and profiles where the machine has the modules, and unified limits on v2', () => {
    const change = { 'process.selinuxLabel': 'a', 'linux.mountLabel': 'b', 'process.apparmorProfile': 'c' };
    assert.deepEqual(check(change, false, { ...HOST, selinux: true, apparmor: true }), []);
    const v2 = { ...HOST, unifiedCgroups: true };
    assert.deepEqual(
      check({ 'linux.resources.unified': { 'memory.max': '1', 'hugetlb.2MB.max': '0' } }, false, v2),
      [],
    );
    for (const key of ['cgroup.procs', '../x', 'x', 'memory.max\n', ''])
      assert.throws(() => check({ 'linux.resources.unified': { [key]: '1' } }, false, v2), /unified resource/, key);
    assert.throws(
      () => check({ 'linux.resources.memory': { swap: 5 } }, false, v2),
      /unable to set swap limit without memory limit/,
    );
  });

  it('takes a bundle behind a link, but no root behind one', () => {
    const link = `${bundle}-link`;
    symlinkSync(bundle, link);
    try {
      const spec = parseSpec(base);
      assert.deepEqual(validateSpec(spec, { rootless: false, bundle: link, host: HOST }).warnings, []);
      const absolute = parseSpec(changed(base, { 'root.path': join(link, 'rootfs') }));
      assert.throws(() => validateSpec(absolute, { rootless: false, bundle: link, host: HOST }), /invalid rootfs/);
    } finally {
      rmSync(link);
    }
  });

  it('takes a rootless container with its maps', () => {
    const spec = parseSpec(parseJson(defaultSpec({ unifiedCgroups: true, rootless: { uid: 1000, gid: 1000 } })));
    assert.deepEqual(validateSpec(spec, { rootless: true, bundle, host: HOST }).warnings, []);
  });

  it('warns of data for a bind mount and of what it does not apply', () => {
    const mount = { destination: '/x', source: '/tmp', options: ['bind', 'size=1m'] };
    assert.match(check({ mounts: [mount] }).join(''), /filesystem-specific options applied: ignoring size=1m/);
    assert.deepEqual(check({ 'linux.netDevices': { eth0: { name: 'x' } } }), [
      'linux.netDevices is not supported and is ignored',
    ]);
  });

  it('takes a proc over /proc, bound or new, and what lxcfs mounts', () => {
    const over = (mount: object): readonly string[] => check({ mounts: [mount] });
    assert.deepEqual(over({ destination: '/proc', source: '/proc', options: ['rbind'] }), []);
    assert.deepEqual(over({ destination: '//proc/./', type: 'proc' }), []);
    assert.deepEqual(over({ destination: '/proc/meminfo', source: '/tmp', options: ['bind'] }), []);
    assert.throws(() => over({ destination: 'proc/sys', type: 'sysfs' }), /inside \/proc/);
  });
});

describe('validateProcess and validateResources', () => {
  it('hold for exec and update alone', () => {
    const process = { cwd: '/', args: ['a'], user: { uid: 7 } };
    assert.deepEqual(validateProcess(parseProcess(process), { rootless: false }), []);
    const linux = parseSpec(changed(base, { 'linux.namespaces': [{ type: 'user' }] })).linux;
    assert.throws(
      () => validateProcess(parseProcess(process), { rootless: false, linux }),
      /cannot set uid to unmapped user in user namespace/,
    );
    assert.throws(() => validateResources(parseResources({ rdma: { 'a\nb': {} } })), /is not the name of a device/);
    assert.throws(
      () => validateResources(parseResources({ network: { priorities: [{ name: 'eth0 1' }] } })),
      /is not the name of a device/,
    );
  });

  it('knows the numbers of prlimit', (test) => {
    assert.equal(RLIMITS.get('RLIMIT_NOFILE'), 7);
    assert.equal(RLIMITS.get('RLIMIT_RTTIME'), 15);
    const header = '/usr/include/asm-generic/resource.h';
    if (!existsSync(header)) return test.skip(`${header} is not installed`);
    const defined = [...readFileSync(header, 'utf8').matchAll(/define (RLIMIT_[A-Z]+)\s+([0-9]+)/g)];
    assert.deepEqual(new Map(defined.map(([, name = '', number]) => [name, Number(number)])), RLIMITS);
  });
});

describe('sysctlFile', () => {
  it('takes both ways of writing a key', () => {
    for (const [key, file] of [
      ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
      ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
      ['net.ipv4.conf.eno2/100.rp_filter', 'net/ipv4/conf/eno2.100/rp_filter'],
      ['net/ipv4/conf/eno2.100/rp_filter', 'net/ipv4/conf/eno2.100/rp_filter'],
      ['kernel.shm_rmid_forced', 'kernel/shm_rmid_forced'],
      ['kernel', null],
      ['', null],
      ['.net', null],
      ['net..x', null],
      ['net/../kernel', null],
      ['net.//.kernel', null],
      ['net./.x', null],
      ['net.a b', null],
      ['net.a=b', null],
      ['net.a\n', null],
      ['net.a\0', null],
    ] as const)
      assert.equal(sysctlFile(key), file, key);
  });
});

describe('defaultSpec', () => {
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const rootful = defaultSpec({ unifiedCgroups: false });
  const rootless = defaultSpec({ unifiedCgroups: false, rootless: { uid: 0, gid: 0 } });

  it('is what runc 1.1.5 writes as root on cgroup v1', () => {
    assert.equal(sha(rootful), 'e108176619244a8ebd57924ad474ad8e4bda7f3a3058d01886c8de2460ef473a');
    assert.equal(sha(rootless), '5fc2f307a2c463a9184e147463e64a015aea1b06a3680f7e1dbdf8cd53f85374');
  });

  it('is what the installed runc writes', (test) => {
    const version = existsSync('/usr/sbin/runc')
      ? execFileSync('/usr/sbin/runc', ['--version'], { encoding: 'utf8' })
      : '';
    if (!version.startsWith('runc version 1.1.5')) return test.skip('runc 1.1.5 is not installed');
    const { unifiedCgroups } = hostFacts();
    const [uid = 0, gid = 0] = [process.geteuid?.(), process.getegid?.()];
    for (const [options, expected] of [
      [[], defaultSpec({ unifiedCgroups })],
      [['--rootless'], defaultSpec({ unifiedCgroups, rootless: { uid, gid } })],
    ] as const) {
      rmSync(join(bundle, 'config.json'), { force: true });
      execFileSync('/usr/sbin/runc', ['spec', '-b', bundle, ...options]);
      assert.equal(readFileSync(join(bundle, 'config.json'), 'utf8'), expected);
    }
  });
});
