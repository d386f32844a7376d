import { AT, CLOSE_RANGE_UNSHARE, O, PR, SIG_SETMASK } from '../kernel/constants.js';
import { check, type Kernel, realKernel } from '../kernel/kernel.js';
import { sealedMemfd } from '../kernel/memfd.js';
import { ProgramBuilder } from '../kernel/program/builder.js';
import { elfImage } from '../kernel/program/elf.js';
import { RunningProgram } from '../kernel/program/running.js';

/**
 * What is done when the engine died without cleaning up. Arguments: the engine's runtime directory, its directory for
 * labs on disk, then its cgroup directories. Frozen groups are thawed first, because a frozen process does not even take SIGKILL (cgroup v1 freezer).
 * Files on disk may belong to subordinate ids, and directories may have no permission: root of a user namespace removes
 * those; groups may be nested deeper than a path can name, hence -execdir; `--map-auto` is known to unshare(1) since util-linux 2.38, and where it is not, the next engine does it.
 */
const CLEAN_UP = `
run=$1 scratch=$2; shift 2
try=0
while [ $try -lt 100 ]; do
  left=
  for group do
    [ -d "$group" ] || continue
    find "$group" -name freezer.state -execdir sh -c 'for f; do echo THAWED >"$f"; done' thaw {} + 2>/dev/null
    find "$group" -name cgroup.freeze -execdir sh -c 'for f; do echo 0 >"$f"; done' thaw {} + 2>/dev/null
    find "$group" -name cgroup.procs -execdir cat {} + 2>/dev/null | while read -r pid; do kill -9 "$pid" 2>/dev/null; done
    find "$group" -depth -type d -execdir rmdir {} \\; 2>/dev/null
    [ -d "$group" ] && left=1
  done
  [ -z "$left" ] && break
  try=$((try + 1))
  sleep 0.05
done
try=0
while [ -d "$scratch" ] && [ $try -lt 40 ]; do
  for as in "" "unshare --map-root-user" "unshare --map-root-user --map-auto"; do
    $as rm -rf --one-file-system -- "$scratch" 2>/dev/null && break
  done
  try=$((try + 1))
  [ -d "$scratch" ] && sleep 0.05
done
rmdir -- "\${scratch%/*}" 2>/dev/null
rm -rf -- "$run"
rmdir -- "\${run%/*}" 2>/dev/null
exit 0
`;

/** What a guard removes when the engine was killed; each of them need not exist. */
export interface GuardPlan {
  readonly runtimeDir: string;
  /** The engine's part of `scratch` in the state directory. */
  readonly scratchDir: string;
  readonly cgroupDirs: readonly string[];
}

/**
 * The guard: a process of two pages that outlives the engine by as long as cleaning up takes. It reads from a pipe whose
 * only writer is the engine; end of file means that the engine was killed. The lab's own processes die by themselves
 * (PR_SET_PDEATHSIG on pid 1, and a pid namespace ends with its pid 1); what remains is what no process holds:
 * cgroup directories, the socket's folder, and labs on disk.
 */
export class Guard {
  readonly pid: number;
  #kernel: Kernel;
  #running: RunningProgram;
  #pipe: number;

  private constructor(kernel: Kernel, running: RunningProgram, pipe: number) {
    this.#kernel = kernel;
    this.#running = running;
    this.#pipe = pipe;
    this.pid = running.pid;
  }

  get pidfd(): number {
    return this.#running.pidfd;
  }

  static start(options: GuardPlan, kernel: Kernel = realKernel): Guard {
    const image = sealedMemfd(kernel, 'glassbox-guard', elfImage(guardProgram(options)));
    const ends = Buffer.alloc(8);
    let running: RunningProgram | undefined;
    try {
      check(kernel, 'pipe2', [ends, O.CLOEXEC], { while: 'starting the guard' });
      const [reader, writer] = [ends.readInt32LE(0), ends.readInt32LE(4)];
      try {
        running = RunningProgram.start(launchProgram(image, reader), {}, kernel);
        return new Guard(kernel, running, writer);
      } catch (error) {
        kernel.call('close', writer);
        throw error;
      } finally {
        kernel.call('close', reader);
      }
    } finally {
      kernel.call('close', image);
    }
  }

  /** Tell the guard that everything is clean: it exits. */
  dismiss(): void {
    this.#kernel.call('write', this.#pipe, Buffer.from([1]), 1);
    this.#kernel.call('close', this.#pipe);
    this.#running.wait();
    this.#running.dispose();
  }
}

/** Between clone3 and the image: a session of its own, only the pipe and the image open. */
function launchProgram(image: number, pipe: number) {
  const b = new ProgramBuilder('guard').section('launch');
  b.call('setsid', []);
  b.call('openat', [AT.FDCWD, '/dev/null', O.RDWR, 0], {
    storeAt: { kind: 'field', label: 'null-0', field: { arg: 0 } },
  });
  b.call('fcntl', [image, 0, 100], { storeAt: { kind: 'field', label: 'image', field: { arg: 0 } } });
  b.call('fcntl', [pipe, 0, 101], { storeAt: { kind: 'field', label: 'pipe', field: { arg: 0 } } });
  b.call('dup3', [0, 0, 0], { label: 'null-0', accept: ['EINVAL'] });
  b.call('dup3', [0, 1, 0]);
  b.call('dup3', [0, 2, 0]);
  b.call('dup3', [0, 3, 0], { label: 'pipe' });
  b.call('dup3', [0, 4, O.CLOEXEC], { label: 'image' });
  b.call('close_range', [5, 0xffffffff, CLOSE_RANGE_UNSHARE]);
  b.call('execveat', [
    4,
    '',
    b.vector(['glassbox-guard']),
    b.vector(['PATH=/usr/sbin:/usr/bin:/sbin:/bin']),
    AT.EMPTY_PATH,
  ]);
  return b.build();
}

function guardProgram({ runtimeDir, scratchDir, cgroupDirs }: GuardPlan) {
  const b = new ProgramBuilder('guard').section('guard');
  b.call('prctl', [PR.SET_NAME, 'glassbox-guard']);
  b.call('rt_sigprocmask', [SIG_SETMASK, b.bytes(Buffer.alloc(8, 0xff), 'all signals'), 0, 8]);
  b.call('chdir', ['/']);
  b.call('read', [3, b.bytes(Buffer.alloc(8), 'one byte'), 1], { jumpIfZero: 'clean-up', accept: ['EINTR'] });
  b.call('exit_group', [0]);
  b.call('rt_sigprocmask', [SIG_SETMASK, b.bytes(Buffer.alloc(8), 'no signals'), 0, 8], { label: 'clean-up' });
  b.call('execve', [
    '/bin/sh',
    b.vector(['sh', '-c', CLEAN_UP, 'glassbox-guard', runtimeDir, scratchDir, ...cgroupDirs]),
    b.vector(['PATH=/usr/sbin:/usr/bin:/sbin:/bin']),
  ]);
  return b.build();
}
