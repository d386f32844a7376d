import { parseKeyed } from './status.js';

/** /proc/PID/fdinfo/N; proc_pid_fdinfo(5). */
export interface FdInfo {
  readonly pos: number;
  /** Open flags; the file has them in octal. */
  readonly flags: number;
  readonly mountId: number | null;
  readonly inode: number | null;
  /** Of a pidfd: the pid that it refers to, -1 when that process has been reaped. */
  readonly pid: number | null;
}

/** Parse an fdinfo file; null when the two lines that every kind of file has are not there. */
export function parseFdInfo(text: string): FdInfo | null {
  const lines = parseKeyed(text);
  const pos = lines.get('pos');
  const flags = lines.get('flags');
  if (pos === undefined || flags === undefined) return null;
  const number = (key: string): number | null => {
    const value = lines.get(key);
    return value === undefined || !/^-?\d+$/.test(value) ? null : Number(value);
  };
  return {
    pos: Number(pos),
    flags: Number.parseInt(flags, 8),
    mountId: number('mnt_id'),
    inode: number('ino'),
    pid: number('Pid'),
  };
}
