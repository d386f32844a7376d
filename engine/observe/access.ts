import { closeSync, openSync } from 'node:fs';
import { EngineError } from '../kernel/errors.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { NAMESPACE_KINDS } from '../kernel/namespaces/ids.js';
import { readProc } from '../kernel/procfs/read.js';

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * How the observer reaches into the lab's namespaces. It only ever reads there. Namespaces are given as open
 * descriptors, whose identity the caller has verified.
 */
export interface LabAccess {
  /** A socket that belongs to that network namespace; close-on-exec. The caller closes it. Throws. */
  openSocket(netFd: number, domain: number, type: number, protocol: number): number;
  /**
   * Sockets, one for each protocol of AF_NETLINK, in a network namespace that is made for them, holds nothing else and
   * goes when they are closed; their opener has CAP_NET_BROADCAST and CAP_NET_ADMIN over the lab's user namespace. Throws.
   */
  openWatchSockets(protocols: readonly number[]): number[];
  /** Host name (nodename) of a uts namespace. Throws. */
  hostname(utsFd: number): string;
  /**
   * Small files below /proc/sys/net as that network namespace has them, null for those that are not there. Absent where it
   * cannot be done without a program; then only the settings that netlink tells are known. Throws.
   */
  readSettings?(netFd: number, paths: readonly string[]): (string | null)[];
  /** Run a program of the machine (never one of the lab's file system) in that network namespace. Rejects when it cannot be started. */
  run(netFd: number, argv: readonly string[]): Promise<RunResult>;
}

export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;

const NET = NAMESPACE_KINDS.net.flag;
/** Bound on one program's time and output. */
const RUN_MS = 10_000;
const RUN_BYTES = 8 << 20;

/**
 * Access for an engine with CAP_SYS_ADMIN over the machine (root). A network namespace is a property of a thread, and
 * nothing else can run on this one between the two setns(2) calls: so no process is needed to open a socket.
 */
export function rootAccess(kernel: Kernel): LabAccess {
  const inside = <T>(kind: 'net' | 'uts', enter: () => void, use: () => T): T => {
    const home = openSync(`/proc/thread-self/ns/${kind}`, 'r');
    try {
      enter();
      try {
        return use();
      } finally {
        // Staying in a lab's namespace would show the engine, and everything it starts, the wrong network or name.
        const flag = NAMESPACE_KINDS[kind].flag;
        if (kernel.call('setns', home, flag) < 0 && kernel.call('setns', home, flag) < 0) process.abort();
      }
    } finally {
      closeSync(home);
    }
  };
  return {
    openSocket(netFd, domain, type, protocol) {
      return inside(
        'net',
        () => check(kernel, 'setns', [netFd, NET], { while: 'entering a network namespace' }),
        () => check(kernel, 'socket', [domain, type | SOCK_CLOEXEC, protocol]),
      );
    },
    openWatchSockets(protocols) {
      return inside(
        'net',
        () => check(kernel, 'unshare', [NET], { while: 'making a network namespace to listen from' }),
        () => {
          const open: number[] = [];
          try {
            for (const protocol of protocols) {
              open.push(check(kernel, 'socket', [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol]));
            }
          } catch (error) {
            for (const fd of open) closeSync(fd);
            throw error;
          }
          return open;
        },
      );
    },
    hostname(utsFd) {
      return inside(
        'uts',
        () => check(kernel, 'setns', [utsFd, NAMESPACE_KINDS.uts.flag], { while: 'entering a uts namespace' }),
        () => {
          // struct utsname: six fields of 65 bytes, nodename second; uname(2).
          const name = Buffer.alloc(65 * 6);
          check(kernel, 'uname', [name]);
          const node = name.subarray(65, 130);
          return node.toString('utf8', 0, node.indexOf(0));
        },
      );
    },
    readSettings(netFd, paths) {
      // /proc/sys/net shows the network namespace of the thread that looks.
      return inside(
        'net',
        () => check(kernel, 'setns', [netFd, NET], { while: 'entering a network namespace' }),
        () => paths.map((path) => readProc(path)),
      );
    },
    run: (netFd, argv) => runThrough([`--net=/proc/${process.pid}/fd/${netFd}`], argv),
  };
}

/**
 * Run a program of the machine behind nsenter(1) with these options of it. It gets no input, and is killed when its time or
 * output passes the bounds, or when the engine ends: nsenter becomes the program, so no other process stands between.
 * execa is loaded at the first use.
 */
export async function runThrough(options: readonly string[], argv: readonly string[]): Promise<RunResult> {
  const { execa } = await import('execa');
  const { exitCode, stdout, stderr, shortMessage, isMaxBuffer } = await execa('nsenter', [...options, '--', ...argv], {
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    timeout: RUN_MS,
    maxBuffer: RUN_BYTES,
    killSignal: 'SIGKILL',
  });
  // A program whose output was cut off ends in its own way, with a status of its own: half a list of rules is none.
  if (exitCode !== undefined && !isMaxBuffer) return { exitCode, stdout, stderr };
  throw new EngineError('Unavailable', `${argv[0]} could not be run in a network namespace: ${shortMessage}`);
}
