/** Layout of a record and of the header: README.md in this folder draws it. Offsets and sizes in bytes. */
export const RECORD_SIZE = 128;
export const HEADER_SIZE = 128;

export const RECORD = {
  number: 0,
  args: 8,
  flags: 56,
  hold: 60,
  result: 64,
  begun: 72,
  ended: 80,
  storeAt: 88,
  jump: 96,
  accept: 104,
  inject: 112,
  state: 116,
} as const;

export const HEADER = { failed: 8, arrived: 16, onFailure: 24, exitCode: 32 } as const;

export const FLAG = {
  /** Any error is as good as success. */
  ignore: 1,
  /** On result 0 go to `jump` and store nothing: where a nested clone's child goes. */
  jumpIfZero: 2,
  /** On success go to `jump`. */
  jump: 4,
  /** Issue no syscall: the result is the first argument. */
  noCall: 8,
  /** On an accepted error go to `jump`; on any where none is named. */
  jumpIfError: 16,
  /** `storeAt` is a 32-bit field. */
  store32: 64,
  /** Shifted left by n: argument n is the address of its value, a slot that an earlier record filled. */
  load: 256,
} as const;

export const STATES = ['pending', 'held', 'done', 'failed'] as const;
export type RecordState = (typeof STATES)[number];
