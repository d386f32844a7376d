import { openSync, readFileSync, rmSync } from 'node:fs';
import { F, O } from '../../kernel/constants.js';
import { EngineError } from '../../kernel/errors.js';
import { check, type Kernel } from '../../kernel/kernel.js';
import { parseStat } from '../../kernel/procfs/stat.js';
import { RunningProgram } from '../../kernel/program/running.js';
import { DescriptorSocket } from '../../kernel/pty.js';
import { IMAGE_NAME } from '../create.js';
import { reserveRegion } from '../driver.js';
import { guard } from '../guards.js';
import { Descriptors } from '../planning/descriptors.js';
import { openOutput } from '../planning/output.js';
import { openFilesBeforeNode } from '../planning/process.js';
import { CLD_EXITED, SI_CODE, SI_STATUS } from '../program/reap.js';
import { EXIT_FILE, type ProcessId, processOf, REGION_FILE, type StateDir } from '../state-dir.js';
import type { CreateOptions } from '../types.js';
import { type OutsideProgram, outsideProgram } from './shim-program.js';

const PAUSE_MS = 2;

export interface OutsideCall {
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** Where the program writes the pid of the container's process. */
  readonly pidFile: string;
  /** Throws the program's own error, by how it ended. */
  readonly ended: (how: number | string) => void;
}

/** A container's process that another runtime made, and our shim, which is its parent. */
export interface OutsideBirth {
  readonly init: ProcessId;
  readonly pidfd: number;
  readonly shim: ProcessId;
  readonly shimPidfd: number;
  /** Open for the record of the exit. */
  readonly exit: number;
  readonly masterAt: number | null;
}

/**
 * Run another runtime's `create` under a shim of ours, and take the process that it leaves. Until the shim has let go of us
 * everything dies with us: then the runtime's state is removed by who finds it.
 *
 * @param consolePath where the runtime connects to hand over a terminal; null without one
 * @param made called with what there is, before the shim lives on without us
 */
export async function bornUnderShim(
  kernel: Kernel,
  dir: StateDir,
  options: CreateOptions,
  call: OutsideCall,
  consolePath: string | null,
  made: (birth: OutsideBirth, stdin: number) => void,
): Promise<OutsideBirth> {
  const fds = new Descriptors(kernel, 0);
  let socket: DescriptorSocket | undefined;
  try {
    const region = fds.open(dir.file(REGION_FILE), O.RDWR | O.CREAT | O.EXCL, 0o600);
    if (consolePath !== null) {
      rmSync(consolePath, { force: true });
      socket = new DescriptorSocket(kernel, consolePath);
    }
    const output = openOutput(fds, dir, options);
    const compiled = outsideProgram({
      id: options.id,
      program: call.program,
      args: call.args,
      env: [`PATH=${process.env['PATH'] ?? ''}`],
      openFiles: openFilesBeforeNode(),
      fds: {
        region,
        parent: fds.own(check(kernel, 'pidfd_open', [process.pid, 0], { while: 'creating the container' })),
        stdio: options.stdio,
        exit: fds.open(dir.file(EXIT_FILE), O.WRONLY | O.CREAT | O.EXCL, 0o600),
        console: socket === undefined ? -1 : fds.own(copy(kernel, socket.listener)),
        output,
      },
    });
    reserveRegion(kernel, region, compiled.program);
    const image = { file: region, name: IMAGE_NAME, sealed: guard('sealed-exe') };
    const running = RunningProgram.start(compiled.program, { image }, kernel);
    try {
      const birth = await take(kernel, dir, running, compiled, call);
      try {
        made(birth, output?.stdin ?? -1);
        running.release('shim');
        await arrive(running, 'wait');
        running.dispose();
        return birth;
      } catch (error) {
        for (const fd of [birth.pidfd, birth.shimPidfd, birth.exit]) kernel.call('close', fd);
        throw error;
      }
    } catch (error) {
      // the runtime dies with it, as it asked for; its number may be another's by now
      running.destroy();
      throw error;
    }
  } finally {
    socket?.close();
    if (consolePath !== null) rmSync(consolePath, { force: true });
    fds.closeAll();
  }
}

/** Wait for the runtime, and make the process that it names the shim's. */
async function take(
  kernel: Kernel,
  dir: StateDir,
  running: RunningProgram,
  { ended, masterAt }: OutsideProgram,
  call: OutsideCall,
): Promise<OutsideBirth> {
  await arrive(running, 'made');
  const info = running.readData(ended.offset, ended.length);
  const status = info.readInt32LE(SI_STATUS);
  call.ended(info.readInt32LE(SI_CODE) === CLD_EXITED ? status : `signal ${status}`);
  const pid = Number(readFileSync(call.pidFile, 'utf8'));
  const init = Number.isSafeInteger(pid) && pid > 0 ? processOf(pid) : null;
  const parent = init === null ? undefined : parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.ppid;
  const shim = processOf(running.pid);
  if (init === null || shim === null || parent !== running.pid)
    throw new EngineError('Aborted', `${call.program}: the process that it made has ended, or is not the shim's`);
  const pidfd = check(kernel, 'pidfd_open', [pid, 0], { while: 'creating the container' });
  let shimPidfd = -1;
  try {
    running.setArgument('made', 0, pid);
    running.release('made');
    await arrive(running, 'shim');
    shimPidfd = copy(kernel, running.pidfd);
    const exit = openSync(dir.file(EXIT_FILE), O.RDONLY | O.CLOEXEC);
    return { init, pidfd, shim, shimPidfd, exit, masterAt };
  } catch (error) {
    for (const fd of [pidfd, shimPidfd]) if (fd >= 0) kernel.call('close', fd);
    throw error;
  }
}

/** Until a record is held or done. A runtime takes its time: others get their turn meanwhile. */
async function arrive(running: RunningProgram, label: string): Promise<void> {
  for (;;) {
    try {
      running.waitHeld(label, { timeoutMs: 0 });
      return;
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'DeadlineExceeded') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function copy(kernel: Kernel, fd: number): number {
  return check(kernel, 'fcntl', [fd, F.DUPFD_CLOEXEC, 3], { while: 'creating the container' });
}
