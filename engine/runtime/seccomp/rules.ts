import { EngineError } from '../../kernel/errors.js';
import type { SeccompArg, SeccompRule } from '../spec/types.js';
import { type Abi, numberIn, type SyscallRow, syscallNumberOf, X86 } from './architectures.js';

/** A comparison of one argument, cut to the ABI's width. MASKED_EQ is `(argument & mask) == value`. */
export interface Condition {
  readonly index: number;
  readonly op: Comparison;
  readonly mask: bigint;
  readonly value: bigint;
}

export const COMPARISONS = ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** All conditions must hold for `action` (a filter's return value). */
export interface Match {
  readonly conditions: readonly Condition[];
  readonly action: number;
}

/** What one number gets: matches in order of precedence; one without conditions decides always. */
export type NumberRules = readonly Match[];

/** Calls that i386 has twice: as numbers of their own, and as the first argument of socketcall(2) or ipc(2). */
const MULTIPLEXED: ReadonlyMap<string, { readonly name: string; readonly call: number }> = new Map(
  Object.entries({
    socketcall: {
      ...{
        socket: 1,
        bind: 2,
        connect: 3,
        listen: 4,
        accept: 5,
        getsockname: 6,
        getpeername: 7,
        socketpair: 8,
        send: 9,
      },
      ...{ recv: 10, sendto: 11, recvfrom: 12, shutdown: 13, setsockopt: 14, getsockopt: 15, sendmsg: 16, recvmsg: 17 },
      ...{ accept4: 18, recvmmsg: 19, sendmmsg: 20 },
    },
    ipc: {
      ...{ semop: 1, semget: 2, semctl: 3, semtimedop: 4, msgsnd: 11, msgrcv: 12, msgget: 13, msgctl: 14 },
      ...{ shmat: 21, shmdt: 22, shmget: 23, shmctl: 24 },
    },
  }).flatMap(([name, calls]) => Object.entries(calls).map(([sub, call]) => [sub, { name, call }] as const)),
);

/** The multiplexer and the sub-call that stand for a name on an ABI, or null. */
export function multiplexerOf(name: string, abi: Abi): { readonly name: string; readonly call: number } | null {
  return abi === X86 ? (MULTIPLEXED.get(name) ?? null) : null;
}

/**
 * The rules of one ABI, added one by one as libseccomp's database does (src/db.c): a rule without conditions beats every
 * rule with some, the first of its kind stays; a rule whose conditions another one's begin with replaces or swallows that
 * one; the same conditions with two actions are a contradiction.
 */
export class AbiRules {
  readonly #abi: Abi;
  readonly #rules = new Map<number, Match[]>();
  #newest = 0;

  constructor(abi: Abi) {
    this.#abi = abi;
  }

  /** The highest number that `name` was called with, 0 for none. On i386 libseccomp does not count what socketcall and ipc carry. */
  get newest(): number {
    return this.#newest;
  }

  /** A profile names this call, whatever it says about it. */
  name(name: string, row: SyscallRow): void {
    const number = numberIn(row, this.#abi);
    if (number !== null && number > this.#newest && multiplexerOf(name, this.#abi) === null) this.#newest = number;
  }

  add(name: string, row: SyscallRow, conditions: readonly Condition[], action: number): void {
    const mux = multiplexerOf(name, this.#abi);
    if (mux !== null) {
      // the first argument is the multiplexer's own: what the profile says about it cannot be seen (it is in memory)
      const call: Condition = { index: 0, op: 'EQ', mask: 0xffffffffn, value: BigInt(mux.call) };
      const number = syscallNumberOf(mux.name, this.#abi);
      this.#addTo(number, [call, ...conditions.filter(({ index }) => index !== 0)], action, name);
    }
    this.#addTo(numberIn(row, this.#abi), conditions, action, name);
  }

  /** Numbers in the ABI's table with what they get. */
  get numbers(): ReadonlyMap<number, NumberRules> {
    for (const matches of this.#rules.values()) if (matches.length > 1) matches.sort(byPrecedence);
    return this.#rules;
  }

  #addTo(number: number | null, conditions: readonly Condition[], action: number, name: string): void {
    if (number === null) return;
    const fresh: Match = { conditions: narrow(conditions, this.#abi), action };
    const known = this.#rules.get(number) ?? [];
    if (fresh.conditions.length === 0) {
      if (known[0]?.conditions.length !== 0) this.#rules.set(number, [fresh]);
      return;
    }
    const kept: Match[] = [];
    for (const match of known) {
      const same = match.conditions.length === fresh.conditions.length;
      if (startsWith(fresh, match) && !(same && match.action !== action)) return;
      if (startsWith(match, fresh)) {
        if (match.action !== action)
          throw new EngineError(
            'InvalidArgument',
            `error adding seccomp rule for syscall ${name}: the same conditions have another action already`,
          );
      } else kept.push(match);
    }
    this.#rules.set(number, [...kept, fresh]);
  }
}

const ALWAYS: readonly (readonly Condition[])[] = [[]];

/** Conditions of a rule as they are compared, or several lists when the rule means "or". */
export function conditionsOf(rule: SeccompRule, name: string): readonly (readonly Condition[])[] {
  if (rule.args.length === 0) return ALWAYS;
  const conditions = rule.args.map((arg) => conditionOf(arg, name));
  // runc: one argument named twice makes every condition a rule of its own (libcontainer/seccomp, matchCall)
  const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  if (repeated) return conditions.map((condition) => [condition]);
  return [conditions.sort((a, b) => a.index - b.index)];
}

function conditionOf({ index, op, value, valueTwo }: SeccompArg, name: string): Condition {
  const refuse = (why: string): never => {
    throw new EngineError('InvalidArgument', `error creating seccomp syscall condition for syscall ${name}: ${why}`);
  };
  const comparison = COMPARISONS.find((one) => `SCMP_CMP_${one}` === op);
  if (comparison === undefined)
    throw new EngineError('InvalidArgument', `string ${op} is not a valid operator for seccomp`);
  if (!Number.isInteger(index) || index < 0 || index > 5)
    refuse(`syscalls only have up to 6 arguments (index ${index} given)`);
  for (const number of [value, valueTwo])
    if (number < 0n || number > 0xffffffffffffffffn) refuse(`${number} does not fit into 64 bits`);
  if (comparison === 'MASKED_EQ') return { index, op: comparison, mask: value, value: valueTwo };
  return { index, op: comparison, mask: 0xffffffffffffffffn, value };
}

/** Cut to the ABI's width; what is then always true is left out. */
function narrow(conditions: readonly Condition[], abi: Abi): readonly Condition[] {
  if (conditions.length === 0) return conditions;
  const width = abi.bits === 64 ? 0xffffffffffffffffn : 0xffffffffn;
  return conditions
    .map(({ index, op, mask, value }) => ({ index, op, mask: mask & width, value: value & mask & width }))
    .filter(({ mask }) => mask !== 0n);
}

const equal = (a: Condition, b: Condition | undefined): boolean =>
  b !== undefined && a.index === b.index && a.op === b.op && a.mask === b.mask && a.value === b.value;

const startsWith = (match: Match, prefix: Match): boolean =>
  prefix.conditions.every((condition, n) => equal(condition, match.conditions[n]));

const STRENGTH: Readonly<Record<Comparison, number>> = { MASKED_EQ: 3, EQ: 3, NE: 3, LE: 2, LT: 2, GE: 1, GT: 1 };

/**
 * libseccomp's order of evaluation (src/db.c, _db_chain_lt): the higher argument first, equalities before "less" before
 * "greater", then the larger value, or the smaller for "less". It matters only when rules of different actions overlap.
 */
function byPrecedence(a: Match, b: Match): number {
  for (const [n, left] of a.conditions.entries()) {
    const right = b.conditions[n];
    if (right === undefined) return 0;
    if (equal(left, right)) continue;
    if (left.index !== right.index) return right.index - left.index;
    if (STRENGTH[left.op] !== STRENGTH[right.op]) return STRENGTH[right.op] - STRENGTH[left.op];
    if (left.value === right.value) return 0;
    const largerFirst = STRENGTH[left.op] === 2 ? -1 : 1;
    return left.value > right.value ? -largerFirst : largerFirst;
  }
  return 0;
}
