import { closeSync, fstatSync, opendirSync, readSync } from 'node:fs';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { O_DIRECTORY, O_NONBLOCK, openEntry } from '../../kernel/namespaces/open-in-root.js';
import { hasVanished } from '../../kernel/procfs/read.js';
import { Problems } from '../problems.js';

/** Records of one directory that are told of, and names that are none and are passed over; bytes of one record. */
const RECORDS = 256;
const NAMES = 4096;
const LARGEST = 1 << 20;

export interface Cached<T> {
  readonly signature: string;
  readonly value: T;
}

/** Small files that somebody else replaces at will, below a directory that is open: no link is followed and no other mount entered. */
export class RecordFiles {
  readonly #kernel: Kernel;
  /** Where it is said what could not be read. */
  problems = new Problems();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Names of the records in a directory, where there is one. */
  namesIn(
    data: number,
    path: string,
    isOne: (name: string) => boolean,
    use: (directory: number, names: readonly string[]) => void,
  ): void {
    const directory = openEntry(this.#kernel, data, Buffer.from(path), O_DIRECTORY);
    if (directory < 0) {
      refuse(path, directory);
      return;
    }
    try {
      const names: string[] = [];
      const entries = opendirSync(`/proc/self/fd/${directory}`);
      try {
        let read = 0;
        for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
          if (!isOne(entry.name) && ++read < NAMES) continue;
          if (names.length >= RECORDS || read >= NAMES) {
            this.problems.add('containers', `there are more than ${RECORDS} records in ${path}: the rest is not shown`);
            break;
          }
          names.push(entry.name);
        }
      } finally {
        entries.closeSync();
      }
      use(directory, names);
    } finally {
      closeSync(directory);
    }
  }

  /** Null: there is no such file, or none that can be read. What was read last is kept as long as the file is the same. */
  read<T>(at: number, path: string, before: Cached<T> | undefined, parse: (text: string) => T): Cached<T> | null {
    return this.problems.attempt(
      'containers',
      'record of the container engine',
      () => this.#readNow(at, path, before, parse),
      null,
    );
  }

  #readNow<T>(at: number, path: string, before: Cached<T> | undefined, parse: (text: string) => T): Cached<T> | null {
    const fd = openEntry(this.#kernel, at, Buffer.from(path), O_NONBLOCK);
    if (fd < 0) {
      refuse(path, fd);
      return null;
    }
    try {
      const { ino, size, mtimeNs, isFile } = statOf(fd);
      if (!isFile) return null;
      const signature = `${ino} ${size} ${mtimeNs}`;
      if (before?.signature === signature) return before;
      if (size > LARGEST) throw new EngineError('ResourceExhausted', `${path} is larger than ${LARGEST} bytes`);
      const bytes = Buffer.alloc(size);
      return { signature, value: parse(bytes.toString('utf8', 0, readSync(fd, bytes, 0, size, 0))) };
    } finally {
      closeSync(fd);
    }
  }
}

function statOf(fd: number): { ino: bigint; size: number; mtimeNs: bigint; isFile: boolean } {
  const stats = fstatSync(fd, { bigint: true });
  return { ino: stats.ino, size: Number(stats.size), mtimeNs: stats.mtimeNs, isFile: stats.isFile() };
}

/** Not there is an answer; anything else that openat2(2) says is thrown. */
function refuse(path: string, result: number): void {
  const error = new SyscallError('openat2', -result, { path });
  if (!hasVanished(error)) throw error;
}
