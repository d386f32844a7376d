import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './docker/programs.js';
import { isRoot } from './sandbox.js';

/** Why no disk can be made here, or false. */
export function whyNoDisk(): string | false {
  if (!isRoot) return 'needs root';
  const missing = ['mkfs.ext4', 'mount', 'umount', 'unshare'].filter((name) => findProgram(name) === null);
  if (missing.length > 0) return `not installed here: ${missing.join(', ')}`;
  const disk = new PowerDisk();
  try {
    const refused = disk.tryMount();
    return refused === null ? false : `no file system in a file can be mounted here: ${refused}`;
  } finally {
    disk.remove();
  }
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

  /** The journal is replayed. */
  mount(when: string): void {
    const { status, stderr } = spawnSync('mount', this.#mountArguments(), { encoding: 'utf8' });
    assert.equal(status, 0, `${when}: ${stderr}`);
  }

  /** Null, or why it cannot be mounted: tried in a mount namespace that ends at once. */
  tryMount(): string | null {
    const { status, stderr } = spawnSync('unshare', ['--mount', '--', 'mount', ...this.#mountArguments()], {
      encoding: 'utf8',
    });
    return status === 0 ? null : stderr.trim();
  }

  #mountArguments(): readonly string[] {
    return ['-o', 'loop,commit=1000,noatime', this.#file, this.root];
  }

  remove(): void {
    spawnSync('umount', ['-l', this.root]);
    rmSync(this.#place, { recursive: true, force: true });
  }
}
