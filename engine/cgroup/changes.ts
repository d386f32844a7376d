/** One thing that was done to the cgroup file system, in words that a ledger can keep. */
export interface CgroupChange {
  readonly what: 'cgroup mkdir' | 'cgroup write' | 'cgroup rmdir' | 'cgroup program' | 'cgroup kill';
  /** The group's directory, or the control file that was written. */
  readonly path: string;
  /** What was written; for a program its number of instructions, for a kill the pid. Empty for directories. */
  readonly value: string;
  /** The shell command that would do the same, null where there is none. */
  readonly command: string | null;
  /** The kernel refused it. */
  readonly errno?: string;
}

/** Called after a change, once for each; of refusals only what a control file did not take. */
export type RecordChange = (change: CgroupChange) => void;

export function madeDirectory(path: string): CgroupChange {
  return { what: 'cgroup mkdir', path, value: '', command: `mkdir ${quote(path)}` };
}

export function removedDirectory(path: string): CgroupChange {
  return { what: 'cgroup rmdir', path, value: '', command: `rmdir ${quote(path)}` };
}

export function wroteFile(path: string, value: string): CgroupChange {
  return { what: 'cgroup write', path, value, command: `echo ${quote(value)} > ${quote(path)}` };
}

/** A word of a shell command. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
