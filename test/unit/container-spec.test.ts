/** What test/conformance/container-spec.test.ts cannot ask of dockerd here: other machines, newer dockerds' words, our own rules. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adaptHostConfig } from '../../engine/container/spec/adapt.js';
import { containerCapabilities } from '../../engine/container/spec/capabilities.js';
import { cgroupsPathOf, containerSpec } from '../../engine/container/spec/container-spec.js';
import type { HostDevice } from '../../engine/container/spec/devices.js';
import type { SpecInput, SpecMachine } from '../../engine/container/spec/input.js';
import { specResources } from '../../engine/container/spec/resources.js';
import { parseSignal } from '../../engine/container/spec/signal.js';
import { tmpfsOptions } from '../../engine/container/spec/tmpfs.js';
import { type VerifyFacts, verifySettings } from '../../engine/container/spec/verify.js';
import { parseList, type ResourceAbility } from '../../engine/container/spec/verify-resources.js';
import type { ContainerConfig, HostConfig } from '../../engine/container/types.js';
import { CAPABILITIES } from '../../engine/kernel/names.js';
import { POLICIES } from '../../engine/policy/docker-defaults.js';
import { NO_CONFIG, NO_HOST } from '../conformance/container-spec/wishes.js';

const NULL: HostDevice = { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 };
const MACHINE: SpecMachine = {
  architecture: 'x64',
  kernel: { major: 6, minor: 1 },
  cgroup: 'v2',
  capabilities: CAPABILITIES,
  inUserNamespace: false,
  ttyGroup: true,
  seccomp: true,
  apparmor: false,
  cgroupNamespaces: true,
  timeNamespaces: true,
  recursiveReadOnly: true,
  sysctls: new Set(['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start']),
  maskedPaths: ['/proc/kcore'],
  devices: { exists: () => true, lookup: () => ({ resolved: '/dev/null', devices: [NULL] }), all: () => [NULL] },
  deviceNumber: () => ({ major: 8, minor: 0 }),
  propagationOf: () => ({ mountPoint: '/', shared: false, slave: false }),
};

function spec(
  host: Partial<HostConfig> = {},
  more: Partial<Omit<SpecInput, 'config' | 'machine'>> & {
    config?: Partial<ContainerConfig>;
    machine?: Partial<SpecMachine>;
  } = {},
): ReturnType<typeof containerSpec> {
  const machine = { ...MACHINE, ...more.machine };
  return containerSpec({
    id: 'f'.repeat(64),
    command: ['sh'],
    rootfs: '/rootfs',
    user: { uid: 0, gid: 0, additionalGids: [0] },
    mounts: [],
    files: {},
    join: {},
    cgroupsPath: '/docker/x',
    ...more,
    config: { ...NO_CONFIG, Hostname: 'h', ...more.config },
    hostConfig: adaptHostConfig(
      { ...NO_HOST, ...host },
      { cgroup: machine.cgroup, runtime: 'r', containerId: (name) => `${name}-id` },
    ),
    machine,
  });
}

const namespaces = (made: ReturnType<typeof containerSpec>): string[] =>
  made.spec.linux.namespaces.map(({ type, path }) => (path === undefined ? type : `${type}=${path}`)).sort();
const optionsAt = (made: ReturnType<typeof containerSpec>, destination: string): readonly string[] | undefined =>
  made.spec.mounts.find((mount) => mount.destination === destination)?.options;

describe('the config of a container', () => {
  it('has a cgroup namespace of its own with v2, and the network that was made for it', () => {
    const own = ['cgroup', 'ipc', 'mount', 'network=/run/n', 'pid', 'time', 'uts'];
    assert.deepEqual(namespaces(spec({}, { join: { network: '/run/n' } })), own);
    assert.deepEqual(namespaces(spec({ Privileged: true }, { join: { network: '/run/n' } })), own);
    assert.ok(!namespaces(spec({ CgroupnsMode: 'host' })).includes('cgroup'), 'the machine’s was asked for');
    assert.ok(!namespaces(spec({}, { machine: { cgroup: 'v1' } })).includes('cgroup'), 'v1');
    assert.ok(!namespaces(spec({}, { machine: { cgroupNamespaces: false } })).includes('cgroup'), 'there are none');
    assert.ok(!namespaces(spec({}, { machine: { timeNamespaces: false } })).includes('time'), 'there are none');
  });

  it('joins what it is told, and nothing that is not given', () => {
    const join = { pid: '/proc/7/ns/pid', ipc: '/proc/7/ns/ipc', network: '/proc/7/ns/net', user: '/proc/7/ns/user' };
    const host = { PidMode: 'container:a', IpcMode: 'container:a', NetworkMode: 'container:a' };
    assert.deepEqual(
      namespaces(spec(host, { join })).filter((one) => one.includes('=')),
      ['ipc=/proc/7/ns/ipc', 'network=/proc/7/ns/net', 'pid=/proc/7/ns/pid', 'user=/proc/7/ns/user'],
    );
    assert.throws(() => spec(host), /the pid namespace to join is not given/);
  });

  it('asks for pid 1 of ours where the pids are its own', () => {
    assert.equal(spec({ Init: true }).init, true);
    assert.equal(spec({}, { defaultInit: true }).init, true);
    assert.equal(spec({ Init: false }, { defaultInit: true }).init, false);
    assert.equal(spec({ Init: true, PidMode: 'host' }).init, false);
  });

  it('sets no sysctl of groups in a user namespace, nor what the kernel does not have', () => {
    assert.deepEqual(Object.keys(spec({}, { machine: { inUserNamespace: true } }).spec.linux.sysctl), [
      'net.ipv4.ip_unprivileged_port_start',
    ]);
    assert.deepEqual(spec({}, { machine: { sysctls: new Set() } }).spec.linux.sysctl, {});
    assert.deepEqual(spec({ NetworkMode: 'host' }).spec.linux.sysctl, {});
  });

  it('gives terminals to group 5 only where there is one', () => {
    const pts = (ttyGroup: boolean): readonly string[] | undefined =>
      spec({}, { machine: { ttyGroup } }).spec.mounts.find(({ type }) => type === 'devpts')?.options;
    assert.ok(pts(true)?.includes('gid=5'), 'a group of its own');
    assert.equal(
      pts(false)?.some((option) => option.startsWith('gid=')),
      false,
    );
    assert.ok(pts(false)?.includes('newinstance'), 'the rest as ever');
  });

  it('makes all of a read-only bind read-only where the kernel can', () => {
    const mounts = [
      {
        point: {
          Type: 'bind' as const,
          Source: '/s',
          Destination: '/d',
          Mode: 'ro',
          RW: false,
          Propagation: 'rprivate',
        },
        from: 'bind' as const,
        source: '/s',
      },
    ];
    assert.deepEqual(optionsAt(spec({}, { mounts }), '/d'), ['rbind', 'rro', 'rprivate']);
    assert.deepEqual(optionsAt(spec({}, { mounts, machine: { recursiveReadOnly: false } }), '/d'), [
      'rbind',
      'ro',
      'rprivate',
    ]);
    const forced = mounts.map((one) => ({ ...one, readOnlyForceRecursive: true }));
    assert.throws(() => spec({}, { mounts: forced, machine: { recursiveReadOnly: false } }), /rro is not supported/);
    const plain = mounts.map((one) => ({ ...one, readOnlyNonRecursive: true }));
    assert.deepEqual(optionsAt(spec({}, { mounts: plain }), '/d'), ['rbind', 'ro', 'rprivate']);
  });

  it('has cgroups that can be written when that is asked for, or it is privileged', () => {
    assert.ok(optionsAt(spec(), '/sys/fs/cgroup')?.includes('ro'));
    for (const host of [
      { Privileged: true },
      { SecurityOpt: ['writable-cgroups'] },
      { SecurityOpt: ['writable-cgroups=true'] },
    ])
      assert.ok(!optionsAt(spec(host), '/sys/fs/cgroup')?.includes('ro'), JSON.stringify(host));
    assert.ok(
      optionsAt(spec({ Privileged: true, SecurityOpt: ['writable-cgroups=false'] }), '/sys/fs/cgroup')?.includes('ro'),
    );
  });

  it('does not start open where the kernel has no seccomp, unless somebody asks for it', () => {
    const machine = { seccomp: false };
    assert.throws(() => spec({}, { machine }), /seccomp is not enabled in your kernel/);
    assert.throws(() => spec({ SecurityOpt: ['seccomp={}'] }, { machine }), /cannot run a custom seccomp profile/);
    assert.equal(spec({ SecurityOpt: ['seccomp=unconfined'] }, { machine }).spec.linux.seccomp, undefined);
    assert.equal(spec({ Privileged: true }, { machine }).spec.linux.seccomp, undefined);
  });

  it('names the profile of AppArmor where there is one', () => {
    const machine = { apparmor: true };
    const profile = (host: Partial<HostConfig>): string | undefined =>
      spec(host, { machine }).spec.process?.apparmorProfile;
    assert.equal(profile({ SecurityOpt: ['apparmor=tight'] }), 'tight');
    assert.equal(profile({ Privileged: true }), 'unconfined');
  });

  it('gives capabilities to root alone', () => {
    const set = spec({}, { user: { uid: 5, gid: 5, additionalGids: [] } }).spec.process?.capabilities;
    assert.deepEqual([set?.effective, set?.permitted, set?.inheritable, set?.ambient], [[], [], [], []]);
    assert.deepEqual(set?.bounding, POLICIES.docker.capabilities);
  });

  it('has limits of the engine where the user named none', () => {
    const { rlimits } = spec(
      { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: -1 }] },
      {
        defaultUlimits: [
          { Name: 'nofile', Soft: 9, Hard: 9 },
          { Name: 'core', Soft: 0, Hard: 0 },
        ],
      },
    ).spec.process ?? { rlimits: [] };
    assert.deepEqual(
      rlimits.map(({ type, soft, hard }) => [type, soft, hard]),
      [
        ['RLIMIT_NOFILE', 1n, (1n << 64n) - 1n],
        ['RLIMIT_CORE', 0n, 0n],
      ],
    );
  });
});

describe('capabilities', () => {
  const own = CAPABILITIES.filter((name) => name !== 'CAP_SYS_RESOURCE' && name !== 'CAP_AUDIT_WRITE');
  const of = (CapAdd: string[] | null, CapDrop: string[] | null = null, Privileged = false): string[] =>
    containerCapabilities({ CapAdd, CapDrop, Privileged }, own);

  it('are never more than our own', () => {
    assert.deepEqual(of(null, null, true), own);
    assert.deepEqual(of(['all']), own);
    assert.ok(!of(null).includes('CAP_AUDIT_WRITE'), 'we do not have it');
    assert.throws(() => of(['sys_resource']), {
      message:
        'capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
    });
    assert.deepEqual(of(['ALL'], ['ALL']), own);
    assert.deepEqual(of(['NET_ADMIN', 'chown'], ['ALL', 'sys_resource']), ['CAP_NET_ADMIN', 'CAP_CHOWN']);
  });
});

describe('a tmpfs', () => {
  it('has the last of what contradicts, and is nothing but a tmpfs', () => {
    assert.deepEqual(tmpfsOptions(''), ['noexec', 'nosuid', 'nodev', 'rprivate']);
    assert.deepEqual(tmpfsOptions('exec,size=1m,size=2m,ro,rw,defaults'), [
      'nosuid',
      'nodev',
      'rprivate',
      'exec',
      'size=2m',
      'rw',
    ]);
    for (const bad of ['bind', 'rbind', 'remount', 'size', 'context=x', 'size=1m,,', 'lowerdir=/etc'])
      assert.throws(() => tmpfsOptions(bad), { message: /^invalid tmpfs option \[/ }, bad);
  });
});

const ABILITIES =
  'memory swap reservation swappiness oomKillDisable pids cpuShares cpuCfs cpuRealtime cpuset blkioWeight blkioWeightDevice blkioThrottle'.split(
    ' ',
  ) as ResourceAbility[];
const facts = (able: boolean): VerifyFacts => ({
  cpus: 2,
  cpusetCpus: '0-1',
  cpusetMems: '0',
  can: Object.fromEntries(ABILITIES.map((one) => [one, able])) as VerifyFacts['can'],
  capabilities: CAPABILITIES,
  ipv4Forwarding: able,
  cgroupNamespaces: able,
  runtimes: ['r'],
  exists: () => true,
});

describe('what a machine cannot do', () => {
  it('is left away with a warning', () => {
    const device = [{ Path: '/dev/x', Rate: 1 }];
    const { hostConfig, warnings } = verifySettings(
      NO_CONFIG,
      {
        ...NO_HOST,
        NetworkMode: 'default',
        CgroupnsMode: 'private',
        Memory: 64 << 20,
        MemoryReservation: 32 << 20,
        MemorySwappiness: 5,
        OomKillDisable: true,
        PidsLimit: 5,
        CpuShares: 5,
        CpuPeriod: 5000,
        CpusetCpus: '9',
        BlkioWeight: 500,
        BlkioDeviceReadBps: device,
      },
      facts(false),
    );
    assert.deepEqual(
      [
        hostConfig.Memory,
        hostConfig.MemorySwap,
        hostConfig.MemoryReservation,
        hostConfig.MemorySwappiness,
        hostConfig.OomKillDisable,
        hostConfig.PidsLimit,
        hostConfig.CpuShares,
        hostConfig.CpuPeriod,
        hostConfig.CpusetCpus,
        hostConfig.BlkioWeight,
        hostConfig.BlkioDeviceReadBps,
      ],
      [0, -1, 0, null, null, null, 0, 0, '', 0, []],
    );
    assert.equal(warnings.length, 12);
    assert.ok(
      warnings.includes(
        'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
      ),
    );
    assert.ok(warnings.includes('IPv4 forwarding is disabled. Networking will not work.'));
    assert.deepEqual(
      verifySettings(NO_CONFIG, { ...NO_HOST, OomKillDisable: false, PidsLimit: 0 }, facts(false)).warnings,
      [],
    );
  });

  it('is refused where a user cannot do without it', () => {
    assert.throws(
      () => verifySettings(NO_CONFIG, { ...NO_HOST, NanoCpus: 1e9 }, facts(false)),
      /^EngineError: NanoCPUs can not be set, as your kernel/,
    );
    assert.throws(
      () => verifySettings(NO_CONFIG, { ...NO_HOST, CpuRealtimeRuntime: 1 }, facts(false)),
      /your kernel does not support CPU real-time scheduler/,
    );
  });
});

describe('words of newer dockerds', () => {
  const refused = (host: Partial<HostConfig>, message: string): void =>
    assert.throws(() => verifySettings(NO_CONFIG, { ...NO_HOST, ...host }, facts(true)), {
      message,
      code: 'InvalidArgument',
    });

  it('refuse modes, policies and ports', () => {
    refused({ PidMode: 'container:' }, 'invalid PID mode: container:');
    refused({ UTSMode: 'container:x' }, 'invalid UTS mode: container:x');
    refused({ UsernsMode: 'x' }, 'invalid user namespace mode: x');
    refused(
      { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -1 } },
      'invalid restart policy: maximum retry count cannot be negative',
    );
    refused(
      { RestartPolicy: { Name: 'often' as 'no', MaximumRetryCount: 0 } },
      "invalid restart policy: unknown policy 'often'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    );
    refused({ PortBindings: { 'x/tcp': [] } }, 'invalid port specification: "x/tcp"');
    refused({ PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '90-80' }] } }, 'invalid port specification: "90-80"');
    refused({ Runtime: 'kata' }, 'unknown or invalid runtime name: kata');
    refused(
      { Annotations: { '': 'x' } },
      'invalid Annotations: the empty string is not permitted as an annotation key',
    );
    refused({ Isolation: 'hyperv' }, "invalid isolation 'hyperv' on linux");
  });
});

describe('small words', () => {
  it('of signals', () => {
    assert.deepEqual(
      ['9', 'KILL', 'sigterm', 'RTMIN', 'RTMIN+3', 'SIGRTMAX-1', 'WINCH'].map(parseSignal),
      [9, 9, 15, 34, 37, 63, 28],
    );
    assert.throws(() => parseSignal('65'), { message: 'the linux daemon does not support signal 65' });
    for (const bad of ['0', 'SIGNOPE', '', 'RTMIN-1', 'RTMAX+1', '9x', 'TOSTRING', '__proto__'])
      assert.throws(() => parseSignal(bad), { message: `invalid signal: ${bad}` }, bad);
  });

  it('of lists of processors', () => {
    assert.deepEqual([...(parseList('0-2,5') ?? [])], [0, 1, 2, 5]);
    for (const bad of ['a', '2-1', '0,', '0-', '-1', '99999999', '0-99999']) assert.equal(parseList(bad), null, bad);
  });

  it('of groups', () => {
    assert.equal(cgroupsPathOf('id', '', '/engine'), '/engine/id');
    assert.equal(cgroupsPathOf('id', 'below/mine'), 'below/mine/id');
    assert.equal(cgroupsPathOf('id', '/../../x'), '/x/id');
  });

  it('of limits that are taken away', () => {
    const resources = { ...NO_HOST, Memory: 64 << 20, MemorySwap: -1, PidsLimit: -1 };
    assert.equal(specResources(resources, [], () => ({ major: 0, minor: 0 })).memory?.swap, undefined);
    const update = specResources(resources, [], () => ({ major: 0, minor: 0 }), { update: true });
    assert.deepEqual([update.memory?.swap, update.pids?.limit], [-1n, -1n]);
  });
});
