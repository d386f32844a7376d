import { basename } from 'node:path';
import type { Flag } from './flags.js';

/** Name under which the command speaks: its own, or runc's where it was installed in its place, for those who read that. */
export const PROGRAM = basename(process.argv[1] ?? '') === 'runc' ? 'runc' : 'glassbox-runtime';

export interface Command {
  readonly name: string;
  readonly text: string;
  /** What follows the flags on the usage line. */
  readonly usage: string;
  readonly flags: readonly Flag[];
  /** Bounds on the number of arguments. */
  readonly least: number;
  readonly most: number;
  /** Flags are read only before the first argument: what follows belongs to another program. */
  readonly flagsFirst?: boolean;
  readonly more?: string;
}

const flag = (names: readonly [string, ...string[]], kind: Flag['kind'], text: string, fallback?: string): Flag =>
  fallback === undefined ? { names, kind, text } : { names, kind, text, fallback };

export const HELP_FLAG = flag(['help', 'h'], 'bool', 'show help');

export const GLOBAL_FLAGS: readonly Flag[] = [
  flag(['debug'], 'bool', 'log what is done'),
  flag(['log'], 'string', 'file that messages are added to, instead of standard error; errors are printed as well'),
  flag(['log-format'], 'string', "format of messages: 'text' or 'json'", 'text'),
  flag(['root'], 'string', "directory of the containers' state; it should be on a tmpfs"),
  flag(['criu'], 'string', 'accepted and not used: checkpoint and restore are not supported', 'criu'),
  flag(['systemd-cgroup'], 'bool', 'refused by create and run: control groups are managed as files (cgroupfs)'),
  flag(
    ['cgroup-manager'],
    'string',
    "crun's name for it: 'cgroupfs', or 'systemd', which is refused as above",
    'cgroupfs',
  ),
  flag(['rootless'], 'string', "go on where control groups may not be changed ('true', 'false', or 'auto')", 'auto'),
  HELP_FLAG,
  flag(['version', 'v'], 'bool', 'print the version'),
];

const CONSOLE_SOCKET = flag(['console-socket'], 'string', "unix socket that receives the terminal's master side");
const PID_FILE = flag(['pid-file'], 'string', 'file that the process id is written to');
const PRESERVE_FDS = flag(
  ['preserve-fds'],
  'int',
  'this many descriptors from 3 on (after $LISTEN_FDS) stay open in the process',
  '0',
);
const DETACH = flag(['detach', 'd'], 'bool', 'return once it runs');
const NO_SUBREAPER = flag(['no-subreaper'], 'bool', 'accepted: the command never is a subreaper');
const FORMAT = flag(['format', 'f'], 'string', 'select one of: table or json', 'table');
const INIT = flag(['init'], 'bool', 'pid 1 reaps orphans and forwards signals; the process is its child');
const SHIM = flag(['shim'], 'bool', 'a small process outlives this one, keeps the terminal and records the exit code');
const CREATE_FLAGS: readonly Flag[] = [
  flag(['bundle', 'b'], 'string', 'directory of the bundle; without it the current one'),
  flag(['config', 'f'], 'string', 'file to read instead of config.json of the bundle, as crun has it'),
  CONSOLE_SOCKET,
  PID_FILE,
  flag(['no-pivot'], 'bool', 'change the root by chroot instead of pivot_root, for a rootfs on a ramdisk'),
  flag(['no-new-keyring'], 'bool', "keep the caller's session keyring"),
  PRESERVE_FDS,
  INIT,
  SHIM,
];

const one = { usage: '<container-id>', least: 1, most: 1 } as const;

/** Options of checkpoint and restore, which are read so that the answer is "not supported" and not "unknown flag". */
const CRIU_FLAGS: readonly Flag[] = [
  ...[
    'image-path',
    'work-path',
    'parent-path',
    'status-fd',
    'page-server',
    'manage-cgroups-mode',
    'lsm-profile',
    'lsm-mount-context',
    'console-socket',
    'pid-file',
  ].map((name) => flag([name], 'string', 'not supported')),
  flag(['empty-ns'], 'strings', 'not supported'),
  flag(['bundle', 'b'], 'string', 'not supported'),
  flag(['detach', 'd'], 'bool', 'not supported'),
  ...[
    'leave-running',
    'tcp-established',
    'ext-unix-sk',
    'shell-job',
    'lazy-pages',
    'file-locks',
    'pre-dump',
    'auto-dedup',
    'no-subreaper',
    'no-pivot',
  ].map((name) => flag([name], 'bool', 'not supported')),
];

export const COMMANDS: readonly Command[] = [
  { name: 'checkpoint', text: 'not supported', ...one, flags: CRIU_FLAGS },
  { name: 'create', text: 'make a container; its process waits for start', ...one, flags: CREATE_FLAGS },
  {
    name: 'delete',
    text: 'remove what a stopped container holds',
    ...one,
    flags: [flag(['force', 'f'], 'bool', 'kill what still runs first; no error when there is no such container')],
  },
  {
    name: 'events',
    text: 'print what a container uses, and when it runs out of memory',
    ...one,
    flags: [
      flag(['interval'], 'duration', 'time between two measurements', '5s'),
      flag(['stats'], 'bool', 'print one measurement and end'),
    ],
  },
  {
    name: 'exec',
    text: 'run another process in a container',
    usage: '<container-id> <command> [argument...]  |  --process FILE <container-id>',
    least: 1,
    most: Number.POSITIVE_INFINITY,
    flagsFirst: true,
    flags: [
      CONSOLE_SOCKET,
      flag(['cwd'], 'string', 'working directory in the container'),
      flag(['env', 'e'], 'strings', 'set NAME=value (may be repeated)'),
      flag(['tty', 't'], 'bool', 'give the process a terminal'),
      flag(['user', 'u'], 'string', 'UID[:GID]'),
      flag(['additional-gids', 'g'], 'ints', 'add a group (may be repeated)'),
      flag(['process', 'p'], 'string', 'file with the process as in config.json'),
      DETACH,
      PID_FILE,
      flag(['process-label'], 'string', 'SELinux label of the process'),
      flag(['apparmor'], 'string', 'AppArmor profile of the process'),
      flag(['no-new-privs'], 'bool', 'set no_new_privs'),
      flag(['cap', 'c'], 'strings', 'add a capability (may be repeated)'),
      PRESERVE_FDS,
      flag(['cgroup'], 'strings', "start in an existing group below the container's: [CONTROLLER,...:]PATH"),
      flag(['ignore-paused'], 'bool', 'do not refuse when the container is paused'),
    ],
  },
  {
    name: 'explain',
    text: 'print every system call that made a container, with what the kernel answered',
    ...one,
    flags: [flag(['json'], 'bool', 'as JSON, for programs')],
  },
  {
    name: 'kill',
    text: "send a signal (TERM when none is given) to a container's first process",
    usage: '<container-id> [signal]',
    least: 1,
    most: 2,
    flags: [flag(['all', 'a'], 'bool', 'to every process of the container')],
  },
  {
    name: 'list',
    text: 'list the containers below --root',
    usage: '',
    least: 0,
    most: 0,
    flags: [FORMAT, flag(['quiet', 'q'], 'bool', 'names only')],
  },
  { name: 'pause', text: 'freeze every process of a container', ...one, flags: [] },
  {
    name: 'ps',
    text: 'list the processes of a container',
    usage: '<container-id> [ps options]',
    least: 1,
    most: Number.POSITIVE_INFINITY,
    flagsFirst: true,
    flags: [FORMAT],
    more: 'The table is what ps(1) prints with these options (-ef without any), less the processes of others.',
  },
  { name: 'restore', text: 'not supported', ...one, flags: CRIU_FLAGS },
  { name: 'resume', text: 'let a paused container go on', ...one, flags: [] },
  {
    name: 'run',
    text: 'make a container and start it',
    ...one,
    flags: [
      ...CREATE_FLAGS,
      DETACH,
      flag(['keep'], 'bool', 'do not delete the container when it has ended'),
      NO_SUBREAPER,
      flag(['step'], 'bool', 'show every system call before it is issued and wait for a key'),
      flag(['step-fd'], 'int', 'the same for a program: lines of JSON on this descriptor, a byte to go on', '0'),
    ],
  },
  {
    name: 'spec',
    text: 'write a config.json to start from',
    usage: '',
    least: 0,
    most: 0,
    flags: [
      flag(['bundle', 'b'], 'string', 'directory of the bundle'),
      flag(['rootless'], 'bool', 'for a container made without root'),
    ],
  },
  { name: 'start', text: 'let the process of a created container begin', ...one, flags: [] },
  { name: 'state', text: 'print the state of a container as JSON', ...one, flags: [] },
  {
    name: 'update',
    text: "change a container's limits",
    ...one,
    flags: [
      flag(
        ['resources', 'r'],
        'string',
        "file with linux.resources as in config.json, '-' for standard input; other flags are not read then",
      ),
      flag(['blkio-weight'], 'int', 'block IO weight, 10 to 1000', '0'),
      flag(['cpu-period'], 'string', 'period of the CPU quota in microseconds'),
      flag(['cpu-quota'], 'string', 'CPU time within a period in microseconds'),
      flag(['cpu-burst'], 'string', 'CPU time saved up beyond the quota in microseconds'),
      flag(['cpu-share'], 'string', 'CPU shares, relative to other containers'),
      flag(['cpu-idle'], 'string', '1: only idle CPU time (SCHED_IDLE), 0: as usual'),
      flag(['cpu-rt-period'], 'string', 'period of the realtime quota in microseconds'),
      flag(['cpu-rt-runtime'], 'string', 'realtime CPU time within a period in microseconds'),
      flag(['cpuset-cpus'], 'string', 'CPUs to use'),
      flag(['cpuset-mems'], 'string', 'memory nodes to use'),
      flag(['kernel-memory'], 'string', 'ignored: the kernel has no such limit any more'),
      flag(['kernel-memory-tcp'], 'string', 'ignored: the kernel has no such limit any more'),
      flag(['memory'], 'string', 'memory limit: bytes, or with k, m, g, t'),
      flag(['memory-reservation'], 'string', 'soft limit of memory'),
      flag(['memory-swap'], 'string', "memory and swap together; '-1' for no limit"),
      flag(['pids-limit'], 'int', 'processes allowed', '0'),
      flag(['l3-cache-schema'], 'string', 'refused: Intel RDT is not supported'),
      flag(['mem-bw-schema'], 'string', 'refused: Intel RDT is not supported'),
    ],
  },
  { name: 'features', text: 'print what this runtime knows, as JSON', usage: '', least: 0, most: 0, flags: [] },
];

export const findCommand = (name: string): Command | undefined => COMMANDS.find((command) => command.name === name);
