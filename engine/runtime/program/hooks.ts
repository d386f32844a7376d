import { AT, O, POLLIN, SIG } from '../../kernel/constants.js';
import type { DataRef, SlotValue } from '../../kernel/program/builder.js';
import { CLONE } from '../../kernel/program/running.js';
import type { SpecHook } from '../spec/types.js';
import { CLD_EXITED, SI_CODE, SI_STATUS, SIGINFO_SIZE, WALL, WEXITED } from './reap.js';
import { HOW_SIZE, type Steps } from './steps.js';

const P_PIDFD = 3;
/** Ends that are told apart, in Go's words; the start fails at any but exit 0. */
const EXITS = [1, 2, 126, 127] as const;
const SIGNALS: readonly (readonly [number, string])[] = [
  [31, 'bad system call'],
  [SIG.KILL, 'killed'],
  [SIG.TERM, 'terminated'],
  [11, 'segmentation fault'],
];

/**
 * Hooks that run in the container's namespaces: each a child that gets the state on standard input, waited for with its
 * timeout; any end but exit 0 fails the start. runtime-spec config.md "POSIX-platform Hooks".
 */
export function containerHooks(
  s: Steps,
  kind: string,
  hooks: readonly SpecHook[],
  { stateFd, directory, env }: { stateFd: number; directory: SlotValue | null; env: readonly string[] },
): void {
  if (hooks.length === 0) return;
  s.b.section(`${kind} hooks`);
  hooks.forEach((hook, n) => {
    const child = s.label(kind);
    const waiting = s.label('waiting');
    const pollfd = Buffer.alloc(8);
    pollfd.writeInt16LE(POLLIN, 4);
    const process = s.b.bytes(pollfd, '{hook, POLLIN}');
    const pidfd = { kind: 'slot', data: process } as const;
    const info = s.b.bytes(Buffer.alloc(SIGINFO_SIZE), 'siginfo');
    const failure = (errno: string): string => `error running hook #${n}: error running hook: ${errno}`;
    s.call('faccessat2', [AT.FDCWD, hook.path, 1, 0], {
      failure: (errno) => `error running hook #${n}: fork/exec ${hook.path}: ${errno}`,
    });
    // not clone3: the filter of a container, under which its startContainer hooks run, has to refuse that one
    s.call('clone', [CLONE.PIDFD | SIG.CHLD, 0, process, 0, 0], { jumpIfZero: child, failure });
    if (hook.timeout !== undefined && hook.timeout > 0) {
      const late = s.label('late');
      s.call('ppoll', [process, 1, s.b.words([hook.timeout, 0], `{${hook.timeout} s}`), 0, 0], {
        jumpIfZero: late,
        failure,
      });
      s.b.goto(waiting);
      s.call('pidfd_send_signal', [pidfd, SIG.KILL, 0, 0], { label: late, accept: ['ESRCH'] });
    }
    s.call('waitid', [P_PIDFD, pidfd, info, WEXITED | WALL, 0], {
      label: waiting,
      accept: ['EINTR'],
      jumpIfError: waiting,
      failure,
    });
    judgeEnd(s, info, failure);
    s.later(() => {
      s.b.section(`${kind} hook`);
      const nothing = s.slot('/dev/null');
      s.call('lseek', [stateFd, 0, 0], { label: child });
      s.call('dup3', [stateFd, 0, 0]);
      s.call('openat', [AT.FDCWD, '/dev/null', O.RDWR, 0], { storeAt: nothing.data, ignore: true });
      s.call('dup3', [nothing, 1, 0], { ignore: true });
      s.call('dup3', [nothing, 2, 0], { ignore: true });
      if (directory !== null) s.call('fchdir', [directory]);
      s.call('close_range', [3, 0xffffffff, 0]);
      s.call(
        'execve',
        [hook.path, s.b.vector(hook.args.length === 0 ? [hook.path] : hook.args), s.b.vector(hook.env ?? env)],
        { ignore: true },
      );
      s.call('exit_group', [127]);
    });
  });
}

/** Go on after exit 0 alone; else a call that fails says how the hook ended. On the main road, where who starts the container looks. */
function judgeEnd(s: Steps, info: DataRef, failure: (why: string) => string): void {
  const [exited, killed, fine] = [s.label('hook-exited'), s.label('hook-killed'), s.label('hook-fine')];
  const differs = { accept: ['EAGAIN'] as const, failure };
  const fail = (why: string): void => {
    s.call('openat2', [-1, '', s.how(0, 0), HOW_SIZE], { failure: () => failure(why) });
  };
  const tell = (value: number, why: string): void => {
    const next = s.label('other-end');
    s.compare(info, SI_STATUS, value, { ...differs, jumpIfError: next });
    fail(why);
    s.b.goto(null, { label: next });
  };
  s.compare(info, SI_CODE, CLD_EXITED, { ...differs, jumpIfError: killed });
  s.compare(info, SI_STATUS, 0, { ...differs, jumpIfError: exited });
  s.b.goto(fine);
  s.b.goto(null, { label: exited });
  for (const status of EXITS) tell(status, `exit status ${status}`);
  fail('it did not exit with status 0');
  s.b.goto(null, { label: killed });
  for (const [signal, words] of SIGNALS) tell(signal, `signal: ${words}`);
  fail('it was ended by a signal');
  s.b.goto(null, { label: fine });
}
