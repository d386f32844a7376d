/** go-units' RAMInBytes and Go's time.ParseDuration: numbers with units. */

const UNITS: Readonly<Record<string, bigint>> = {
  b: 1n,
  k: 1n << 10n,
  m: 1n << 20n,
  g: 1n << 30n,
  t: 1n << 40n,
  p: 1n << 50n,
};
const LARGEST = (1n << 63n) - 1n;

/** `64m`, `1.5g`, `1024`: bytes. `minusOne`: -1 is allowed, as --memory-swap does. */
export function parseSize(text: string, minusOne = false): number {
  if (minusOne && text === '-1') return -1;
  const separator = lastIndexOfAny(text, '01234567890. ');
  if (separator < 0) throw new Error(`invalid size: '${text}'`);
  const isSpace = text[separator] === ' ';
  const number = text.slice(0, isSpace ? separator : separator + 1);
  const suffix = text.slice(separator + 1);
  if (!/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(number))
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  const size = Number(number);
  if (size < 0) throw new Error(`invalid size: '${text}'`);
  if (suffix === '') return whole(size);
  if (suffix.length > 3) throw new Error(`invalid suffix: '${suffix}'`);
  const lower = suffix.toLowerCase();
  const unit = UNITS[lower[0] ?? ''];
  if (unit === undefined) throw new Error(`invalid suffix: '${suffix}'`);
  const rest = lower.slice(1);
  if (lower[0] === 'b' ? rest !== '' : rest !== '' && rest !== 'b' && rest !== 'ib')
    throw new Error(`invalid suffix: '${suffix}'`);
  return whole(size * Number(unit));
}

function lastIndexOfAny(text: string, characters: string): number {
  for (let at = text.length - 1; at >= 0; at--) if (characters.includes(text[at] ?? '')) return at;
  return -1;
}

/** Beyond 2^53 a number of JavaScript is not every integer; what comes out is then the nearest. */
function whole(value: number): number {
  return Math.min(Math.trunc(value), Number(LARGEST));
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's time.ParseDuration: nanoseconds. */
export function parseDuration(text: string): number {
  const fail = (why: string): never => {
    throw new Error(`time: ${why} ${JSON.stringify(text)}`);
  };
  let rest = text.replace(/^[+-]/, '');
  const sign = text.startsWith('-') ? -1 : 1;
  if (rest === '0') return 0;
  if (rest === '') fail('invalid duration');
  let total = 0;
  while (rest !== '') {
    const found = /^([0-9]*\.?[0-9]*)([^0-9.]*)/.exec(rest);
    const [whole = '', number = '', unit = ''] = found ?? [];
    if (!/[0-9]/.test(number)) fail('invalid duration');
    if (unit === '') fail('missing unit in duration');
    const factor = DURATION_UNITS[unit];
    if (factor === undefined)
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    total += Math.round(Number(number) * factor);
    rest = rest.slice(whole.length);
  }
  if (total > Number(LARGEST)) fail('invalid duration');
  return sign * total;
}

/** --cpus: billionths of a processor. docker/cli/opts ParseCPUs. */
export function parseDecimal(text: string): number {
  const found = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?$/.exec(text);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = found ?? [];
  const ratio = /^([+-]?[0-9]+)\/([0-9]+)$/.exec(text);
  if (ratio !== null && Number(ratio[2]) > 0) return precise((Number(ratio[1]) / Number(ratio[2])) * 1e9);
  if (found === null || whole + fraction === '') throw new Error(`failed to parse ${text} as a rational number`);
  const value = Number(`${sign}${whole === '' ? '0' : whole}.${fraction === '' ? '0' : fraction}e${exponent}`);
  return precise(Math.round(value * 1e12) / 1e3);
}

function precise(value: number): number {
  if (!Number.isInteger(value)) throw new Error('value is too precise');
  return value;
}
