import { execFileSync, spawnSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './docker/programs.js';
import { isRoot } from './sandbox.js';

/** Why no disk can be made here, or false. */
export function whyNoDisk(): string | false {
  if (!isRoot) return 'needs root';
  const missing = ['mkfs.ext4', 'mount', 'umount'].filter((name) => findProgram(name) === null);
  return missing.length === 0 ? false : `not installed here: ${missing.join(', ')}`;
}

/**
 * A file with an ext4. A copy of the file has what the kernel has written to the disk and nothing of what was only in memory: it
 * is what a loss of power leaves. The file system writes by itself only after 1000 s, so nothing is there that was not asked for by
 * fsync(2).
 */
export class PowerDisk {
  readonly #place = mkdtempSync(join(tmpdir(), 'glassbox-power-'));
  readonly root = join(this.#place, 'mounted');
  readonly #file = join(this.#place, 'disk');

  /** A new one, or the copy of another as it is on the disk now. */
  constructor(from?: PowerDisk) {
    mkdirSync(this.root);
    if (from === undefined) {
      execFileSync('truncate', ['-s', '32M', this.#file]);
      execFileSync('mkfs.ext4', ['-q', '-F', this.#file]);
    } else copyFileSync(from.#file, this.#file, constants.COPYFILE_FICLONE);
  }

  /** The journal is replayed. Null, or why it cannot be mounted. */
  mount(): string | null {
    const done = spawnSync('mount', ['-o', 'loop,commit=1000,noatime', this.#file, this.root], { encoding: 'utf8' });
    return done.status === 0 ? null : done.stderr.trim();
  }

  remove(): void {
    spawnSync('umount', ['-l', this.root]);
    rmSync(this.#place, { recursive: true, force: true });
  }
}
