import { AT, F, FD_CLOEXEC } from '../../kernel/constants.js';
import { ERRNO, type ErrnoName } from '../../kernel/errno.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import { guard } from '../guards.js';
import type { ProcessPlan } from '../plan.js';
import { REAPER_PATH } from './reaper.js';
import { HOW_SIZE, type Steps } from './steps.js';

const X_OK = 1;
const AT_EACCESS = 0x200;
const STDERR = 2;
/** `(unreachable)` before a path that getcwd(2) found outside of the root, as a 32-bit word. */
const UNREACHABLE = Buffer.from('(unr').readInt32LE(0);
/** What init exits with when the container's program could not be executed after all, as runc's does. */
const EXEC_FAILED = 1;

/** What exec(3) would execute, once it is known. */
export interface Executable {
  readonly path: SlotValue;
  readonly length: SlotValue;
}

/** Find the file to execute with the ids and capabilities of the process: a missing one is an error of `create`, not of `start`. */
export function findExecutable(s: Steps, plan: ProcessPlan): Executable {
  s.b.section('executable');
  const name = plan.process.args[0] ?? '';
  const path = s.slot('executable');
  const length = s.slot('length');
  const found = s.label('found');
  const searched = !name.includes('/');
  for (const candidate of plan.candidates) {
    const next = s.label('candidate');
    s.call(
      'faccessat2',
      [AT.FDCWD, candidate, X_OK, AT_EACCESS],
      searched
        ? { jumpIfError: next }
        : {
            failure: (errno) =>
              errno === 'permission denied' ? `exec: "${name}": ${errno}` : `exec: "${name}": stat ${name}: ${errno}`,
          },
    );
    s.call('faccessat2', [AT.FDCWD, `${candidate}/.`, 0, 0], {
      ignore: true,
      jumpIfZero: next,
      say: { en: 'a directory is no program, though it may be entered', zh: '目录虽然可以进入，但不是程序' },
    });
    s.b.set(path, candidate);
    s.b.set(length, Buffer.byteLength(candidate), { jump: found });
    s.b.goto(null, { label: next });
  }
  s.call('openat2', [-1, '', s.how(0, 0), HOW_SIZE], {
    failure: () =>
      searched ? `exec: "${name}": executable file not found in $PATH` : `exec: "${name}": permission denied`,
    say: { en: 'none was found: a call that fails, to end here', zh: '没有找到：用一次必然失败的调用在此终止' },
  });
  s.b.goto(null, { label: found });
  return { path, length };
}

/**
 * Enter the working directory: as root, who may where the user may not, or else as the user that `becomeUser` makes of it. What the
 * container must not have is closed by then, so a path such as /proc/self/fd/7 leads nowhere; and where it leads is asked of
 * the kernel, which marks a directory outside of the root (CVE-2024-21626).
 */
export function enterDirectory(s: Steps, plan: ProcessPlan, becomeUser: () => void): void {
  s.b.section('working directory');
  const { cwd } = plan.process;
  const failure = `chdir to cwd ("${cwd}") set in config.json failed`;
  s.call('chdir', [cwd], { accept: ['EACCES', 'EPERM'], failure, command: `cd ${cwd}`, label: 'cwd' });
  becomeUser();
  s.b.section('working directory');
  const entered = s.label('entered-cwd');
  s.compare({ kind: 'field', label: 'cwd', field: 'result' }, 0, 0, {
    jump: entered,
    accept: ['EAGAIN'],
    failure,
    say: { en: 'is it there already?', zh: '已经在那里了吗？' },
  });
  s.call('chdir', [cwd], { failure });
  s.b.goto(null, { label: entered });
  if (!guard('cwd-check')) return;
  const where = s.b.bytes(Buffer.alloc(4096), 'path');
  const fine = s.label('inside');
  const outside = (): string =>
    'current working directory is outside of container mount namespace root -- possible container breakout detected';
  s.call('getcwd', [where, 4096], { failure: outside });
  s.compare(where, 0, UNREACHABLE, {
    accept: ['EAGAIN'],
    jumpIfError: fine,
    failure: outside,
    say: {
      en: 'does the path begin with "(unreachable)"? Then it lies outside of the container',
      zh: '路径以 “(unreachable)” 开头吗？那它就在容器之外',
    },
  });
  s.call('openat2', [-1, '', s.how(0, 0), HOW_SIZE], { failure: outside });
  s.b.goto(null, { label: fine });
}

/** Close every descriptor but those that the process was given and those that are still needed. @param keep these are no directories */
export function closeOthers(s: Steps, preserveFds: number, keep: readonly number[]): void {
  if (!guard('close-range')) return;
  s.b.section('descriptors');
  const failure = 'close descriptors';
  let from = 3 + preserveFds;
  for (const fd of [...new Set(keep)].filter((one) => one >= from).sort((a, b) => a - b)) {
    if (fd > from) s.call('close_range', [from, fd - 1, 0], { failure });
    s.call('fcntl', [fd, F.SETFD, FD_CLOEXEC], {
      failure,
      say: {
        en: 'still needed; it closes itself when the program is executed',
        zh: '还要用一会儿；执行程序时它会自动关闭',
      },
    });
    from = fd + 1;
  }
  s.call('close_range', [from, 0xffffffff, 0], {
    failure,
    say: { en: 'no descriptor but those that the container was given', zh: '除了交给容器的之外，不留任何文件描述符' },
  });
}

/**
 * The end of the list: the container's program takes over, or says on its standard error why it cannot (`tell`: nobody waits for
 * it who could read that in its records).
 */
export function become(
  s: Steps,
  plan: ProcessPlan,
  executable: Executable,
  options: { tell: boolean; reaper: number },
): void {
  s.b.section('become');
  if (options.reaper >= 0) {
    const argv = s.b.vector([REAPER_PATH, '--', ...plan.process.args]);
    s.call('execveat', [options.reaper, '', argv, s.b.vector(plan.env), AT.EMPTY_PATH], {
      label: 'execve',
      jumpIfError: 'not-executed',
      say: {
        en: "become pid 1, which runs the container's program as its child",
        zh: '变成 1 号进程，由它把容器的程序作为子进程运行',
      },
    });
  } else
    s.call('execve', [executable.path, s.b.vector(plan.process.args), s.b.vector(plan.env)], {
      label: 'execve',
      jumpIfError: 'not-executed',
      say: { en: "become the container's program", zh: '变成容器的程序' },
    });
  s.later(() => {
    s.b.goto(null, { label: 'not-executed' });
    if (!options.tell) {
      s.call('exit_group', [EXEC_FAILED]);
      return;
    }
    const say = (text: string): void => {
      s.call('write', [STDERR, s.b.bytes(Buffer.from(text), JSON.stringify(text)), Buffer.byteLength(text)], {
        ignore: true,
      });
    };
    say('exec ');
    s.call('write', [STDERR, executable.path, executable.length], { ignore: true });
    for (const [errno, text] of EXEC_ERRORS) {
      const other = s.label('other');
      s.compare({ kind: 'field', label: 'execve', field: 'result' }, 0, -ERRNO[errno], {
        accept: ['EAGAIN'],
        jumpIfError: other,
      });
      say(`: ${text}\n`);
      s.call('exit_group', [EXEC_FAILED]);
      s.b.goto(null, { label: other });
    }
    say(': the kernel refused it\n');
    s.call('exit_group', [EXEC_FAILED]);
  });
}

const EXEC_ERRORS: readonly (readonly [ErrnoName, string])[] = [
  ['ENOEXEC', 'exec format error'],
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['E2BIG', 'argument list too long'],
  ['ENOTDIR', 'not a directory'],
];
