import { type Commands, changeCommands, reconcileCommands, restoreText } from './commands.js';
import { noteRules } from './deed.js';
import type { Iptables } from './iptables.js';
import { keyOf, type Rule } from './rules.js';
import { parseSaved } from './saved.js';

interface Change {
  readonly add: readonly Rule[];
  readonly remove: readonly Rule[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The rules that are ours, and how they come about. Changes that arrive while iptables runs are done together by its next run,
 * so that a hundred containers cost a few runs. When rules are not as we left them, all are looked at and brought in line.
 */
export class Firewall {
  readonly #iptables: Iptables;
  readonly #warn: (message: string) => void;
  /** By key; counted, because two published ports may want the same rule. */
  readonly #wanted = new Map<string, { readonly rule: Rule; count: number }>();
  /** Rules of what was removed while iptables did not work. */
  readonly #unwanted = new Map<string, Rule>();
  #waiting: Change[] = [];
  #running: Promise<void> | null = null;
  #works = true;

  constructor(iptables: Iptables, warn: (message: string) => void) {
    this.#iptables = iptables;
    this.#warn = warn;
  }

  /** Whether rules can be written at all; where not, that was said once. */
  get works(): boolean {
    return this.#works;
  }

  /** Write and remove rules. Resolves when the kernel has them. */
  async change({
    add = [],
    remove = [],
  }: {
    readonly add?: readonly Rule[];
    readonly remove?: readonly Rule[];
  }): Promise<void> {
    const note = (failure: string | null): void => {
      this.#note(() => changeCommands(add, remove), add.length + remove.length, failure);
    };
    try {
      await new Promise<void>((done, failed) => {
        this.#waiting.push({ add, remove, done, failed });
        this.#running ??= this.#work();
      });
    } catch (error) {
      note((error as Error).message);
      throw error;
    }
    note(null);
  }

  /**
   * See to it that all wanted rules are there, once, and of `unwanted` none.
   *
   * @param policy for FORWARD, when it is to be set too
   */
  async reconcile(unwanted: readonly Rule[] = [], policy: 'DROP' | null = null): Promise<void> {
    while (this.#running !== null) await this.#running;
    const run = this.#reconcile(unwanted, policy);
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    this.#running = settled;
    try {
      const commands = await run;
      this.#note(() => commands, [...commands.values()].flat().length, null);
    } finally {
      if (this.#running === settled) this.#running = this.#waiting.length > 0 ? this.#work() : null;
    }
  }

  /** Want rules without writing them: for what `reconcile` writes. */
  want(rules: readonly Rule[]): void {
    for (const rule of rules) this.#count(rule, 1);
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const changes = this.#waiting;
      this.#waiting = [];
      try {
        await this.#apply(changes);
        for (const { done } of changes) done();
      } catch (error) {
        for (const { failed } of changes) failed(error);
      }
    }
    this.#running = null;
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    const before = new Set(this.#wanted.keys());
    const touched = new Map<string, Rule>();
    for (const { add, remove } of changes) {
      for (const rule of add) touched.set(keyOf(rule), this.#count(rule, 1));
      for (const rule of remove) touched.set(keyOf(rule), this.#count(rule, -1));
    }
    const added = [...touched].filter(([key]) => this.#wanted.has(key) && !before.has(key)).map(([, rule]) => rule);
    const removed = [...touched].filter(([key]) => !this.#wanted.has(key) && before.has(key)).map(([, rule]) => rule);
    if (added.length === 0 && removed.length === 0) return;
    if (!this.#works) return this.#remember(removed);
    try {
      await this.#iptables.restore(restoreText(changeCommands(added, removed)));
    } catch (refusal) {
      // somebody else changed the rules: one that is to go is gone, or a position is not there
      await this.#reconcile(removed, null, refusal);
    }
  }

  async #reconcile(unwanted: readonly Rule[], policy: 'DROP' | null, refusal?: unknown): Promise<Commands> {
    this.#remember(unwanted);
    try {
      const wanted = [...this.#wanted.values()].map(({ rule }) => rule);
      const saved = parseSaved(await this.#iptables.save());
      const commands = new Map(reconcileCommands(saved, wanted, [...this.#unwanted.values()]));
      if (policy !== null) commands.set('filter', [`:FORWARD ${policy} [0:0]`, ...(commands.get('filter') ?? [])]);
      if (commands.size > 0) await this.#iptables.restore(restoreText(commands));
      this.#unwanted.clear();
      this.#works = true;
      return commands;
    } catch (error) {
      // who asked for a change is told that it was refused; the others, that there is no firewall
      if (refusal !== undefined) throw error;
      if (this.#works) this.#warn(`the firewall cannot be written: ${(error as Error).message}`);
      this.#works = false;
      return new Map();
    }
  }

  #note(commands: () => Commands, count: number, failure: string | null): void {
    if (this.#works && count > 0) noteRules({ commands, count, program: this.#iptables.program, failure });
  }

  #remember(unwanted: readonly Rule[]): void {
    for (const rule of unwanted) this.#unwanted.set(keyOf(rule), rule);
  }

  #count(rule: Rule, by: 1 | -1): Rule {
    const key = keyOf(rule);
    const known = this.#wanted.get(key);
    const count = (known?.count ?? 0) + by;
    if (count <= 0) this.#wanted.delete(key);
    else if (known === undefined) this.#wanted.set(key, { rule, count });
    else known.count = count;
    return known?.rule ?? rule;
  }
}
