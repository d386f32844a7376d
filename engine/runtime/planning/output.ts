import { AT, F, O, S_IF } from '../../kernel/constants.js';
import { EngineError } from '../../kernel/errors.js';
import { check } from '../../kernel/kernel.js';
import type { OutputPlan } from '../plan.js';
import { CONTROL_FILE, type StateDir } from '../state-dir.js';
import type { CreateOptions } from '../types.js';
import type { Descriptors } from './descriptors.js';

/** What a shim needs to keep a container's streams: copies of our ends, the spool, and the pipe on which it is told that the input has ended. */
export function openOutput(
  fds: Descriptors,
  dir: StateDir,
  { output, shim }: Pick<CreateOptions, 'output' | 'shim'>,
): OutputPlan | null {
  if (output === undefined) return null;
  if (shim !== true) throw new EngineError('InvalidArgument', 'output is kept by a shim: ask for one');
  const keep = (fd: number): number =>
    fd < 0
      ? -1
      : fds.own(check(fds.kernel, 'fcntl', [fd, F.DUPFD_CLOEXEC, 3], { while: "keeping the container's streams" }));
  const path = dir.file(CONTROL_FILE);
  check(fds.kernel, 'mknodat', [AT.FDCWD, path, S_IF.FIFO | 0o600, 0], { path });
  return {
    spool: fds.open(output.spool, O.WRONLY | O.CREAT | O.APPEND, 0o600),
    stdout: keep(output.stdout),
    stderr: keep(output.stderr),
    stdin: keep(output.stdin),
    control: fds.open(path, O.RDWR | O.NONBLOCK),
  };
}
