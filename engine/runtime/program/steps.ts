import { O, RESOLVE } from '../../kernel/constants.js';
import {
  type DataRef,
  type FieldRef,
  type Program,
  ProgramBuilder,
  type RecordOptions,
  type SlotValue,
  type Word,
} from '../../kernel/program/builder.js';
import type { SyscallName } from '../../kernel/syscall-table.js';

/** What failed, in the words that follow `unable to start container process: `; the errno's own text is added to it. */
export type Failure = string | ((errno: string) => string);

export interface StepOptions extends RecordOptions {
  readonly failure?: Failure;
}

const FUTEX_CMP_REQUEUE = 4;

/** A program under construction together with what its failures mean. */
export class Steps {
  readonly b: ProgramBuilder;
  /** Index of a record -> what it means that it failed. */
  readonly failures = new Map<number, Failure>();
  #later: (() => void)[] = [];
  #next = 0;
  #spare: DataRef | undefined;
  #hows = new Map<string, DataRef>();

  constructor(name: string) {
    this.b = new ProgramBuilder(name).onFailure(null, 125);
  }

  call(syscall: SyscallName, args: readonly (Word | string | null)[], options: StepOptions = {}): this {
    if (options.failure !== undefined) this.failures.set(this.b.length, options.failure);
    this.b.call(syscall, args, options);
    return this;
  }

  /** A label that no other record has. */
  label(prefix: string): string {
    return `${prefix}-${this.#next++}`;
  }

  /** Records off the main road, to which others jump: they are added at the end of the program. */
  later(add: () => void): void {
    this.#later.push(add);
  }

  /** Add what was put off, in the section `aside` unless it names one of its own, and finish. */
  build(): Program {
    for (let add = this.#later.shift(); add !== undefined; add = this.#later.shift()) {
      this.b.section('aside');
      add();
    }
    return this.b.build();
  }

  /**
   * Compare a 32-bit word of the region with a number: a futex operation that moves no waiter answers EAGAIN when they
   * differ, which is the only way to compare that the kernel offers a program of syscalls. futex(2), FUTEX_CMP_REQUEUE.
   */
  compare(word: DataRef | FieldRef, at: number, value: number | SlotValue, options: StepOptions): this {
    this.#spare ??= this.b.bytes(Buffer.alloc(8), 'spare');
    return this.call(
      'futex',
      [word.kind === 'field' ? word : { kind: 'inside', data: word, at }, FUTEX_CMP_REQUEUE, 0, 0, this.#spare, value],
      options,
    );
  }

  /** open_how of openat2(2). */
  how(flags: number, resolve: number, mode = 0): DataRef {
    const key = `${flags} ${resolve} ${mode}`;
    let how = this.#hows.get(key);
    if (how === undefined) {
      how = this.b.words([flags | O.CLOEXEC, mode, resolve], openHowText(flags, resolve));
      this.#hows.set(key, how);
    }
    return how;
  }

  slot(name: string): SlotValue {
    return this.b.slot(name);
  }
}

function openHowText(flags: number, resolve: number): string {
  const names = [
    (flags & O.PATH) === 0
      ? (flags & O.RDWR) !== 0
        ? 'O_RDWR'
        : (flags & O.WRONLY) !== 0
          ? 'O_WRONLY'
          : 'O_RDONLY'
      : 'O_PATH',
    ...((flags & O.DIRECTORY) === 0 ? [] : ['O_DIRECTORY']),
    ...((flags & O.NOFOLLOW) === 0 ? [] : ['O_NOFOLLOW']),
    ...((flags & O.CREAT) === 0 ? [] : ['O_CREAT']),
    'O_CLOEXEC',
  ];
  const limits = Object.entries(RESOLVE)
    .filter(([, bit]) => (resolve & bit) !== 0)
    .map(([name]) => `RESOLVE_${name}`);
  return `{${names.join('|')}, ${limits.join('|')}}`;
}

export const HOW_SIZE = 24;
