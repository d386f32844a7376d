import type { Bilingual, Change, LedgerDomain, Snapshot } from '../../api/types.js';

/** What can be told of a change: the part of a ledger entry that depends on its kind. */
export interface Told {
  readonly domain: LedgerDomain;
  readonly act: string;
  /** Null where no command does exactly this: the kernel did it by itself, or as part of another change. */
  readonly command: string | null;
  readonly man: string | null;
  readonly explanation: Bilingual;
}

/** Tells one object's changes. */
export type Teller = (change: Change, snapshot: Snapshot) => Told;

/** A word as a shell takes it. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `ip …` in the namespace of this label: `ip -n r1 …`, or through the process that is in it. */
export function ipIn(label: string, rest: string): string {
  if (label === 'host' || label === '') return `ip ${rest}`;
  const process = /^pid (\d+)$/.exec(label);
  if (process !== null) return `nsenter -t ${process[1]} -n ip ${rest}`;
  return label.includes('[') ? `ip ${rest}` : `ip -n ${shellWord(label)} ${rest}`;
}

/** Any command in the network namespace of this label. */
export function commandIn(label: string, command: string): string {
  if (label === 'host' || label === '' || label.includes('[')) return command;
  const process = /^pid (\d+)$/.exec(label);
  return process === null ? `ip netns exec ${shellWord(label)} ${command}` : `nsenter -t ${process[1]} -n ${command}`;
}

/** ` in r1` / `r1 中的`: nothing for the lab host itself, which is where a learner is. */
export function where(label: string): { en: string; zh: string } {
  return label === 'host' || label === '' ? { en: '', zh: '' } : { en: ` in ${label}`, zh: `在 ${label} 中` };
}
