import koffi from 'koffi';
import { check, type Kernel } from '../kernel.js';

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;

/**
 * Memory that others see as we do. Without a file: shared with the children that clone3 makes. With the descriptor of a
 * file: shared with whoever maps that file, for as long as the file lives; the file is made as long as it needs to be.
 * mmap(2), MAP_SHARED.
 */
export class SharedRegion {
  readonly base: bigint;
  readonly size: number;
  readonly bytes: Buffer;
  #kernel: Kernel;
  #mapped = true;

  /** @param file its length is set to `size` unless it is `attached`: then it is another's, and stays as it is */
  constructor(kernel: Kernel, size: number, file?: number, attached = false) {
    this.#kernel = kernel;
    this.size = (size + 4095) & ~4095;
    const flags = file === undefined ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
    if (file !== undefined && !attached) check(kernel, 'ftruncate', [file, this.size], { while: 'mapping a program' });
    this.base = BigInt(
      check(kernel, 'mmap', [0, this.size, PROT_READ | PROT_WRITE, flags, file ?? -1, 0], {
        while: 'mapping a program',
      }),
    );
    this.bytes = Buffer.from(koffi.view(this.base, this.size));
  }

  /** Give the memory back. The caller must not touch `bytes` afterwards; a second call does nothing. */
  unmap(): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    check(this.#kernel, 'munmap', [this.base, this.size]);
  }
}

/** Map code read+execute: written first, then made executable, never both at once. */
export function mapCode(kernel: Kernel, code: Uint8Array): bigint {
  const size = (code.length + 4095) & ~4095;
  const base = BigInt(
    check(kernel, 'mmap', [0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0], {
      while: 'mapping the walker',
    }),
  );
  Buffer.from(koffi.view(base, size)).set(code);
  check(kernel, 'mprotect', [base, size, PROT_READ | PROT_EXEC], { while: 'making the walker executable' });
  return base;
}
