import { constants } from 'node:os';
import { bad } from './fields.js';

/** Names of moby/sys/signal that signal(7) has as other names of the same numbers, and the real-time ones. */
const OTHERS = new Set(['CLD', 'IOT', 'POLL', 'PWR', 'STKFLT', 'RTMIN', 'RTMAX', 'UNUSED']);

/** `TERM`, `SIGTERM`, `15`, `RTMIN+3`: refused when no signal is meant. */
export function checkSignal(text: string): string {
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number = /^\d{1,3}$/.test(text) ? Number(text) : null;
  const known =
    number === null
      ? OTHERS.has(name) || Object.hasOwn(constants.signals, `SIG${name}`) || isRealTime(name)
      : number > 0 && number <= 64;
  return known ? text : bad(`invalid signal: ${text.slice(0, 100)}`);
}

function isRealTime(name: string): boolean {
  const match = /^RT(MIN\+|MAX-)(\d{1,2})$/.exec(name);
  if (match === null) return false;
  const step = Number(match[2]);
  return step >= 1 && step <= (match[1] === 'MIN+' ? 15 : 14);
}
