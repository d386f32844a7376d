import { closeSync, fstatSync, openSync } from 'node:fs';
import { O } from '../constants.js';
import { type Kernel, realKernel } from '../kernel.js';
import type { ProgramDeed } from './deed.js';
import { RECORD } from './record.js';
import { SharedRegion } from './region.js';
import { readTrace, recordAt, type TraceEntry } from './running.js';

const FUTEX_WAKE = 1;

/** The region of a program that another process started, through its file: to look at its records and to let a held one go. */
export class AttachedRegion {
  #kernel: Kernel;
  #region: SharedRegion;

  /** Throws what open(2) throws where the file is gone. */
  constructor(path: string, kernel: Kernel = realKernel) {
    this.#kernel = kernel;
    const file = openSync(path, O.RDWR | O.CLOEXEC | O.NOFOLLOW);
    try {
      this.#region = new SharedRegion(kernel, fstatSync(file).size, file, true);
    } finally {
      closeSync(file);
    }
  }

  /** Whether the record waits, or will wait, to be released. */
  isHeld(index: number): boolean {
    return this.#region.bytes.readUInt32LE(recordAt(index) + RECORD.hold) !== 0;
  }

  release(index: number): void {
    const at = recordAt(index) + RECORD.hold;
    this.#region.bytes.writeUInt32LE(0, at);
    this.#kernel.call('futex', this.#region.base + BigInt(at), FUTEX_WAKE, 0x7fffffff, 0, 0, 0);
  }

  trace(count: number): TraceEntry[] {
    return readTrace(this.#region.bytes, count);
  }

  /** Let a deed keep what became of the records so far. */
  keepIn(deed: ProgramDeed): void {
    deed.keep(this.#region.bytes);
  }

  readWord(offset: number): number {
    return this.#region.bytes.readInt32LE(offset);
  }

  close(): void {
    this.#region.unmap();
  }
}
