import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SYSCALLS, type SyscallName } from '../../../engine/kernel/syscall-table.js';
import { routes } from '../attack.js';
import { attacks, type Bundle, bundle, printed, run, started } from './attack.js';
import { DOCKER_CAPABILITIES } from './docker-defaults.js';
import { perl } from './perl.js';
import { dockerSeccomp, type Verdict, verdict } from './profile.js';

/**
 * R20: what Docker's profile decides about real system calls, asked of the kernel in a container. The arguments are such that
 * the kernel itself refuses the call harmlessly, with an answer that differs from the filter's wherever it can.
 */
const BAD = -1;
const CALLS: readonly (readonly [call: SyscallName, ...args: number[]])[] = [
  ['io_uring_setup', 0, 0],
  ['userfaultfd', 0x7fff],
  ['keyctl', 999, 0],
  ['add_key', 0, 0, 0, 0, 0],
  ['request_key', 0, 0, 0, 0],
  ['bpf', 9999, 0, 0],
  ['perf_event_open', 0, 0, 0, BAD, 0],
  ['socket', 38, 5, 0],
  ['socket', 39, 99, 0],
  ['socket', 40, 99, 0],
  ['socket', 41, 99, 0],
  ['socket', 2, 99, 0],
  ['personality', 0xffffffff],
  ['personality', 0x0040000],
  ['personality', 0x0008],
  ['personality', 0x20000],
  ['personality', 0x20008],
  ['personality', 0],
  ['clone', 0x10000200, 0, 0, 0, 0],
  ['clone', 0x00020200 | 0x800, 0, 0, 0, 0],
  ['clone', 0x800, 0, 0, 0, 0],
  ['clone3', 0, 0],
  ['mount', 0, 0, 0, 0, 0],
  ['umount2', 0, 0xff00],
  ['pivot_root', 0, 0],
  ['unshare', 0x1],
  ['setns', BAD, 0],
  ['fsopen', 0, 0],
  ['open_tree', BAD, 0, 0x8000],
  ['move_mount', BAD, 0, BAD, 0, 0x8000],
  ['mount_setattr', BAD, 0, 0x8000, 0, 0],
  ['fanotify_init', 0x7fffffff, 0],
  ['quotactl', 0x7fffffff, 0, 0, 0],
  ['sethostname', 0, BAD],
  ['setdomainname', 0, BAD],
  ['syslog', 99, 0, 0],
  ['lookup_dcookie', 0, 0, 0],
  ['open_by_handle_at', BAD, 0, 0],
  ['name_to_handle_at', BAD, 0, 0, 0, 0],
  ['ptrace', 0x4206, 999_999, 0, 0],
  ['process_vm_readv', 999_999, 0, 0, 0, 0, 0],
  ['kcmp', 999_999, 999_999, 0, 0, 0],
  ['pidfd_getfd', BAD, 0, 0],
  ['process_madvise', BAD, 0, 0, 0, 0],
  ['init_module', 0, 0, 0],
  ['finit_module', BAD, 0, 0],
  ['delete_module', 0, 0],
  ['kexec_load', 0, 9999, 0, 0],
  ['swapon', 0, 0],
  ['swapoff', 0],
  ['acct', BAD],
  ['reboot', 0, 0, 0, 0],
  ['iopl', 99],
  ['ioperm', BAD, BAD, 1],
  ['settimeofday', BAD, BAD],
  ['clock_settime', 9999, 0],
  ['vhangup'],
  ['get_mempolicy', 0, 0, 0, 0, 0x99],
  ['mbind', 1, 0, 99, 0, 0, 0],
  ['set_mempolicy', 99, 0, 0],
  ['move_pages', 999_999, 0, 0, 0, 0, 0x99],
  ['migrate_pages', 999_999, 0, 0, 0],
  ['chroot', 0],
  ['arch_prctl', 0xffff, 0],
  ['modify_ldt', 99, 0, 0],
  ['getpid'],
  ['memfd_create', 0, 0],
  ['landlock_create_ruleset', 0, 99, 0],
  ['openat2', BAD, 0, 0, 0],
];
const available = CALLS.filter(([call]) => SYSCALLS[call][process.arch === 'arm64' ? 1 : 0] >= 0);
const key = ([call, ...args]: (typeof CALLS)[number]): string => `${call}(${args.join(',')})`;

const ASK = perl(
  available
    .map(
      (one) =>
        `told '${key(one)}', sys('${one[0]}'${one
          .slice(1)
          .map((arg) => `, ${arg}`)
          .join('')});`,
    )
    .join('\n'),
);

function target(capabilities: readonly string[], filtered: boolean, args: string[] = ASK): Bundle {
  return bundle((config) => {
    config.process.args = args;
    for (const set of ['bounding', 'effective', 'permitted'] as const)
      config.process.capabilities = { ...config.process.capabilities, [set]: [...capabilities] };
    if (filtered) config.linux.seccomp = dockerSeccomp(capabilities);
  });
}

const ERRNO: Readonly<Record<number, string>> = { 1: 'EPERM', 38: 'ENOSYS' };
/** personality answers the one before, getpid its own: allowed is allowed. */
const VARIES = /^(personality|getpid)\(/;

function assertVerdict(one: string, expected: Verdict, filtered: string, free: string): void {
  if (expected === 'allow') {
    if (VARIES.test(one)) assert.match(filtered, /^\d+$/, `${one} answered ${filtered}`);
    else assert.equal(filtered, free, `${one} is allowed and must be answered by the kernel`);
  } else {
    assert.equal(filtered, ERRNO[expected], `${one} must be refused with ${ERRNO[expected]}`);
  }
}

const sets: Readonly<Record<string, readonly string[]>> = {
  "Docker's capabilities": DOCKER_CAPABILITIES,
  CAP_SYS_ADMIN: [...DOCKER_CAPABILITIES, 'CAP_SYS_ADMIN'],
  'the capabilities of the other rules': [
    ...DOCKER_CAPABILITIES,
    ...['SYS_PTRACE', 'SYS_NICE', 'SYSLOG', 'BPF', 'PERFMON', 'SYS_TIME', 'DAC_READ_SEARCH', 'SYS_TTY_CONFIG'].map(
      (name) => `CAP_${name}`,
    ),
  ],
};

/**
 * A program of 32-bit calls in a 64-bit file: keyctl(999) through `int $0x80` (288 there), its negated answer as exit status.
 * Other tables are other numbers: a filter that looks at the number alone lets them through.
 */
const INT80 = [
  0xb8, 0x20, 0x01, 0, 0, 0xbb, 0xe7, 0x03, 0, 0, 0xcd, 0x80, 0xf7, 0xd8, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0xcd, 0x80,
];

function smallElf(code: readonly number[]): Buffer {
  const base = 0x400000;
  const file = Buffer.alloc(120 + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // x86-64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(base + 120), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // readable, executable
  file.writeBigUInt64LE(BigInt(base), 80);
  file.writeBigUInt64LE(BigInt(base), 88);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(0x1000n, 112);
  file.set(code, 120);
  return file;
}

attacks(import.meta.url, "R20: Docker's seccomp profile", () => {
  for (const [what, capabilities] of Object.entries(sets))
    test(`R20: with ${what}, every call is decided as the profile says`, () => {
      const filtered = routes(printed(target(capabilities, true)));
      const free = routes(printed(target(capabilities, false)));
      let refused = 0;
      let refusedByFilterOnly = 0;
      for (const one of available) {
        const [call, ...args] = one;
        const expected = verdict(dockerSeccomp(capabilities), call, args);
        assertVerdict(key(one), expected, filtered.get(key(one)) ?? 'nothing', free.get(key(one)) ?? 'nothing');
        if (expected === 'allow') continue;
        refused++;
        if (filtered.get(key(one)) !== free.get(key(one))) refusedByFilterOnly++;
      }
      // twin: without the filter most of them get to the kernel
      assert.ok(refused > 10, `${refused} calls are refused at all`);
      assert.ok(
        refusedByFilterOnly >= refused * 0.5,
        `without the filter ${refusedByFilterOnly} of ${refused} are answered otherwise`,
      );
    });

  test('R20: exec is under the same filter, and so is what it executes', () => {
    const container = started(target(DOCKER_CAPABILITIES, true, ['sleep', '60']));
    try {
      const said = routes(container.exec(ASK).stdout);
      for (const one of ['keyctl(999,0)', 'userfaultfd(32767)', 'mount(0,0,0,0,0)'])
        assert.equal(said.get(one), 'EPERM', one);
      assert.match(container.exec(['grep', '^Seccomp:', '/proc/self/status']).stdout, /\t2$/m);
    } finally {
      container.stop();
    }
  });

  const onX64 = process.arch === 'x64' ? false : 'only x86-64 has other system call tables';
  test('R20: calls by the x32 table and by int 0x80 are under the filter', { skip: onX64 }, () => {
    const x32 = perl(`$nr{x32_keyctl} = 0x40000000 | $nr{keyctl}; told 'x32', sys('x32_keyctl', 999, 0);`);
    assert.match(printed(target(DOCKER_CAPABILITIES, true, x32)), /^x32: EPERM$/m);
    const int80 = (filtered: boolean): number | null => {
      const made = target(DOCKER_CAPABILITIES, filtered, ['/int80']);
      writeFileSync(join(made.rootfs, 'int80'), smallElf(INT80));
      chmodSync(join(made.rootfs, 'int80'), 0o755);
      return run(made).status;
    };
    const free = int80(false);
    assert.notEqual(free, 1, 'the twin: without the filter it is answered otherwise');
    if (free === 139 || free === 159) assert.equal(int80(true), free, 'this kernel has no 32-bit calls');
    else assert.equal(int80(true), 1, `without the filter: ${free}`);
  });

  test('R20: a filter that cannot be installed as asked stops the start', () => {
    for (const seccomp of [
      { defaultAction: 'SCMP_ACT_WHATEVER' },
      { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_PDP11'] },
      { defaultAction: 'SCMP_ACT_ALLOW', flags: ['SECCOMP_FILTER_FLAG_NONSENSE'] },
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['keyctl'], action: 'SCMP_ACT_ERRNO', args: [{ index: 9, value: 0, op: 'SCMP_CMP_EQ' }] }],
      },
    ]) {
      const done = run(
        bundle((config) => {
          config.linux.seccomp = seccomp;
        }),
      );
      assert.notEqual(done.status, 0, JSON.stringify(seccomp));
    }
  });
});
