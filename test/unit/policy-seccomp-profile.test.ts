/** Docker's profile, and how a profile's conditions choose its rules. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { POLICIES } from '../../engine/policy/docker-defaults.js';
import {
  dockerSeccompProfile,
  type ProfileContext,
  resolveProfile,
  runningKernel,
} from '../../engine/policy/seccomp-profile.js';
import type { SpecSeccomp } from '../../engine/runtime/spec/types.js';

const context: ProfileContext = {
  architecture: 'x64',
  capabilities: POLICIES.docker.capabilities,
  kernel: { major: 6, minor: 1 },
};
const docker = (change: Partial<ProfileContext> = {}): SpecSeccomp => {
  const resolved = resolveProfile(dockerSeccompProfile(), { ...context, ...change });
  assert.ok(resolved !== undefined, 'the profile says something');
  return resolved;
};
/** `name action conditions` of every rule about a call. */
const about = (seccomp: SpecSeccomp, name: string): string[] =>
  seccomp.syscalls
    .filter(({ names }) => names.includes(name))
    .map(({ action, errnoRet, args }) =>
      [
        action.replace('SCMP_ACT_', ''),
        ...(errnoRet === undefined ? [] : [errnoRet]),
        ...args.map(({ index, op, value, valueTwo }) => `${index} ${op.replace('SCMP_CMP_', '')} ${value} ${valueTwo}`),
      ].join(' '),
    );

describe("Docker's profile", () => {
  it('denies with EPERM, on the architectures of the machine', () => {
    const seccomp = docker();
    assert.deepEqual([seccomp.defaultAction, seccomp.defaultErrnoRet], ['SCMP_ACT_ERRNO', 1]);
    assert.deepEqual(seccomp.architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
    assert.deepEqual(docker({ architecture: 'arm64' }).architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
  });

  it('has 33 rules, of which the first allows 361 names', () => {
    const { syscalls } = dockerSeccompProfile() as { syscalls: unknown[] };
    assert.equal(syscalls.length, 33);
    assert.equal(docker().syscalls[0]?.names.length, 361);
  });

  it('says about the dangerous calls what the threat model says', () => {
    const seccomp = docker();
    assert.deepEqual(about(seccomp, 'socket'), ['ALLOW 0 LT 38 0', 'ALLOW 0 EQ 39 0', 'ALLOW 0 GT 40 0']);
    assert.deepEqual(
      about(seccomp, 'personality'),
      [0, 8, 0x20000, 0x20008, 0xffffffff].map((value) => `ALLOW 0 EQ ${value} 0`),
    );
    assert.deepEqual(about(seccomp, 'clone'), [`ALLOW 0 MASKED_EQ ${0x7e020000} 0`]);
    assert.deepEqual(about(seccomp, 'clone3'), ['ERRNO 38']);
    for (const name of ['io_uring_setup', 'keyctl', 'bpf', 'unshare', 'setns', 'mount', 'userfaultfd', 'kexec_load'])
      assert.deepEqual(about(seccomp, name), [], name);
    assert.deepEqual(about(seccomp, 'ptrace'), ['ALLOW']);
    assert.deepEqual(about(seccomp, 'chroot'), ['ALLOW'], 'CAP_SYS_CHROOT is among the fourteen');
  });

  it('opens with CAP_SYS_ADMIN what needs it', () => {
    const seccomp = docker({ capabilities: [...context.capabilities, 'CAP_SYS_ADMIN'] });
    for (const name of ['mount', 'unshare', 'setns', 'bpf', 'perf_event_open', 'clone3', 'clone'])
      assert.deepEqual(about(seccomp, name), ['ALLOW'], name);
    for (const name of ['io_uring_setup', 'keyctl', 'init_module', 'reboot'])
      assert.deepEqual(about(seccomp, name), [], name);
  });

  it('opens with each other capability its own calls', () => {
    for (const [capability, name] of [
      ['CAP_DAC_READ_SEARCH', 'open_by_handle_at'],
      ['CAP_SYS_BOOT', 'reboot'],
      ['CAP_SYS_MODULE', 'init_module'],
      ['CAP_SYS_PACCT', 'acct'],
      ['CAP_SYS_PTRACE', 'kcmp'],
      ['CAP_SYS_RAWIO', 'iopl'],
      ['CAP_SYS_TIME', 'settimeofday'],
      ['CAP_SYS_TTY_CONFIG', 'vhangup'],
      ['CAP_SYS_NICE', 'mbind'],
      ['CAP_SYSLOG', 'syslog'],
      ['CAP_BPF', 'bpf'],
      ['CAP_PERFMON', 'perf_event_open'],
    ] as const) {
      assert.deepEqual(about(docker(), name), [], name);
      assert.deepEqual(about(docker({ capabilities: [capability] }), name), ['ALLOW'], name);
    }
  });

  it('knows the kernel and the architecture', () => {
    assert.deepEqual(about(docker({ kernel: { major: 4, minor: 7 } }), 'ptrace'), []);
    assert.deepEqual(about(docker({ kernel: { major: 4, minor: 8 } }), 'ptrace'), ['ALLOW']);
    assert.deepEqual(about(docker({ kernel: { major: 10, minor: 0 } }), 'ptrace'), ['ALLOW']);
    assert.deepEqual(about(docker(), 'arch_prctl'), ['ALLOW']);
    assert.deepEqual(about(docker({ architecture: 'arm64' }), 'arch_prctl'), []);
    assert.deepEqual(about(docker({ architecture: 'arm64' }), 'breakpoint'), ['ALLOW']);
  });
});

describe('a profile of its own', () => {
  const rule = (change: object): unknown => ({
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...change }],
  });
  const applies = (change: object): boolean => resolveProfile(rule(change), context)?.syscalls.length === 1;

  it('needs every capability of includes, and is dropped by one of excludes', () => {
    assert.equal(applies({ includes: { caps: ['CAP_KILL', 'CAP_CHOWN'] } }), true);
    assert.equal(applies({ includes: { caps: ['CAP_KILL', 'CAP_BPF'] } }), false);
    assert.equal(applies({ excludes: { caps: ['CAP_BPF'] } }), true);
    assert.equal(applies({ excludes: { caps: ['CAP_BPF', 'CAP_KILL'] } }), false);
    assert.equal(applies({ excludes: { arches: ['amd64'] } }), false);
    assert.equal(applies({ excludes: { minKernel: '6.1' } }), false);
    assert.equal(applies({ excludes: { minKernel: '6.2' } }), true);
    assert.equal(applies({ includes: { minKernel: '6.2' } }), false);
    assert.equal(applies({ includes: null, excludes: {} }), true);
  });

  it('may name one call by `name`, and keeps 64 bits', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86'],
      syscalls: [
        { name: 'read', action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 2n ** 64n - 1n, op: 'SCMP_CMP_EQ' }] },
      ],
    };
    assert.deepEqual(resolveProfile(profile, context), {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86'],
      flags: [],
      syscalls: [
        {
          names: ['read'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 1, value: 2n ** 64n - 1n, valueTwo: 0n, op: 'SCMP_CMP_EQ' }],
        },
      ],
    });
  });

  it('is refused when it says two things at once', () => {
    const both = { architectures: ['SCMP_ARCH_X86'], archMap: [{ architecture: 'SCMP_ARCH_X86_64' }] };
    assert.throws(() => resolveProfile({ ...(rule({}) as object), ...both }, context), /either 'architectures' or/);
    assert.throws(() => resolveProfile(rule({ name: 'write' }), context), /either 'name' or 'names'/);
    assert.throws(() => resolveProfile(rule({ includes: { minKernel: 'new' } }), context), /minKernel is "new"/);
    assert.equal(resolveProfile({ defaultAction: '', syscalls: [] }, context), undefined);
  });

  it('reads the version of a kernel', () => {
    assert.deepEqual(runningKernel('6.18.44-fc'), { major: 6, minor: 18 });
    assert.deepEqual(runningKernel('5.10-rc1'), { major: 5, minor: 10 });
    assert.throws(() => runningKernel('linux'), /does not begin/);
    assert.ok(runningKernel().major >= 4, 'this machine has a version');
  });
});
