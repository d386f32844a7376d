import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { LabOptions } from '../../engine/api/types.js';
import type { Kernel } from '../../engine/kernel/kernel.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import type { Program } from '../../engine/kernel/program/builder.js';
import { CLONE, type ExitStatus, RunningProgram, waitPidfd } from '../../engine/kernel/program/running.js';
import type { Reactor } from '../../engine/kernel/reactor.js';
import { Reactor as LabReactor } from '../../engine/kernel/reactor.js';
import { engineId } from '../../engine/labhost/engine-id.js';
import { execInLab } from '../../engine/labhost/exec.js';
import type { LabHost } from '../../engine/labhost/lab-host.js';
import { LabHost as Host, type LabHostContext } from '../../engine/labhost/lab-host.js';
import { findHierarchies } from '../../engine/labhost/subtree.js';

/** Files of the machine whose content, owner and times an attack must not move. */
const WATCHED = ['/etc/passwd', '/etc/hostname', '/bin/sh', process.execPath];
/** Settings of the whole machine: none of them belongs to a namespace. */
export const MACHINE_SETTINGS = [
  'kernel/core_pattern',
  'kernel/modprobe',
  'kernel/panic',
  'kernel/sysrq',
  'kernel/kptr_restrict',
  'kernel/dmesg_restrict',
  'kernel/randomize_va_space',
  'kernel/hotplug',
  'kernel/poweroff_cmd',
  'kernel/threads-max',
  'fs/file-max',
  'fs/suid_dumpable',
  'fs/protected_symlinks',
  'fs/protected_hardlinks',
  'vm/overcommit_memory',
  'vm/drop_caches',
  'vm/swappiness',
  'vm/panic_on_oom',
  'vm/mmap_min_addr',
  'kernel/unprivileged_bpf_disabled',
  'dev/tty/legacy_tiocsti',
] as const;

export interface Canaries {
  /** A directory of the machine with `secret` (0600, root) and `plain`, on the real file system that the lab's lower layer is. */
  readonly directory: string;
  readonly secret: string;
  /** A port of the machine's network on which `machine` is answered. */
  readonly port: number;
  /** Fails when anything of the machine differs. */
  check(): void;
  close(): void;
}

function fingerprint(path: string): string {
  const { mode, uid, gid, mtimeMs, ctimeMs, atimeMs, size, nlink } = statSync(path);
  return JSON.stringify([
    mode,
    uid,
    gid,
    mtimeMs,
    ctimeMs,
    atimeMs,
    size,
    nlink,
    createHash('sha256').update(readFileSync(path)).digest('hex'),
  ]);
}

function machineFacts(directory: string): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const path of [...WATCHED, join(directory, 'secret'), join(directory, 'plain')]) facts[path] = fingerprint(path);
  facts['directory'] = readdirSync(directory, { recursive: true }).join('\n');
  facts['mountinfo'] = readFileSync('/proc/self/mountinfo', 'utf8');
  for (const name of MACHINE_SETTINGS) {
    try {
      facts[name] = readFileSync(`/proc/sys/${name}`, 'latin1');
    } catch (error) {
      facts[name] = String((error as NodeJS.ErrnoException).code); // write-only or absent: the same answer again is what counts
    }
  }
  return facts;
}

/** Set the canaries out on the machine's side. */
export async function canaries(): Promise<Canaries> {
  const directory = mkdtempSync('/var/lib/canary-');
  const secret = `secret-${Math.random().toString(36).slice(2)}`;
  writeFileSync(join(directory, 'secret'), secret, { mode: 0o600 });
  writeFileSync(join(directory, 'plain'), 'untouched');
  const server = createServer((socket) => socket.end('machine')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  for (const path of WATCHED) readFileSync(path); // so that our own reading has moved the access times already
  machineFacts(directory);
  const before = machineFacts(directory);
  return {
    directory,
    secret,
    port: (server.address() as { port: number }).port,
    check: () => assert.deepEqual(machineFacts(directory), before),
    close: () => {
      server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** What an attack printed, one line a route: `name: answer`. */
export function routes(stdout: string): Map<string, string> {
  return new Map(
    stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
  );
}

export async function sh(
  lab: LabHost,
  reactor: Reactor,
  script: string,
  more: { timeoutMs?: number; maxOutputBytes?: number } = {},
): Promise<string> {
  const done = await execInLab(lab, reactor, { argv: ['bash', '-c', script], ...more });
  assert.equal(done.timedOut, false, `timed out; said: ${done.stdout.slice(-500)} ${done.stderr.slice(-500)}`);
  return done.stdout;
}

/** Perl is on every Debian and issues any system call: the attacker's assembler. Prelude: `sys(name => args…)` answers a value or an errno's name. */
const PRELUDE = `
use strict; use warnings; no warnings 'misc'; use Errno; $| = 1;
my %nr = (${
  process.arch === 'arm64'
    ? 'keyctl=>219, open_by_handle_at=>265, name_to_handle_at=>264, setns=>268, process_vm_readv=>270, ptrace=>117, mount=>40, umount2=>39, pivot_root=>41, init_module=>105, delete_module=>106, kexec_load=>104, bpf=>280, swapon=>224, acct=>89, reboot=>142, settimeofday=>170, syslog=>116, pidfd_open=>434, pidfd_getfd=>438, pidfd_send_signal=>424, mknodat=>33, unshare=>97, ioctl=>29, quotactl=>60, open_tree=>428, move_mount=>429, mount_setattr=>442, add_key=>217, kcmp=>272, process_vm_writev=>271, chroot=>51, iopl=>-1, fanotify_init=>262, perf_event_open=>241, setpriority=>140, getpgid=>155, getsid=>156'
    : 'keyctl=>250, open_by_handle_at=>304, name_to_handle_at=>303, setns=>308, process_vm_readv=>310, ptrace=>101, mount=>165, umount2=>166, pivot_root=>155, init_module=>175, delete_module=>176, kexec_load=>246, bpf=>321, swapon=>167, acct=>163, reboot=>169, settimeofday=>164, syslog=>103, pidfd_open=>434, pidfd_getfd=>438, pidfd_send_signal=>424, mknodat=>259, unshare=>272, ioctl=>16, quotactl=>179, open_tree=>428, move_mount=>429, mount_setattr=>442, add_key=>248, kcmp=>312, process_vm_writev=>311, chroot=>161, iopl=>172, fanotify_init=>300, perf_event_open=>298, setpriority=>141, getpgid=>121, getsid=>124'
});
sub name { my $n = $! + 0; for (sort keys %!) { return $_ if $!{$_} } return "errno $n" }
sub sys { my ($call, @args) = @_; my $r = syscall($nr{$call}, map { /^-?\\d+$/ ? $_ + 0 : $_ } @args); return $r < 0 ? name() : $r }
sub opened { my ($path, $mode) = @_; sysopen(my $h, $path, $mode) or return name(); return $h }
sub told { my ($route, $answer) = @_; $answer = 'OPENED' if ref $answer; print "$route: $answer\\n" }
`;

export async function perl(
  lab: LabHost,
  reactor: Reactor,
  script: string,
  more: { timeoutMs?: number; argv?: readonly string[] } = {},
): Promise<string> {
  const done = await execInLab(lab, reactor, {
    argv: ['perl', '-e', PRELUDE + script, ...(more.argv ?? [])],
    timeoutMs: more.timeoutMs ?? 30_000,
    cwd: '/',
  });
  assert.equal(done.exitCode, 0, `the attack itself failed: ${done.stderr} ${done.stdout}`);
  return done.stdout;
}

let next = 1;

/** A lab with what a test wants to weaken in it: its context, or its program before the first record is issued. */
export async function withWeakLab<T>(
  {
    options = {},
    weaken,
    ...context
  }: Partial<LabHostContext> & { options?: LabOptions; weaken?: (running: RunningProgram) => void },
  use: (lab: LabHost, reactor: Reactor) => Promise<T>,
): Promise<T> {
  const reactor = new LabReactor();
  try {
    const whole = {
      engineId: engineId(),
      labId: `weak-${next++}`,
      cgroups: findHierarchies(),
      stateDir: '/run/glassbox-state',
      hasNewuidmap: true,
      ...context,
    };
    const lab =
      weaken === undefined
        ? Host.start(options, whole)
        : await Host.startStepped(options, whole, (index, running) =>
            Promise.resolve(index === 0 ? weaken(running) : undefined),
          );
    try {
      return await use(lab, reactor);
    } finally {
      await lab.close();
    }
  } finally {
    reactor.close();
  }
}

type KernelCall = (kernel: Kernel, args: Parameters<Kernel['call']>[1][]) => number;

/** The kernel with some calls answered by others. */
export function kernelWith(instead: Readonly<Record<string, KernelCall>>): Kernel {
  return {
    call: (called, ...args) => instead[called]?.(realKernel, args) ?? realKernel.call(called, ...args),
  };
}

/** Change an argument of every record that `which` picks, in a program that has not reached them yet. */
export function tamper(
  running: RunningProgram,
  which: (record: Program['records'][number]) => boolean,
  argument: 0 | 1 | 2 | 3 | 4 | 5,
  value: number,
): void {
  let found = 0;
  running.program.records.forEach((record, index) => {
    if (!which(record)) return;
    found++;
    (running.program.labels as Map<string, number>).set(`tampered-${index}`, index);
    running.setArgument(`tampered-${index}`, argument, value);
  });
  assert.ok(found > 0, 'the mutation found nothing to change: the guard that it removes is not there');
}

/** A program in which the records that `which` picks do nothing. */
export function without(program: Program, which: (record: Program['records'][number]) => boolean): Program {
  let found = 0;
  const records = program.records.map((record) => {
    if (!which(record)) return record;
    found++;
    const { label } = record.options;
    return { ...record, syscall: 'none' as const, args: [], options: label === undefined ? {} : { label } };
  });
  assert.ok(found > 0, 'the mutation found nothing to remove: the guard that it removes is not there');
  return { ...program, records };
}

/** Start a program that `execProgram` built, perhaps weakened since, and wait for its end. */
export async function runProgramInLab(
  lab: LabHost,
  built: { program: Program; pidfdOffset: number },
): Promise<ExitStatus> {
  const running = RunningProgram.start(built.program, { flags: CLONE.FILES }, lab.kernel);
  try {
    running.wait();
    running.throwFailure();
    const pidfd = running.readData(built.pidfdOffset, 4).readInt32LE(0);
    try {
      running.waitHeld('joined', { ended: () => waitPidfd(lab.kernel, pidfd, 1) !== null });
      lab.subtree?.join(running.result('process') as number);
      running.release('joined');
      for (;;) {
        const status = waitPidfd(lab.kernel, pidfd, 1);
        if (status !== null) return status;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      lab.kernel.call('close', pidfd);
    }
  } finally {
    running.dispose();
  }
}

/** Make a directory of the sandbox's own /run. */
export function runDirectory(name: string): string {
  const path = join('/run', name);
  mkdirSync(path, { recursive: true });
  return path;
}
