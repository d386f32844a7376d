/** What must come before what in a container's start, and why: a record in the wrong place is a hole that no error tells of. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Program } from '../../engine/kernel/program/builder.js';
import { containerProgram } from '../../engine/runtime/program/container.js';
import { execProgram } from '../../engine/runtime/program/exec.js';
import { fullContainerPlan, fullExecPlan } from '../helpers/container-plan.js';
import { dockerPlan, lines, mainRoad, sectionsOf } from './runtime-program-plans.js';

const programs: readonly (readonly [string, Program])[] = [
  ["Docker's default", containerProgram(dockerPlan()).program],
  ["Docker's default with no_new_privs", containerProgram(dockerPlan({ noNewPrivileges: true })).program],
  ['everything at once', containerProgram(fullContainerPlan()).program],
  ['sources that are opened inside', containerProgram(fullContainerPlan({ sourcesInside: true })).program],
  ['an exec', execProgram(fullExecPlan()).program],
];

/** What of two comes first where both are there, and what goes wrong otherwise. `last` and `first` of several that match. */
const RULES: readonly (readonly [before: RegExp, after: RegExp, why: string])[] = [
  [
    /^birth: /,
    /^go-between: /,
    'nothing is done while memory and descriptors of the engine are at hand (CVE-2019-5736)',
  ],
  [/: setns\(/, /^mounts: /, 'mounts would be made in the namespaces of the machine'],
  [/: unshare\(CLONE_NEWUSER/, /^(clone|join): clone3\(/, 'the other namespaces must belong to the user namespace'],
  [/: setns\(/, /: unshare\(CLONE_NEWUSER/, 'a new user namespace may not enter namespaces of the machine'],
  [
    /: prctl\(PR_SET_DUMPABLE, 0\)/,
    /^(clone|join): clone3\(/,
    'the process could be traced from inside (CVE-2016-9962)',
  ],
  [/^(clone|join): clone3\(/, /: (fsopen|move_mount|mount)\(/, 'mounts would be made outside of the mount namespace'],
  [/^cgroups: write\(/, /: (fsopen|mount)\(/, 'memory of the mounts would be charged to the engine'],
  [/^init: mount\(NULL, "\/"|^root: mount\(NULL, "\/"/, /: move_mount\(/, 'mounts would travel to the machine'],
  [/: open_tree\(AT_FDCWD, "\/etc\/hosts"/, /: pivot_root\(/, 'the machine is out of sight then'],
  [/^mounts: /, /^devices: /, '/dev is a mount'],
  [/^devices: /, /: pivot_root\(/, 'nodes of the machine are bound from outside'],
  [/^mounts: /, /: pivot_root\(/, 'sources are still in sight'],
  [/: pivot_root\(/, /: umount2\("\.", MNT_DETACH/, 'there is nothing to let go of before'],
  [/: umount2\("\.", MNT_DETACH/, /^(terminal|settings|sysctls|masked paths): /, 'names could lead to the machine'],
  [/^sysctls: /, /^read-only paths: /, '/proc/sys becomes read-only'],
  [/: sethostname\(/, /^read-only paths: /, 'settings are made before anything is closed'],
  [/^read-only paths: /, /^masked paths: /, 'a mask below a path that is bound again would vanish under it'],
  [/^masked paths: /, /: setresuid\(1000/, 'mounting takes capabilities'],
  [/^masked paths: /, /: mount_setattr\(<root>, .*set: RDONLY/, 'places for mounts are made until then'],
  [/^mounts: /, /^read-only mounts: /, 'places for mounts are made in them until then'],
  [/^terminal: /, /^masked paths: /, '/dev/console may be made until then'],
  [/^keyring: keyctl/, /: setresuid\(1000/, 'the keyring must be of the session before it has its user'],
  [/: prlimit64\(/, /: setresuid\(1000/, 'a hard limit may only be raised by root'],
  [/: sched_setattr\(/, /: setresuid\(1000/, 'as may priorities'],
  [/: prctl\(PR_CAPBSET_DROP/, /^identity: setresuid\(/, 'dropping takes CAP_SETPCAP'],
  [/: prctl\(PR_SET_KEEPCAPS, 1/, /^identity: setresuid\(/, 'every capability would be gone'],
  [/^identity: setgroups\(/, /^identity: setresgid\(/, 'setgroups takes a capability'],
  [/^identity: setresgid\(/, /^identity: setresuid\(/, 'the group may not be changed by the user'],
  [/^identity: setresuid\(/, /^identity: capset\(/, 'a change of ids clears the effective set'],
  [/^identity: setresuid\(/, /^identity: prctl\(PR_SET_PDEATHSIG, SIGKILL/, 'a change of ids clears the wish to die'],
  [/^identity: capset\(/, /^executable: faccessat2/, 'what may be executed is asked with the rights of the process'],
  [/^descriptors: close_range\(/, /^working directory: chdir\(/, '/proc/self/fd/N would lead outside (CVE-2024-21626)'],
  [/^working directory: chdir\(/, /^working directory: getcwd\(/, 'it is the new directory that is looked at'],
  [/^working directory: getcwd\(/, /: \[(created|ready)\]/, 'an escape is an error of create'],
  [/^executable: /, /: \[(created|ready)\]/, 'a missing program is an error of create'],
  [/: \[created\]/, /: \[start\]/, 'who made it lets it live before who starts it lets it go'],
  [/: \[(start|ready)\]/, /^confine: /, 'waiting needs futex, which a filter may refuse'],
  [
    /^confine: /,
    /^startContainer hooks: /,
    'a program of the image must not escape the bounds of the container as a hook',
  ],
  [/: prctl\(PR_SET_NO_NEW_PRIVS/, /: seccomp\(/, 'without privileges only that allows a filter'],
  [/: umask\(0\)/, /^mounts: /, 'modes of nodes and directories are given in full'],
  [/: umask\(022\)/, /^become: /, 'the program gets its own umask'],
  [/: seccomp\(/, /^become: exec/, 'the program must never run without its filter'],
];

describe('order of a start', () => {
  const met = new Set<number>();
  for (const [name, program] of programs)
    it(name, () => {
      const road = lines(mainRoad(program));
      RULES.forEach(([before, after, why], n) => {
        const last = road.findLastIndex((line) => before.test(line));
        // what is behind `before` at all is what the rule is about: the stand-by has its own clone3
        const first = road.findIndex((line) => after.test(line));
        if (last < 0 || first < 0) return;
        met.add(n);
        assert.ok(last < first, `${road[last]} (${last}) must come before ${road[first]} (${first}): ${why}`);
      });
    });

  it('every rule is about records that there are', () => {
    assert.deepEqual(
      RULES.filter((_, n) => !met.has(n)).map(([before, after]) => `${before} ${after}`),
      [],
    );
  });

  for (const [name, program] of programs)
    it(`${name}: the end is the execution of the program, and nothing that the filter could refuse is before it`, () => {
      const road = mainRoad(program);
      assert.match(road.at(-1)?.syscall ?? '', /^execve(at)?$/);
      const filter = road.findIndex(({ syscall }) => syscall === 'seccomp');
      assert.ok(filter > 0, 'no filter is installed');
      const behind = road
        .slice(filter + 1)
        .filter(({ syscall, section }) => syscall !== 'none' && section !== 'startContainer hooks')
        .map(({ syscall }) => syscall);
      const withoutNewPrivileges = lines(road).some((line) => line.includes('PR_SET_NO_NEW_PRIVS'));
      // without no_new_privs a filter takes CAP_SYS_ADMIN, which can only be given up behind it
      const rest = withoutNewPrivileges ? ['execve'] : ['capset', ...behind.filter((one) => one === 'prctl'), 'execve'];
      assert.deepEqual(behind, rest);
    });

  it('the sections of a start', () => {
    assert.deepEqual(sectionsOf(mainRoad(containerProgram(fullContainerPlan()).program)), [
      'birth',
      'go-between',
      'sources',
      'join',
      'user namespace',
      'clone',
      'shim',
      'init',
      'cgroups',
      'init',
      'root',
      'mounts',
      'devices',
      'hooks',
      'createContainer hooks',
      'enter',
      'terminal',
      'settings',
      'sysctls',
      'apparmor',
      'read-only paths',
      'masked paths',
      'read-only mounts',
      'read-only root',
      'keyring',
      'limits',
      'descriptors',
      'working directory',
      'identity',
      'working directory',
      'executable',
      'start',
      'confine',
      'startContainer hooks',
      'become',
    ]);
    assert.deepEqual(sectionsOf(mainRoad(execProgram(fullExecPlan()).program)), [
      'birth',
      'go-between',
      'cgroups',
      'join',
      'process',
      'terminal',
      'apparmor',
      'keyring',
      'limits',
      'descriptors',
      'working directory',
      'identity',
      'working directory',
      'executable',
      'start',
      'confine',
      'become',
    ]);
  });
});
