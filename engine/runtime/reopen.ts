import { closeSync, openSync, readSync } from 'node:fs';
import { O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { check, type Kernel } from '../kernel/kernel.js';
import type { Reactor } from '../kernel/reactor.js';
import { type Ending, RunningContainerProcess } from './container-process.js';
import {
  CONTROL_FILE,
  EXIT_FILE,
  isAlive,
  type ProcessId,
  REGION_FILE,
  type StateDir,
  type StateRecord,
} from './state-dir.js';

/** Take up a container by its state: hold of its process and of its shim, as far as they are still there. */
export function reopenContainer(
  kernel: Kernel,
  reactor: () => Reactor,
  dir: StateDir,
  state: Pick<StateRecord, 'id' | 'init' | 'shim'>,
): RunningContainerProcess {
  const { init, shim } = state;
  if (init === null || shim === null)
    throw new EngineError('NotFound', `container ${state.id} has no shim: nobody but its maker learns how it ends`);
  const pidfd = hold(kernel, init);
  const shimPidfd = hold(kernel, shim);
  const ending: Ending = { by: 'shim', shimPidfd, exit: openSync(dir.file(EXIT_FILE), O.RDONLY | O.CLOEXEC) };
  return new RunningContainerProcess(kernel, reactor, { pid: init.pid, pidfd }, ending);
}

/** A pidfd of a process that is seen to be the one that was meant; -1 when it has ended. */
function hold(kernel: Kernel, process: ProcessId): number {
  const pidfd = kernel.call('pidfd_open', process.pid, 0);
  if (pidfd === -ERRNO.ESRCH) return -1;
  if (pidfd < 0) throw new SyscallError('pidfd_open', -pidfd, { while: 'taking up a container' });
  if (isAlive(process)) return pidfd;
  kernel.call('close', pidfd);
  return -1;
}

/** The shim has written the number of its master into the region that all share. */
export function borrowTerminal(kernel: Kernel, dir: StateDir, shim: ProcessId, masterAt: number): number {
  const word = Buffer.alloc(4);
  const region = openSync(dir.file(REGION_FILE), O.RDONLY | O.CLOEXEC);
  try {
    readSync(region, word, 0, 4, masterAt);
  } finally {
    closeSync(region);
  }
  return borrow(kernel, shim, word.readInt32LE(0));
}

/** A copy of a shim's descriptor. pidfd_getfd(2) */
export function borrow(kernel: Kernel, shim: ProcessId, number: number): number {
  const pidfd = hold(kernel, shim);
  if (pidfd < 0) throw new EngineError('FailedPrecondition', 'container not running');
  try {
    return check(kernel, 'pidfd_getfd', [pidfd, number, 0], { while: "taking a container's stream" });
  } finally {
    kernel.call('close', pidfd);
  }
}

/** The container reads to the end of its input: its shim is told to close it. */
export function endInput(kernel: Kernel, dir: StateDir): void {
  const fd = openSync(dir.file(CONTROL_FILE), O.WRONLY | O.NONBLOCK | O.CLOEXEC);
  try {
    check(kernel, 'write', [fd, Buffer.from([0]), 1], { while: "closing a container's input" });
  } finally {
    closeSync(fd);
  }
}
