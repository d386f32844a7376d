import { SIG_SETMASK, TIOC } from '../kernel/constants.js';
import { type Kernel, realKernel } from '../kernel/kernel.js';
import { ProgramBuilder } from '../kernel/program/builder.js';
import { RunningProgram } from '../kernel/program/running.js';

/**
 * Make our own process group the foreground group of the terminal on descriptor 0 again, after a command had it. Done by
 * a child with SIGTTOU blocked, for a background process that asks would be stopped. tcsetpgrp(3).
 */
export function takeForeground(kernel: Kernel = realKernel): void {
  const group = Buffer.alloc(8);
  group.writeInt32LE(kernel.call('getpgid', 0));
  const b = new ProgramBuilder('take the foreground').section('terminal');
  b.call('rt_sigprocmask', [SIG_SETMASK, b.bytes(Buffer.alloc(8, 0xff), 'all'), 0, 8]);
  b.call('ioctl', [0, TIOC.SPGRP, b.bytes(group, 'our group')], { ignore: true });
  b.call('exit_group', [0]);
  const running = RunningProgram.start(b.build(), {}, kernel);
  running.wait();
  running.dispose();
}
