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
  const target = targetOf(label);
  if (target !== null) return `nsenter -t ${target} -n ip ${rest}`;
  return label.includes('[') ? `ip ${rest}` : `ip -n ${shellWord(label)} ${rest}`;
}

/** The process through which a place without a name of `ip netns` is entered, as a shell finds it. */
function targetOf(label: string): string | null {
  const process = /^pid (\d+)$/.exec(label)?.[1];
  if (process !== undefined) return process;
  const container = /^container (.+)$/s.exec(label)?.[1];
  return container === undefined ? null : `$(docker inspect -f '{{.State.Pid}}' ${shellWord(container)})`;
}

/** Any command in the network namespace of this label. */
export function commandIn(label: string, command: string): string {
  if (label === 'host' || label === '' || label.includes('[')) return command;
  const target = targetOf(label);
  return target === null ? `ip netns exec ${shellWord(label)} ${command}` : `nsenter -t ${target} -n ${command}`;
}

/** ` in r1` / `在 r1 中，`: nothing for the lab host itself, which is where a learner is. */
export function where(label: string): { en: string; zh: string } {
  return label === 'host' || label === ''
    ? { en: '', zh: '' }
    : { en: ` in ${label}`, zh: `${withinChinese(label)}，` };
}

/** A label in a Chinese sentence: `容器 web` for a container's. */
export function inChinese(label: string): string {
  return label.replace(/^container /, '容器 ');
}

/** `在 r1 中`, `在容器 web 中`: a blank only between Chinese and other letters. */
export function withinChinese(label: string): string {
  const place = inChinese(label);
  return `在${place === label ? ' ' : ''}${place} 中`;
}
