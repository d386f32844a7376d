import { EngineError } from '../../kernel/errors.js';
import { SIGNALS } from '../../kernel/signals.js';

/** signal(7): real-time signals as glibc counts them. */
const RTMIN = 34;
const RTMAX = 64;

/** `9`, `KILL`, `sigkill`, `RTMIN+3`, as dockerd takes them. moby/sys/signal. */
export function parseSignal(text: string): number {
  const invalid = new EngineError('InvalidArgument', `invalid signal: ${text}`);
  if (/^\d{1,3}$/.test(text)) {
    const number = Number(text);
    if (number === 0) throw invalid;
    if (number > RTMAX) throw new EngineError('InvalidArgument', `the linux daemon does not support signal ${number}`);
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const [, base, sign, offset] = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (base !== undefined) {
    const number = (base === 'RTMIN' ? RTMIN : RTMAX) + (sign === '-' ? -1 : 1) * Number(offset ?? 0);
    if (number < RTMIN || number > RTMAX) throw invalid;
    return number;
  }
  const number = Object.hasOwn(SIGNALS, `SIG${name}`) ? SIGNALS[`SIG${name}`] : undefined;
  if (number === undefined) throw invalid;
  return number;
}
