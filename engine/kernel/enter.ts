import { O } from './constants.js';
import { check, type Kernel, realKernel } from './kernel.js';
import { ProgramBuilder } from './program/builder.js';
import { CLONE, RunningProgram } from './program/running.js';

/**
 * Open a socket inside another network namespace. A child that shares our descriptor table enters the user namespace
 * (so that it works without root for a lab that is ours), then the network namespace, and opens the socket: its
 * descriptor is then ours too, and stays in that namespace for ever. netlink(7), setns(2).
 *
 * @param userFd descriptor of the user namespace to enter first; null when the caller has CAP_SYS_ADMIN over the network namespace
 * @param netFd descriptor of the network namespace
 * @returns the socket, close-on-exec and non-blocking; the caller closes it
 */
export function socketInNamespace(
  options: { userFd: number | null; netFd: number; domain: number; type: number; protocol: number },
  kernel: Kernel = realKernel,
): number {
  const b = new ProgramBuilder('socket in namespace').section('enter');
  if (options.userFd !== null) b.call('setns', [options.userFd, CLONE.NEWUSER], { accept: ['EINVAL'] });
  b.call('setns', [options.netFd, CLONE.NEWNET]);
  b.call('socket', [options.domain, options.type | O.CLOEXEC | O.NONBLOCK, options.protocol], { label: 'socket' });
  b.call('exit_group', [0]);
  const running = RunningProgram.start(b.build(), { flags: CLONE.FILES }, kernel);
  try {
    running.wait();
    running.throwFailure();
    return check({ call: () => running.result('socket') ?? -3 }, 'socket', []);
  } finally {
    running.dispose();
  }
}
