import { currentCall } from '../../kernel/journal/context.js';
import { DeedKind, noteDeed } from '../../kernel/journal/deed.js';
import type { Commands } from './commands.js';

export interface ChangedRules {
  /** Made when somebody asks. */
  readonly commands: () => Commands;
  /** How many rules there are. */
  readonly count: number;
  readonly program: string;
  readonly failure: string | null;
}

/** Told by `tell-deed.ts`. */
export const RULES = new DeedKind<ChangedRules>('rule of a firewall');

/** Note rules that the kernel has taken, or refused. `program`: iptables or ip6tables. */
export function noteRules(change: ChangedRules): void {
  if (currentCall() !== undefined) noteDeed(RULES, change, 200 + change.count * 200);
}
