import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExplainedRecord } from '../../engine/api/types.js';
import type { Program } from '../../engine/kernel/program/builder.js';
import { capabilityText, decodeArgument } from '../../engine/kernel/program/decode.js';
import { explainTrace } from '../../engine/kernel/program/explain.js';
import { sectionHeading } from '../../engine/kernel/program/sections.js';
import type { SyscallName } from '../../engine/kernel/syscall-table.js';
import { containerProgram } from '../../engine/runtime/program/container.js';
import { execProgram } from '../../engine/runtime/program/exec.js';
import { reaperProgram } from '../../engine/runtime/program/reaper.js';
import { fullContainerPlan, fullExecPlan } from '../helpers/container-plan.js';
import { projectFiles, readProjectFile } from '../helpers/source-tree.js';

/** Arguments that are numbers by nature: counts, sizes, ids, descriptors, offsets. By position. */
const NUMBERS: Readonly<Partial<Record<SyscallName, readonly number[]>>> = {
  close: [0],
  close_range: [0, 1],
  dup3: [0, 1],
  exit_group: [0],
  fchown: [0, 1, 2],
  fchownat: [2, 3],
  fcntl: [0, 2],
  fsconfig: [4],
  futex: [2, 3, 5],
  getcwd: [1],
  ioctl: [0, 2],
  kill: [0],
  keyctl: [2, 3, 4],
  lseek: [0, 1],
  memfd_create: [],
  mount_setattr: [4],
  clone: [1, 2, 3, 4],
  clone3: [1],
  openat: [3],
  openat2: [0, 3],
  pidfd_send_signal: [0, 3],
  ppoll: [1, 4],
  prctl: [1, 2, 3, 4],
  prlimit64: [0],
  pwrite64: [0, 2, 3],
  read: [0, 2],
  recvmsg: [0, 2],
  rt_sigaction: [3],
  rt_sigprocmask: [3],
  rt_sigtimedwait: [3],
  sched_setattr: [0, 2],
  sendmsg: [0, 2],
  setdomainname: [1],
  setgroups: [0],
  sethostname: [1],
  setns: [0],
  setpgid: [0, 1],
  setresgid: [0, 1, 2],
  setresuid: [0, 1, 2],
  ioprio_set: [1],
  socket: [2],
  umask: [0],
  waitid: [1],
  write: [0, 2],
};

const shapes: readonly (readonly [string, () => Program])[] = [
  ['a container with everything', () => containerProgram(fullContainerPlan()).program],
  [
    'a container without a shim, in a v2 group',
    () => containerProgram(fullContainerPlan({ shim: false, birthGroup: 42, pivot: 'chroot', groups: [] })).program,
  ],
  ['a container without a mount namespace', () => containerProgram(fullContainerPlan({ pivot: 'chroot' })).program],
  ['an exec', () => execProgram(fullExecPlan()).program],
  ['the reaper', () => reaperProgram(fullContainerPlan().process)],
];

const explain = (program: Program): readonly ExplainedRecord[] =>
  explainTrace(
    program,
    program.records.map((_, index) => ({ index, state: 'pending', result: null, durationNs: null })),
    true,
  ).records;

describe('every record of a container can be read', () => {
  for (const [name, make] of shapes)
    it(name, () => {
      const program = make();
      for (const record of explain(program)) {
        const where = `record ${record.index}: ${record.call}`;
        assert.match(record.call, /\S/, `${where} has no text`);
        assert.ok(record.explanation.en.length > 8, `${where} has no English sentence`);
        assert.match(record.explanation.zh, /[\u4e00-\u9fff]/, `${where} has no Chinese sentence`);
        assert.doesNotMatch(record.explanation.en, /^ask the kernel for/, `${where} has only the last resort`);
        assert.notEqual(record.section, '', `${where} is in no section`);
        if (record.syscall === 'none') continue;
        assert.match(record.man, /^[a-z0-9_]+\(2\)$/, `${where} names no manual page`);
      }
    });

  for (const [name, make] of shapes)
    it(`${name}: no flag is left as a number`, () => {
      for (const { syscall, args } of make().records) {
        if (syscall === 'none') continue;
        const numbers = args.map((word) => (typeof word === 'object' ? null : BigInt(word)));
        args.forEach((word, position) => {
          if (typeof word === 'object' || NUMBERS[syscall]?.includes(position) === true) return;
          const text = decodeArgument(syscall, position, word, numbers);
          assert.ok(
            text === '0' || text === 'NULL' || /^[A-Z_~]|^0[0-7]*$|^makedev/.test(text),
            `argument ${position} of ${syscall} reads as ${text}`,
          );
        });
      }
    });
});

describe('sections', () => {
  const named = projectFiles()
    .filter((path) => /^engine\/(runtime\/program\/.*|labhost\/program)\.ts$/.test(path))
    .flatMap((path) => [...readProjectFile(path).matchAll(/\.section\('([^']+)'\)/g)].map((found) => found[1]!));

  it('of containers and lab hosts have a Chinese name', () => {
    assert.ok(named.includes('mounts') && named.includes('become pid 1'), 'the programs were not read');
    const untranslated = named.filter((section) => !/[\u4e00-\u9fff]|^AppArmor$/.test(sectionHeading(section).zh));
    assert.deepEqual(untranslated, []);
    assert.equal(sectionHeading('poststart hooks').zh, 'poststart 钩子');
  });
});

describe('arguments', () => {
  for (const [call, position, value, others, expected] of [
    ['move_mount', 4, 0x44, [], 'MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH'],
    ['open_tree', 2, 1 | 0o2000000 | 0x8000, [], 'OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE'],
    ['fsconfig', 1, 6, [null, 6n], 'FSCONFIG_CMD_CREATE'],
    ['fsconfig', 2, 0, [null, 6n], 'NULL'],
    ['fsmount', 2, 15, [], 'MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC'],
    ['prctl', 0, 24, [24n, 21n], 'PR_CAPBSET_DROP'],
    ['prctl', 1, 21, [24n, 21n], 'CAP_SYS_ADMIN'],
    ['prctl', 1, 9, [1n, 9n], 'SIGKILL'],
    ['prctl', 1, 9, [8n, 9n], '9'],
    ['prlimit64', 1, 7, [], 'RLIMIT_NOFILE'],
    ['ioctl', 1, 0x5441, [null, 0x5441n], 'TIOCGPTPEER'],
    ['fcntl', 2, 1, [3n, 2n, 1n], 'FD_CLOEXEC'],
    ['mknodat', 2, 0o020666, [], 'S_IFCHR|0666'],
    ['mknodat', 3, 0x103, [], 'makedev(1, 3)'],
    ['mknodat', 3, 0x10fd2c, [], 'makedev(253, 300)'],
    ['faccessat2', 3, 0x200, [], 'AT_EACCESS'],
    ['unlinkat', 2, 0x200, [], 'AT_REMOVEDIR'],
    ['openat', 0, -100, [], 'AT_FDCWD'],
    ['close_range', 1, 0xffffffff, [], '~0U'],
    ['clone', 0, 17, [], 'SIGCHLD'],
    ['unshare', 0, 0x10000000, [], 'CLONE_NEWUSER'],
  ] as const)
    it(`${call}, argument ${position}: ${expected}`, () =>
      assert.equal(decodeArgument(call, position, value, [...others]), expected));

  it('capabilities by name', () => {
    assert.equal(capabilityText(0n), '0');
    assert.equal(capabilityText((1n << 41n) - 1n), 'all');
    assert.equal(capabilityText(0b100001n), 'CAP_CHOWN|CAP_KILL');
    assert.equal(capabilityText(((1n << 41n) - 1n) & ~(1n << 16n)), 'all but CAP_SYS_MODULE');
  });
});
