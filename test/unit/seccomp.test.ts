/** The compiler of seccomp profiles: what it refuses, its limits, its listing, and its tables against the machine's headers. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { POLICIES } from '../../engine/policy/docker-defaults.js';
import { dockerSeccompProfile, resolveProfile } from '../../engine/policy/seccomp-profile.js';
import {
  AARCH64,
  type Abi,
  ARM,
  syscallNameOf,
  syscallNumberOf,
  X32,
  X86,
  X86_64,
} from '../../engine/runtime/seccomp/architectures.js';
import { compileSeccomp, isEmptySeccomp } from '../../engine/runtime/seccomp/compile.js';
import { explainFilter } from '../../engine/runtime/seccomp/explain.js';
import { SYSCALL_NUMBERS } from '../../engine/runtime/seccomp/syscall-numbers.js';
import type { SeccompArg, SeccompRule, SpecSeccomp } from '../../engine/runtime/spec/types.js';
import { runFilter } from '../helpers/bpf.js';

const allow = (names: readonly string[], args: readonly SeccompArg[] = []): SeccompRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  args,
});
const profile = (change: Partial<SpecSeccomp> = {}): SpecSeccomp => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: [],
  flags: [],
  syscalls: [allow(['read'])],
  ...change,
});
const compile = (change: Partial<SpecSeccomp>, native: 'x64' | 'arm64' = 'x64') =>
  compileSeccomp(profile(change), { native });
const none = [0n, 0n, 0n, 0n, 0n, 0n];
const decide = (filter: Buffer, abi: Abi, name: string, args: readonly bigint[] = none): string => {
  const number = syscallNumberOf(name, abi);
  assert.ok(number !== null, `${name} is a call of ${abi.name}`);
  return `0x${runFilter(filter, { nr: number, arch: abi.audit, args }).value.toString(16)}`;
};
const [ALLOW, EPERM, ENOSYS, KILL] = ['0x7fff0000', '0x50001', '0x50026', '0x0'];

const docker = (capabilities = POLICIES.docker.capabilities): SpecSeccomp => {
  const resolved = resolveProfile(dockerSeccompProfile(), {
    architecture: 'x64',
    capabilities,
    kernel: { major: 6, minor: 1 },
  });
  assert.ok(resolved !== undefined, 'the profile says something');
  return resolved;
};

describe('actions', () => {
  it('become the return values of linux/seccomp.h', () => {
    for (const [action, errnoRet, expected] of [
      ['SCMP_ACT_KILL', undefined, '0x0'],
      ['SCMP_ACT_KILL_THREAD', undefined, '0x0'],
      ['SCMP_ACT_KILL_PROCESS', undefined, '0x80000000'],
      ['SCMP_ACT_TRAP', 5, '0x30000'],
      ['SCMP_ACT_ERRNO', undefined, EPERM],
      ['SCMP_ACT_ERRNO', 38, ENOSYS],
      ['SCMP_ACT_ERRNO', 0, '0x50000'],
      ['SCMP_ACT_TRACE', 7, '0x7ff00007'],
      ['SCMP_ACT_LOG', undefined, '0x7ffc0000'],
    ] as const) {
      const rule = { names: ['write'], action, args: [], ...(errnoRet === undefined ? {} : { errnoRet }) };
      const { filter } = compile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] });
      assert.equal(decide(filter, X86_64, 'write'), expected, `${action} ${errnoRet}`);
      assert.equal(decide(filter, X86_64, 'read'), ALLOW, 'the default');
    }
  });

  it('the default has an errno of its own', () => {
    assert.equal(decide(compile({ defaultErrnoRet: 13 }).filter, X86_64, 'write'), '0x5000d');
  });
});

describe('refused', () => {
  for (const [what, change, why] of [
    [
      'notify in a rule',
      { syscalls: [{ names: ['read'], action: 'SCMP_ACT_NOTIFY', args: [] }] },
      /seccomp notify is not supported/,
    ],
    ['notify by default', { defaultAction: 'SCMP_ACT_NOTIFY' }, /seccomp notify is not supported/],
    ['an unknown action', { defaultAction: 'SCMP_ACT_NO' }, /SCMP_ACT_NO is not a valid action/],
    ['a name of every object', { defaultAction: 'toString' }, /toString is not a valid action/],
    ['an unknown architecture', { architectures: ['SCMP_ARCH_Z80'] }, /SCMP_ARCH_Z80 is not a valid arch/],
    ['another byte order', { architectures: ['SCMP_ARCH_S390X'] }, /S390X has another byte order/],
    ['an unknown flag', { flags: ['SECCOMP_FILTER_FLAG_NO'] }, /SECCOMP_FILTER_FLAG_NO is not known/],
    ["a listener's flag", { flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }, /seccomp notify is not supported/],
    ['an errno that is none', { defaultErrnoRet: 4095 }, /errnoRet 4095/],
    ['an empty name', { syscalls: [allow([''])] }, /empty string is not a valid syscall/],
    [
      'a seventh argument',
      { syscalls: [allow(['read'], [{ index: 6, value: 0n, valueTwo: 0n, op: 'SCMP_CMP_EQ' }])] },
      /up to 6 arguments/,
    ],
    [
      'an unknown operator',
      { syscalls: [allow(['read'], [{ index: 0, value: 0n, valueTwo: 0n, op: 'SCMP_CMP_NO' }])] },
      /SCMP_CMP_NO is not a valid operator/,
    ],
    [
      'a value beyond 64 bits',
      { syscalls: [allow(['read'], [{ index: 0, value: 1n << 64n, valueTwo: 0n, op: 'SCMP_CMP_EQ' }])] },
      /does not fit into 64 bits/,
    ],
    [
      'two actions for one condition',
      {
        syscalls: [
          allow(['read'], [{ index: 0, value: 1n, valueTwo: 0n, op: 'SCMP_CMP_EQ' }]),
          {
            names: ['read'],
            action: 'SCMP_ACT_KILL',
            args: [{ index: 0, value: 1n, valueTwo: 9n, op: 'SCMP_CMP_EQ' }],
          },
        ],
      },
      /syscall read: the same conditions have another action/,
    ],
  ] as const satisfies readonly (readonly [string, Partial<SpecSeccomp>, RegExp])[])
    it(what, () => assert.throws(() => compile(change), why));
});

describe('flags, warnings and what is not worth one', () => {
  it('flags are the bits of seccomp(2); TSYNC means nothing for one thread', () => {
    const flags = (...names: string[]): number =>
      compile({ flags: names.map((name) => `SECCOMP_FILTER_FLAG_${name}`) }).flags;
    assert.deepEqual([flags(), flags('TSYNC'), flags('LOG'), flags('SPEC_ALLOW', 'LOG')], [0, 0, 2, 6]);
  });

  it('names that no call has are left out, and told', () => {
    const { filter, warnings, debug } = compile({ syscalls: [allow(['no_such_call', 'read', 'toString'])] });
    assert.equal(decide(filter, X86_64, 'read'), ALLOW);
    assert.deepEqual(warnings, []);
    assert.deepEqual(debug, [
      'unknown seccomp syscall "no_such_call" ignored',
      'unknown seccomp syscall "toString" ignored',
    ]);
  });

  it('an architecture without any call is warned of, as runc does', () => {
    const { warnings } = compile({
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_ARM'],
      syscalls: [allow(['arch_prctl'])],
    });
    assert.deepEqual(warnings, ['could not find any syscalls for arch SCMP_ARCH_ARM']);
  });

  it('foreign architectures of our byte order change nothing', () => {
    const foreign = ['SCMP_ARCH_RISCV64', 'SCMP_ARCH_PPC64LE', 'SCMP_ARCH_MIPSEL64', 'SCMP_ARCH_LOONGARCH64'];
    assert.deepEqual(compile({ architectures: foreign }).filter, compile({}).filter);
  });

  it('a section that says nothing is no filter', () => {
    assert.equal(isEmptySeccomp(profile({ defaultAction: '', syscalls: [] })), true);
    assert.equal(isEmptySeccomp(profile({ syscalls: [] })), false);
    assert.throws(() => compile({ defaultAction: '' }), /is not a valid action/);
  });
});

describe('the shape of a filter', () => {
  it("a call passes Docker's profile in about eleven instructions", () => {
    const { filter } = compileSeccomp(docker(), { native: 'x64' });
    const steps: number[] = [];
    for (let nr = 0; nr < 500; nr++) {
      const { value, steps: count } = runFilter(filter, { nr, arch: X86_64.audit, args: [1n, 0n, 0n, 0n, 0n, 0n] });
      if (syscallNameOf(nr, X86_64) !== null && value === 0x7fff0000) steps.push(count);
    }
    assert.ok(steps.length > 280, `only ${steps.length} calls pass`);
    assert.ok(steps.reduce((sum, count) => sum + count, 0) / steps.length < 12, `${steps.join(' ')}`);
    assert.ok(filter.length / 8 < 800, `${filter.length / 8} instructions`);
  });

  it('jumps farther than a byte can say, in the tree and over it', () => {
    const rules = Array.from({ length: 100 }, (_, n) =>
      [0, 1, 2, 3, 4, 5].map((index) => ({ index, value: BigInt(n) << 33n, valueTwo: 0n, op: 'SCMP_CMP_GT' })),
    ).map((args) => allow(['write'], args));
    const { filter } = compile({ syscalls: [allow(['read', 'close']), ...rules], architectures: ['SCMP_ARCH_X86'] });
    assert.ok(filter.length / 8 > 6000 / 2, `${filter.length / 8} instructions`);
    assert.equal(decide(filter, X86_64, 'close'), ALLOW, 'behind the long leaf');
    assert.equal(decide(filter, X86_64, 'read'), ALLOW, 'before it');
    assert.equal(decide(filter, X86, 'close'), ALLOW, 'in the next architecture');
    assert.equal(decide(filter, X86_64, 'write'), EPERM);
    const words = [1n << 33n, 1n << 33n, 1n << 33n, 1n << 33n, 1n << 33n, 1n << 33n];
    assert.equal(decide(filter, X86_64, 'write', words), ALLOW, 'the last rule, farthest in the leaf');
  });

  it('is refused beyond BPF_MAXINSNS', () => {
    const rules = Array.from({ length: 900 }, (_, n) =>
      allow(['write'], [{ index: 0, value: BigInt(n), valueTwo: 0n, op: 'SCMP_CMP_EQ' }]),
    );
    assert.throws(() => compile({ syscalls: rules }), /compiles to \d+ instructions; the kernel takes at most 4096/);
  });
});

describe('architectures', () => {
  it('of which the profile says nothing are killed, and the own one never is', () => {
    const { filter } = compile({ architectures: ['SCMP_ARCH_X86'] });
    assert.equal(decide(filter, X86_64, 'read'), ALLOW);
    assert.equal(decide(filter, X86, 'read'), ALLOW);
    for (const abi of [X32, AARCH64, ARM]) assert.equal(decide(filter, abi, 'read'), KILL, abi.name);
    const arm = compile({}, 'arm64').filter;
    assert.equal(decide(arm, AARCH64, 'read'), ALLOW);
    assert.equal(decide(arm, X86_64, 'read'), KILL);
  });

  it('number -1, with which a tracer skips a call, is no x32 call', () => {
    const { filter } = compile({});
    const value = (nr: number): number => runFilter(filter, { nr, arch: X86_64.audit, args: none }).value;
    assert.deepEqual([value(0xffffffff), value(0xfffffffe), value(0x40000000)], [0x50001, 0, 0]);
  });

  it('calls younger than the profile do not exist, on listed architectures', () => {
    const listed = compile({ architectures: ['SCMP_ARCH_X86_64'], syscalls: [allow(['openat2'])] }).filter;
    assert.equal(decide(listed, X86_64, 'openat'), EPERM);
    assert.equal(decide(listed, X86_64, 'openat2'), ALLOW);
    assert.equal(decide(listed, X86_64, 'pidfd_getfd'), ENOSYS);
    assert.equal(decide(compile({ syscalls: [allow(['openat2'])] }).filter, X86_64, 'pidfd_getfd'), EPERM);
    const permissive = compile({
      defaultAction: 'SCMP_ACT_LOG',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [allow(['openat2'])],
    });
    assert.equal(decide(permissive.filter, X86_64, 'pidfd_getfd'), '0x7ffc0000');
  });
});

describe('rules that meet', () => {
  const when = (action: string, ...conditions: readonly (readonly [number, string, bigint])[]): SeccompRule => ({
    names: ['write'],
    action: `SCMP_ACT_${action}`,
    args: conditions.map(([index, op, value]) => ({ index, op: `SCMP_CMP_${op}`, value, valueTwo: 0n })),
  });
  const write = (rules: readonly SeccompRule[], ...args: readonly bigint[]): string[] =>
    [rules, [...rules].reverse()].map((syscalls) =>
      decide(compile({ syscalls }).filter, X86_64, 'write', [...args, ...none].slice(0, 6)),
    );
  const LOG = '0x7ffc0000';

  it('one without conditions decides, wherever it stands', () => {
    assert.deepEqual(write([when('LOG', [0, 'EQ', 5n]), when('ALLOW')], 5n), [ALLOW, ALLOW]);
  });

  it('of two without conditions the first', () => {
    assert.deepEqual(write([when('LOG'), when('ALLOW')]), [LOG, ALLOW]);
  });

  it('equality before order, the higher argument before the lower', () => {
    assert.deepEqual(write([when('LOG', [0, 'EQ', 5n]), when('ALLOW', [0, 'GT', 1n])], 5n), [LOG, LOG]);
    assert.deepEqual(write([when('LOG', [0, 'LT', 9n]), when('ALLOW', [0, 'GT', 1n])], 5n), [LOG, LOG]);
    assert.deepEqual(write([when('LOG', [2, 'GT', 0n]), when('ALLOW', [1, 'EQ', 1n])], 0n, 1n, 1n), [LOG, LOG]);
    assert.deepEqual(write([when('LOG', [0, 'GT', 9n]), when('ALLOW', [0, 'GT', 1n])], 10n), [LOG, LOG]);
    assert.deepEqual(write([when('LOG', [0, 'LT', 9n]), when('ALLOW', [0, 'LT', 99n])], 5n), [LOG, LOG]);
  });

  it('several conditions are all needed, but one argument named twice makes each suffice', () => {
    const both = [when('ALLOW', [0, 'GE', 2n], [1, 'EQ', 7n])];
    assert.deepEqual([write(both, 2n, 7n)[0], write(both, 2n, 8n)[0], write(both, 1n, 7n)[0]], [ALLOW, EPERM, EPERM]);
    const either = [when('ALLOW', [0, 'GE', 2n], [1, 'EQ', 7n], [0, 'EQ', 0n])];
    assert.deepEqual(
      [write(either, 1n, 7n)[0], write(either, 0n, 8n)[0], write(either, 1n, 8n)[0]],
      [ALLOW, ALLOW, EPERM],
    );
  });

  it('i386 has the socket and ipc calls a second time, behind one number', () => {
    const { filter } = compile({ architectures: ['SCMP_ARCH_X86'], syscalls: [allow(['socket', 'shmdt'])] });
    const sub = (name: string, call: bigint): string => decide(filter, X86, name, [call, ...none.slice(1)]);
    assert.deepEqual(
      [sub('socketcall', 1n), sub('socketcall', 2n), sub('ipc', 22n), sub('ipc', 1n)],
      [ALLOW, EPERM, ALLOW, EPERM],
    );
    assert.equal(decide(filter, X86, 'socket'), ALLOW);
  });
});

describe("Docker's profile, compiled", () => {
  it('is the reading of the threat model, on all three ABIs of x86', () => {
    const [plain, admin] = [docker(), docker([...POLICIES.docker.capabilities, 'CAP_SYS_ADMIN'])].map(
      (seccomp) => compileSeccomp(seccomp, { native: 'x64' }).filter,
    );
    assert.ok(plain !== undefined && admin !== undefined, 'two filters');
    for (const abi of [X86_64, X86, X32]) {
      for (const name of ['io_uring_setup', 'keyctl', 'userfaultfd', 'init_module', 'swapon', 'reboot']) {
        assert.equal(decide(plain, abi, name), EPERM, `${name} ${abi.name}`);
        assert.equal(decide(admin, abi, name), EPERM, `${name} ${abi.name} SYS_ADMIN`);
      }
      for (const name of ['mount', 'setns', 'unshare', 'bpf', 'perf_event_open']) {
        assert.equal(decide(plain, abi, name), EPERM, `${name} ${abi.name}`);
        assert.equal(decide(admin, abi, name), ALLOW, `${name} ${abi.name} SYS_ADMIN`);
      }
      assert.deepEqual([decide(plain, abi, 'clone3'), decide(admin, abi, 'clone3')], [ENOSYS, ALLOW]);
      const socket: string[] = [2n, 37n, 38n, 39n, 40n, 41n].map((family) =>
        decide(plain, abi, 'socket', [family, ...none.slice(1)]),
      );
      assert.deepEqual(socket, [ALLOW, ALLOW, EPERM, ALLOW, EPERM, ALLOW], `socket ${abi.name}`);
      const personality: string[] = [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn, 0x40000n, 0x1ffffffffn].map((word) =>
        decide(plain, abi, 'personality', [word, ...none.slice(1)]),
      );
      const wide = abi.bits === 64 ? EPERM : ALLOW;
      assert.deepEqual(personality, [ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, EPERM, wide], `personality ${abi.name}`);
      const clone: string[] = [0x11n, 0x10000000n, 0x02000000n].map((word) =>
        decide(plain, abi, 'clone', [word, ...none.slice(1)]),
      );
      assert.deepEqual(clone, [ALLOW, EPERM, EPERM], `clone ${abi.name}`);
    }
  });
});

describe('the listing', () => {
  it('names architectures and actions, and every line says where it goes on', () => {
    const { filter } = compile({
      syscalls: [allow(['read'], [{ index: 1, value: 0x0fn, valueTwo: 3n, op: 'SCMP_CMP_MASKED_EQ' }])],
    });
    assert.deepEqual(explainFilter(filter), [
      ' 0  A = arch',
      ' 1  if A != AUDIT_ARCH_X86_64 goto 14',
      ' 2  A = nr',
      ' 3  if A >= 0x40000000 goto 11',
      ' 4  if A >= 1 goto 10',
      ' 5  A = arg1 low',
      ' 6  A &= 0xf',
      ' 7  if A != 3 goto 9',
      ' 8  return ALLOW',
      ' 9  return ERRNO(EPERM)',
      '10  return ERRNO(EPERM)',
      '11  if A >= 0xffffffff goto 13',
      '12  return KILL_THREAD',
      '13  return ERRNO(EPERM)',
      '14  return KILL_THREAD',
    ]);
  });

  it('shows what each call gets', () => {
    const { tree } = compileSeccomp(docker(), { native: 'x64' });
    assert.deepEqual(
      tree.map(({ architecture }) => architecture),
      ['AUDIT_ARCH_X86_64', 'AUDIT_ARCH_I386'],
    );
    const range = (name: string) => tree[0]?.ranges.find(({ names }) => names.includes(name));
    assert.deepEqual(range('clone'), {
      from: 56,
      to: 56,
      names: ['clone'],
      rules: [{ conditions: ['(arg0 & 0x7e020000) == 0x0'], action: 'ALLOW' }],
      otherwise: 'ERRNO(EPERM)',
    });
    assert.deepEqual(
      range('socket')?.rules.map(({ conditions }) => conditions.join()),
      ['arg0 == 39', 'arg0 < 38', 'arg0 > 40'],
    );
    assert.equal(range('io_uring_setup')?.otherwise, 'ERRNO(EPERM)');
    assert.equal(range('x32:read')?.otherwise, 'ALLOW');
    const sorted = tree.every(({ ranges }) =>
      ranges.every(({ from }, n) => from === (n === 0 ? 0 : (ranges[n - 1]?.to ?? 0) + 1)),
    );
    assert.ok(sorted, 'ranges follow each other without holes');
  });
});

describe('the tables', () => {
  const read = (path: string): ReadonlyMap<string, number> =>
    new Map(
      [
        ...readFileSync(path, 'utf8').matchAll(
          /^#define __(?:ARM_)?NR(?:3264)?_(\w+)\s+\(?(?:__\w+\s*\+\s*)?(\d+)\)?/gm,
        ),
      ].map(([, name = '', number]) => [name, Number(number)]),
    );
  const column = ({ column: at }: Abi): Map<string, number> =>
    new Map(Object.entries(SYSCALL_NUMBERS).flatMap(([name, row]) => (row[at] < 0 ? [] : [[name, row[at]] as const])));

  for (const { abi, path, several } of [
    { abi: X86_64, path: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h', several: false },
    { abi: X86, path: '/usr/include/x86_64-linux-gnu/asm/unistd_32.h', several: false },
    { abi: X32, path: '/usr/include/x86_64-linux-gnu/asm/unistd_x32.h', several: false },
    { abi: ARM, path: '/usr/arm-linux-gnueabihf/include/asm/unistd-eabi.h', several: false },
    // the numbers of all young architectures, some of which arm64 does not have
    { abi: AARCH64, path: '/usr/include/asm-generic/unistd.h', several: true },
  ])
    it(`of ${abi.name} have the numbers of ${path}`, {
      skip: existsSync(path) ? false : 'the header is not installed',
    }, () => {
      const header = read(path);
      const ours = column(abi);
      // fstatat64 and newfstatat are one number, named by a macro
      const odd = several
        ? new Set(['newfstatat', 'sync_file_range2'])
        : new Set(['sync_file_range2', 'breakpoint', 'cacheflush', 'usr26', 'usr32', 'set_tls', 'get_tls']);
      const wrong = [...ours].filter(([name, number]) => !odd.has(name) && header.get(name) !== number);
      assert.deepEqual(wrong, []);
      if (!several)
        assert.deepEqual(
          [...header.keys()].filter((name) => !ours.has(name)),
          [],
        );
      assert.ok(ours.size > 280 && header.size > 280, `${ours.size} and ${header.size} calls`);
    });

  it('give no number to two calls, but for the aliases of arm', () => {
    for (const abi of [X86_64, X86, X32, AARCH64, ARM]) {
      const seen = new Map<number, string>();
      for (const [name, number] of column(abi)) {
        const other = seen.get(number);
        if (other !== undefined) assert.deepEqual([other, name], ['arm_sync_file_range', 'sync_file_range2']);
        seen.set(number, name);
      }
    }
  });
});
