/** The defaults of a container, item by item, against lists written down here a second time from moby's sources. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import {
  DEVICE_RULES,
  MASKED_PATHS,
  MOUNTS,
  NAMESPACES,
  NETWORK_SYSCTLS,
  POLICIES,
  READONLY_PATHS,
  thermalThrottlePaths,
} from '../../engine/policy/docker-defaults.js';
import { parseSpec } from '../../engine/runtime/spec/parse.js';

const words = (text: string): string[] => text.trim().split(/\s+/);

describe('what a container gets by default', () => {
  it('fourteen capabilities', () => {
    const expected = words(
      'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE',
    );
    assert.deepEqual(
      POLICIES.docker.capabilities,
      expected.map((name) => `CAP_${name}`),
    );
    assert.deepEqual([POLICIES.docker.noNewPrivileges, POLICIES.docker.pidsLimit], [false, null]);
  });

  it("strict: podman's eleven, no new privileges, 2048 processes", () => {
    const expected = words(
      'CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL',
    );
    assert.equal(expected.length, 11);
    assert.deepEqual(
      POLICIES.strict.capabilities,
      expected.map((name) => `CAP_${name}`),
    );
    assert.deepEqual([POLICIES.strict.noNewPrivileges, POLICIES.strict.pidsLimit], [true, 2048n]);
  });

  it('twelve masked and five read-only paths', () => {
    assert.deepEqual(
      MASKED_PATHS,
      words(`/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi
        /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware`),
    );
    assert.deepEqual(READONLY_PATHS, words('/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger'));
  });

  it("masks each processor's thermal_throttle that is there", () => {
    const cpus = mkdtempSync(join(tmpdir(), 'cpus-'));
    try {
      for (const name of ['cpu0/thermal_throttle', 'cpu1', 'cpu10/thermal_throttle', 'cpufreq/thermal_throttle'])
        mkdirSync(join(cpus, name), { recursive: true });
      writeFileSync(join(cpus, 'possible'), '0-10\n');
      assert.deepEqual(
        thermalThrottlePaths(cpus),
        ['cpu0', 'cpu10'].map((name) => `/sys/devices/system/cpu/${name}/thermal_throttle`),
      );
    } finally {
      rmSync(cpus, { recursive: true });
    }
  });

  it('seven mounts with their options', () => {
    assert.deepEqual(
      MOUNTS.map(({ destination, type, source, options }) => [destination, type, source, options.join(',')].join(' ')),
      [
        '/proc proc proc nosuid,noexec,nodev',
        '/dev tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k',
        '/dev/pts devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5',
        '/sys sysfs sysfs nosuid,noexec,nodev,ro',
        '/sys/fs/cgroup cgroup cgroup ro,nosuid,noexec,nodev',
        '/dev/mqueue mqueue mqueue nosuid,noexec,nodev',
        '/dev/shm tmpfs shm nosuid,noexec,nodev,mode=1777,size=67108864',
      ],
    );
  });

  it('no device but null, zero, random, urandom, tty, console', () => {
    assert.deepEqual(
      DEVICE_RULES.map(({ allow, type = 'a', major = '*', minor = '*', access }) =>
        [allow ? 'allow' : 'deny', type, `${major}:${minor}`, access].join(' '),
      ),
      [
        'deny a *:* rwm',
        ...['1:5', '1:3', '1:9', '1:8', '5:0', '5:1'].map((device) => `allow c ${device} rwm`),
        'deny c 10:229 rwm',
      ],
    );
  });

  it('six namespaces, and two sysctls of the network', () => {
    assert.deepEqual([...NAMESPACES].sort(), ['ipc', 'mount', 'network', 'pid', 'time', 'uts']);
    assert.deepEqual(NETWORK_SYSCTLS, {
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '0 2147483647',
    });
  });
});

describe('the whole config', () => {
  const types = (spec: ReturnType<typeof dockerDefaultSpec>): string[] => spec.linux.namespaces.map(({ type }) => type);

  it('has a cgroup namespace with v2 only, and a time namespace unless told not to', () => {
    const base = { rootfs: '/r', args: ['true'] };
    assert.deepEqual(types(dockerDefaultSpec({ ...base, cgroup: 'v1' })), [...NAMESPACES]);
    assert.deepEqual(types(dockerDefaultSpec({ ...base, cgroup: 'v2' })), [...NAMESPACES, 'cgroup']);
    assert.ok(!types(dockerDefaultSpec({ ...base, cgroup: 'v1', timeNamespace: false })).includes('time'), 'no time');
  });

  it('gives no capability to be inherited, and none ambient', () => {
    const { process } = dockerDefaultSpec({ rootfs: '/r', args: ['true'], cgroup: 'v1' });
    assert.deepEqual([process?.capabilities?.inheritable, process?.capabilities?.ambient], [[], []]);
    for (const set of ['bounding', 'effective', 'permitted'] as const)
      assert.deepEqual(process?.capabilities?.[set], POLICIES.docker.capabilities);
  });

  it('strict differs in capabilities, new privileges and processes only', () => {
    const base = { rootfs: '/r', args: ['true'], cgroup: 'v2' } as const;
    const [docker, strict] = [dockerDefaultSpec(base), dockerDefaultSpec({ ...base, policy: 'strict' })];
    assert.deepEqual([strict.process?.noNewPrivileges, strict.linux.resources.pids?.limit], [true, 2048n]);
    assert.deepEqual([docker.process?.noNewPrivileges, docker.linux.resources.pids], [undefined, undefined]);
    const { pids: _, ...resources } = strict.linux.resources;
    assert.deepEqual({ ...strict.linux, resources }, docker.linux);
    assert.deepEqual(strict.mounts, docker.mounts);
  });

  it('is a config that the parser accepts and keeps as it is', () => {
    for (const options of [
      { cgroup: 'v1', policy: 'docker', terminal: true, hostname: 'h', cgroupsPath: '/a/b', readonlyRootfs: true },
      { cgroup: 'v2', policy: 'strict', env: ['A=b'], seccomp: null },
    ] as const) {
      const spec = dockerDefaultSpec({ rootfs: '/r', args: ['sh', '-c', 'true'], ...options });
      const text = JSON.stringify(spec, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
      assert.deepEqual(parseSpec(JSON.parse(text)), spec);
      assert.equal(spec.linux.seccomp === undefined, 'seccomp' in options, 'a filter unless refused');
    }
  });
});
