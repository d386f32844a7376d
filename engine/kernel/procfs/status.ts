import { readFileSync } from 'node:fs';

/** The lines of /proc/PID/status that the engine uses; proc_pid_status(5). */
export interface ProcStatus {
  /** As the kernel prints it: `\n` and `\\` of the name are escaped. */
  readonly name: string;
  readonly state: string;
  readonly tgid: number;
  readonly ppid: number;
  /** Real, effective, saved, file system, in the reader's user namespace. */
  readonly uid: readonly number[];
  readonly gid: readonly number[];
  /** From the pid namespace of the procfs mount that was read, inwards. */
  readonly nspid: readonly number[];
  readonly threads: number;
  readonly capInh: string;
  readonly capPrm: string;
  readonly capEff: string;
  readonly capBnd: string;
  readonly capAmb: string;
  readonly noNewPrivs: boolean;
  /** 0 off, 1 strict, 2 filter. */
  readonly seccomp: number;
}

/** `key:\tvalue` lines as a map; the first line of a name wins, so a value with a new line cannot forge one. */
export function parseKeyed(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const key = line.slice(0, colon);
    if (!found.has(key)) found.set(key, line.slice(colon + 1).trim());
  }
  return found;
}

/** Parse /proc/PID/status; null when it is not one (cut short by the end of the process). */
export function parseStatus(text: string): ProcStatus | null {
  const lines = parseKeyed(text);
  const numbers = (key: string): number[] => (lines.get(key) ?? '').split(/\s+/).filter(Boolean).map(Number);
  const tgid = numbers('Tgid')[0];
  const uid = numbers('Uid');
  const gid = numbers('Gid');
  if (tgid === undefined || uid.length < 4 || gid.length < 4) return null;
  return {
    name: lines.get('Name') ?? '',
    state: (lines.get('State') ?? '?').slice(0, 1),
    tgid,
    ppid: numbers('PPid')[0] ?? 0,
    uid,
    gid,
    nspid: lines.has('NSpid') ? numbers('NSpid') : [tgid],
    threads: numbers('Threads')[0] ?? 1,
    capInh: lines.get('CapInh') ?? '',
    capPrm: lines.get('CapPrm') ?? '',
    capEff: lines.get('CapEff') ?? '',
    capBnd: lines.get('CapBnd') ?? '',
    capAmb: lines.get('CapAmb') ?? '',
    noNewPrivs: lines.get('NoNewPrivs') === '1',
    seccomp: numbers('Seccomp')[0] ?? 0,
  };
}

/** Our own bounding set, a bit for each: capabilities(7). */
export function ownBoundingSet(): bigint {
  const set = parseKeyed(readFileSync('/proc/self/status', 'utf8')).get('CapBnd');
  return BigInt(`0x${set ?? '0'}`);
}
