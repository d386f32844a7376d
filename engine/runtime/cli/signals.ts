import { SIGNALS } from '../../kernel/signals.js';
import type { ContainerProcess } from '../types.js';
import { CliError } from './failure.js';
import { nothing } from './nothing.js';

/**
 * Not passed on: two that nobody can catch; those of our own children, sockets and pipes; what the processor raises, for
 * which a listener may not return. Real-time signals cannot be caught in Node.
 */
const OWN = new Set(
  ['KILL', 'STOP', 'CHLD', 'URG', 'PIPE', 'SEGV', 'BUS', 'FPE', 'ILL'].map((name) => SIGNALS[`SIG${name}`]),
);

/** A signal by number or by name, with or without SIG. The kernel would refuse other numbers in these words. */
export function parseSignal(word: string): number {
  if (/^[+-]?\d+$/.test(word)) {
    const number = Number(word);
    if (number >= 0 && number <= 64) return number;
    throw new CliError('unable to signal init: invalid argument');
  }
  const name = word.toUpperCase();
  const number = SIGNALS[name.startsWith('SIG') ? name : `SIG${name}`];
  if (number === undefined) throw new CliError(`unknown signal ${JSON.stringify(word)}`);
  return number;
}

/**
 * From now on signals sent to us are for the process: those that come before it is there wait for it. A change of the
 * terminal's size is ours.
 */
export class SignalForwarder {
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  readonly #waiting: number[] = [];
  #process: ContainerProcess | null = null;
  #resize = nothing;

  constructor() {
    // a number may have two names (SIGABRT, SIGIOT): one listener each
    const named = new Map(Object.entries(SIGNALS).map(([name, number]) => [number, name]));
    for (const [number, name] of named) {
      if (OWN.has(number)) continue;
      const listener = number === SIGNALS['SIGWINCH'] ? () => this.#resize() : () => this.#pass(number);
      process.on(name as NodeJS.Signals, listener);
      this.#listeners.set(name as NodeJS.Signals, listener);
    }
  }

  attach(process: ContainerProcess, resize: () => void): void {
    this.#process = process;
    this.#resize = resize;
    for (const signal of this.#waiting.splice(0)) process.kill(signal);
  }

  close(): void {
    for (const [name, listener] of this.#listeners) process.removeListener(name, listener);
    this.#listeners.clear();
  }

  #pass(signal: number): void {
    if (this.#process === null) this.#waiting.push(signal);
    else this.#process.kill(signal);
  }
}
