/** The fields of /proc/PID/stat that the engine uses; proc_pid_stat(5). */
export interface ProcStat {
  readonly pid: number;
  /** At most 15 bytes; may hold spaces, brackets and new lines. */
  readonly comm: string;
  /** R S D Z T t X I, or P K W x of old kernels. */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  readonly ttyNr: number;
  /** Field 14 and 15, clock ticks. */
  readonly utime: number;
  readonly stime: number;
  readonly threads: number;
  /** Field 22, clock ticks since boot: with the pid it names a process for ever. */
  readonly startTime: number;
}

/**
 * Parse /proc/PID/stat. The name is whatever the process calls itself, so it ends at the *last* `)`: a process named
 * `x) R 1` must not be able to lie about its state.
 *
 * @returns null when the text is not a whole stat line (a read that raced with the end of the process).
 */
export function parseStat(text: string): ProcStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return null;
  const pid = Number(text.slice(0, open));
  const rest = text
    .slice(close + 2)
    .trimEnd()
    .split(' ');
  const state = rest[0];
  if (state === undefined || state === '' || rest.length < 20 || !Number.isSafeInteger(pid)) return null;
  const field = (number: number): number => Number(rest[number - 3]);
  const stat: ProcStat = {
    pid,
    comm: text.slice(open + 1, close),
    state,
    ppid: field(4),
    pgrp: field(5),
    session: field(6),
    ttyNr: field(7),
    utime: field(14),
    stime: field(15),
    threads: field(20),
    startTime: field(22),
  };
  return Number.isSafeInteger(stat.ppid) && Number.isSafeInteger(stat.startTime) ? stat : null;
}
