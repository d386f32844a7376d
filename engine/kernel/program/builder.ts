import type { Bilingual } from '../../api/types.js';
import { ERRNO, type ErrnoName } from '../errno.js';
import { syscallNumber } from '../kernel.js';
import type { SyscallName } from '../syscall-table.js';
import { FLAG, HEADER, HEADER_SIZE, RECORD, RECORD_SIZE } from './record.js';

/** Bytes placed behind the records; its address is known when the program is laid out. */
export interface DataRef {
  readonly kind: 'data';
  readonly offset: number;
  readonly length: number;
  /** How a reader of the program sees it: the quoted string, or what the builder's caller called it. */
  readonly text: string;
}

/** A field of another record, as the target of `storeAt` or as an address to pass. */
export interface FieldRef {
  readonly kind: 'field';
  readonly label: string;
  readonly field: { readonly arg: 0 | 1 | 2 | 3 | 4 | 5 } | 'result' | 'hold';
}

/** A word inside data: the target of `storeAt` for structs that hold descriptors. */
export interface InsideRef {
  readonly kind: 'inside';
  readonly data: DataRef;
  readonly at: number;
}

/** An argument whose value is only known while the program runs (an earlier record stores it) or whose meaning a number hides. */
export interface NamedValue {
  readonly kind: 'named';
  readonly value: number | bigint;
  readonly text: string;
}

/** The value that an earlier record stored in a slot: read when this record is issued, so any number of records can use it. */
export interface SlotValue {
  readonly kind: 'slot';
  readonly data: DataRef;
}

export type Word = number | bigint | DataRef | FieldRef | InsideRef | NamedValue | SlotValue;

export interface RecordOptions {
  /** Name by which other records, holds and tests refer to it; unique in the program. */
  readonly label?: string;
  /** These errors are as good as success, at most four. */
  readonly accept?: readonly ErrnoName[];
  /** Any error is as good as success. */
  readonly ignore?: boolean;
  readonly storeAt?: FieldRef | InsideRef | DataRef;
  /** `storeAt` is a 32-bit field, such as pollfd.fd. */
  readonly store32?: boolean;
  readonly jump?: string;
  readonly jumpIfZero?: string;
  /** Where to go on any error, or on those of `accept` alone where it names some. */
  readonly jumpIfError?: string;
  /** Wait before this record until the parent releases it. */
  readonly hold?: boolean;
  /** Why this record is here, in the words of a learner; the syscall's general sentence serves where it is absent. */
  readonly say?: Bilingual;
  /** The shell command that does the same. */
  readonly command?: string;
}

/** Results from -4095 to -1 are errors. */
const LAST_ERRNO = 4095;
/** What a slot holds until it is filled: no descriptor. */
const NO_VALUE = -1;

/** One record before it has an address. */
export interface RecordSpec {
  readonly syscall: SyscallName | 'none';
  readonly args: readonly Word[];
  readonly options: RecordOptions;
  readonly section: string;
}

/** A finished program: still without addresses, so that one value serves a shared region and an ELF image. */
export interface Program {
  readonly name: string;
  readonly records: readonly RecordSpec[];
  readonly labels: ReadonlyMap<string, number>;
  readonly data: Uint8Array;
  /** Pointers within data, to be filled in at layout: offset of the word -> what it points to. */
  readonly pointers: ReadonlyMap<number, DataRef>;
  readonly onFailure: string | null;
  readonly exitCode: number;
}

/** What most programs need of data; it doubles when it is full. */
const FIRST_CAPACITY = 32 << 10;
/** Room up to this size is kept for the next program. */
const MOST_SPARE = 256 << 10;
/** All zero. Memory outside of V8's heap makes it look for garbage, and every container's start is a program. */
let spare: Buffer | null = null;
const LONGEST_CHARACTER = 3;

/** Collects records, strings and structs. Order of `call`s is the order of execution. */
export class ProgramBuilder {
  readonly name: string;
  #records: RecordSpec[] = [];
  #labels = new Map<string, number>();
  /** Zero behind `#length`. */
  #data: Buffer;
  #length = 0;
  #strings = new Map<string, DataRef>();
  #pointers = new Map<number, DataRef>();
  #section = 'child';
  #onFailure: string | null = null;
  #exitCode = 125;

  constructor(name: string) {
    this.name = name;
    this.#data = spare ?? Buffer.alloc(FIRST_CAPACITY);
    spare = null;
  }

  /** How many records there are: the index of the next one. */
  get length(): number {
    return this.#records.length;
  }

  /** Following records belong to this part of the program (`lab host`, `init`, `exec` …). */
  section(name: string): this {
    this.#section = name;
    return this;
  }

  /** Where to go on the first unexpected error (once), and the exit code if nothing else ends the child. */
  onFailure(label: string | null, exitCode = 125): this {
    this.#onFailure = label;
    this.#exitCode = exitCode;
    return this;
  }

  /** A NUL-terminated string; the same text is stored once. */
  string(text: string): DataRef {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw new RangeError(`a string for a syscall holds a NUL: ${JSON.stringify(text)}`);
    const offset = this.#room(text.length * LONGEST_CHARACTER + 1);
    const length = this.#data.write(text, offset) + 1;
    const ref = this.#taken(offset, length, JSON.stringify(text));
    this.#strings.set(text, ref);
    return ref;
  }

  /** Bytes, 8-aligned; `text` is how a reader of the program sees them. */
  bytes(content: Uint8Array, text = `[${content.length} bytes]`): DataRef {
    const offset = this.#room(content.length);
    this.#data.set(content, offset);
    return this.#taken(offset, content.length, text);
  }

  /** So many zero bytes, 8-aligned, for the kernel or another record to write into. */
  space(length: number, text: string): DataRef {
    return this.#taken(this.#room(length), length, text);
  }

  /** Where the next data goes, with room for so many bytes. */
  #room(length: number): number {
    const needed = this.#length + length + 8;
    if (needed > this.#data.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#data.length * 2));
      larger.set(this.#data);
      this.#data = larger;
    }
    return this.#length;
  }

  #taken(offset: number, length: number, text: string): DataRef {
    this.#length = offset + ((length + 7) & ~7);
    return { kind: 'data', offset, length, text };
  }

  /** An array of pointers ended by NULL, as execve(2) takes. */
  vector(items: readonly string[]): DataRef {
    const refs = items.map((item) => this.string(item));
    const array = this.bytes(new Uint8Array((items.length + 1) * 8), JSON.stringify(items));
    refs.forEach((ref, index) => {
      this.#pointers.set(array.offset + index * 8, ref);
    });
    return array;
  }

  /** A struct of 64-bit words some of which point to other data. */
  words(values: readonly (number | bigint | DataRef)[], text: string): DataRef {
    const offset = this.#room(values.length * 8);
    values.forEach((value, index) => {
      if (typeof value !== 'object') this.#word(offset + index * 8, value);
    });
    const ref = this.#taken(offset, values.length * 8, text);
    values.forEach((value, index) => {
      if (typeof value === 'object') this.#pointers.set(ref.offset + index * 8, value);
    });
    return ref;
  }

  /** A word that one record fills (`storeAt: slot.data`) and others take as an argument; a reader sees it as `<name>`. */
  slot(name: string, initial: number | bigint = NO_VALUE): SlotValue {
    const offset = this.#room(8);
    this.#word(offset, initial);
    return { kind: 'slot', data: this.#taken(offset, 8, `<${name}>`) };
  }

  /** 64 bits at an offset of the data, as two's complement. */
  #word(offset: number, value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < WORD) this.#data.writeUInt32LE(value, offset);
    else this.#data.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), offset);
  }

  /** Add a record that issues a syscall; missing arguments are 0. */
  call(syscall: SyscallName, args: readonly (Word | string | null)[], options: RecordOptions = {}): this {
    return this.#add(syscall, args, options);
  }

  /** Add a record that only jumps (or falls through): the target of a label, the end of a loop. */
  goto(target: string | null, options: RecordOptions = {}): this {
    return this.#add('none', [], target === null ? options : { ...options, jump: target });
  }

  /** Add a record that only copies a value (another slot's, an address) into a slot or into a word of some data. */
  set(into: SlotValue | InsideRef, value: Word | string, options: RecordOptions = {}): this {
    if (typeof value === 'number' && value < 0 && value >= -LAST_ERRNO)
      throw new RangeError(`${value} would be taken for an error`);
    return this.#add('none', [value], { ...options, storeAt: into.kind === 'inside' ? into : into.data });
  }

  #add(syscall: SyscallName | 'none', args: readonly (Word | string | null)[], options: RecordOptions): this {
    if (args.length > 6) throw new RangeError(`${syscall}: a syscall has at most six arguments`);
    if ((options.accept?.length ?? 0) > 4) throw new RangeError(`${syscall}: a record accepts at most four errnos`);
    const target = options.jump ?? options.jumpIfZero ?? options.jumpIfError;
    if ((options.jumpIfZero ?? target) !== target || (options.jumpIfError ?? target) !== target)
      throw new RangeError(`${syscall}: a record has one jump target`);
    if (options.label !== undefined) {
      if (this.#labels.has(options.label)) throw new RangeError(`label ${options.label} is used twice`);
      this.#labels.set(options.label, this.#records.length);
    }
    const words = args.map((arg): Word => (typeof arg === 'string' ? this.string(arg) : (arg ?? 0)));
    this.#records.push({ syscall, args: words, options, section: this.#section });
    return this;
  }

  /** Finish: a program that could run past its last record gets an `exit_group`, for what lies behind is data. */
  build(): Program {
    const last = this.#records.at(-1);
    if (
      last === undefined ||
      (last.syscall !== 'exit_group' && !(last.syscall === 'none' && last.options.jump !== undefined))
    ) {
      this.call('exit_group', [this.#exitCode], {
        say: {
          en: 'the end of the program: it should have become another one before',
          zh: '程序的终点：在此之前本该已变成另一个程序',
        },
      });
    }
    const program: Program = {
      name: this.name,
      records: this.#records,
      labels: this.#labels,
      data: this.#finished(),
      pointers: this.#pointers,
      onFailure: this.#onFailure,
      exitCode: this.#exitCode,
    };
    for (const record of program.records) {
      const { jump, jumpIfZero, jumpIfError } = record.options;
      for (const label of [jump, jumpIfZero, jumpIfError]) if (label !== undefined) recordIndex(program, label);
    }
    return program;
  }

  /** The data in memory of its own; the room that it was written in is the next builder's. */
  #finished(): Uint8Array {
    const data = new Uint8Array(this.#data.subarray(0, this.#length));
    if (this.#data.length <= MOST_SPARE) spare = this.#data.fill(0, 0, this.#length);
    this.#data = Buffer.from(data);
    return data;
  }
}

export function recordIndex(program: Program, label: string): number {
  const index = program.labels.get(label);
  if (index === undefined) throw new RangeError(`program ${program.name} has no record named ${label}`);
  return index;
}

/** Size of the laid-out program in bytes. */
export function programSize(program: Program): number {
  return dataAt(program) + program.data.length;
}

/** Where the program's data begins in the laid-out program. */
export function dataAt(program: Pick<Program, 'records'>): number {
  return HEADER_SIZE + program.records.length * RECORD_SIZE;
}

/** Lay the program out as it will stand at `base`: header, records, data. */
export function layOut(program: Program, base: bigint, architecture: 'x64' | 'arm64' = process.arch as 'x64'): Buffer {
  const image = Buffer.alloc(programSize(program));
  layOutInto(image, program, base, architecture);
  return image;
}

/**
 * As `layOut`, into memory that is zero. Addresses are below 2^47 on both architectures, so that they are exact as numbers;
 * big integers would cost as much as the rest of a container's start does in this language.
 *
 * @param image at least `programSize` bytes, 4-aligned
 */
export function layOutInto(
  image: Buffer,
  program: Program,
  base: bigint,
  architecture: 'x64' | 'arm64' = process.arch as 'x64',
): void {
  const words = new Int32Array(image.buffer, image.byteOffset, programSize(program) >> 2);
  const halves = new Uint16Array(image.buffer, image.byteOffset, programSize(program) >> 1);
  const put = (at: number, value: number | bigint): void => {
    const low = at >> 2;
    if (typeof value === 'number') {
      words[low] = value; // what does not fit is cut off: ECMAScript's ToInt32
      words[low + 1] = Math.floor(value / WORD);
    } else {
      words[low] = Number(BigInt.asIntN(32, value));
      words[low + 1] = Number(BigInt.asIntN(32, value >> 32n));
    }
  };
  const start = Number(base);
  const behindRecords = dataAt(program);
  const recordAddress = (label: string): number => start + HEADER_SIZE + recordIndex(program, label) * RECORD_SIZE;
  const address = (word: DataRef | FieldRef | InsideRef): number => {
    if (word.kind === 'data') return start + behindRecords + word.offset;
    if (word.kind === 'inside') return start + behindRecords + word.data.offset + word.at;
    const field =
      word.field === 'result' ? RECORD.result : word.field === 'hold' ? RECORD.hold : RECORD.args + word.field.arg * 8;
    return recordAddress(word.label) + field;
  };

  if (program.onFailure !== null) put(HEADER.onFailure, recordAddress(program.onFailure));
  words[HEADER.exitCode >> 2] = program.exitCode;
  for (let index = 0, at = HEADER_SIZE; index < program.records.length; index++, at += RECORD_SIZE) {
    const { syscall, args, options } = program.records[index] as RecordSpec;
    let flags = 0;
    if (syscall === 'none') flags |= FLAG.noCall;
    else words[(at + RECORD.number) >> 2] = syscallNumber(syscall, architecture);
    for (let n = 0; n < args.length; n++) {
      const word = args[n] as Word;
      if (typeof word !== 'object') put(at + RECORD.args + n * 8, word);
      else if (word.kind === 'named') put(at + RECORD.args + n * 8, word.value);
      else if (word.kind === 'slot') {
        flags |= FLAG.load << n;
        put(at + RECORD.args + n * 8, address(word.data));
      } else put(at + RECORD.args + n * 8, address(word));
    }
    if (options.ignore === true) flags |= FLAG.ignore;
    if (options.jumpIfZero !== undefined) flags |= FLAG.jumpIfZero;
    if (options.jump !== undefined) flags |= FLAG.jump;
    if (options.jumpIfError !== undefined) flags |= FLAG.jumpIfError;
    if (options.store32 === true) flags |= FLAG.store32;
    words[(at + RECORD.flags) >> 2] = flags;
    if (options.hold === true) words[(at + RECORD.hold) >> 2] = 1;
    if (options.storeAt !== undefined) put(at + RECORD.storeAt, address(options.storeAt));
    const jump = options.jump ?? options.jumpIfZero ?? options.jumpIfError;
    if (jump !== undefined) put(at + RECORD.jump, recordAddress(jump));
    const { accept } = options;
    if (accept !== undefined)
      for (let n = 0; n < accept.length; n++) halves[((at + RECORD.accept) >> 1) + n] = ERRNO[accept[n] as ErrnoName];
  }
  image.set(program.data, behindRecords);
  for (const [offset, ref] of program.pointers) put(behindRecords + offset, address(ref));
}

const WORD = 2 ** 32;
