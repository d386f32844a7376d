import { encodeValue } from './encode.js';
import { CallError, type TemplateFunction } from './functions.js';
import { GoList, NO_VALUE, type Result } from './values.js';

const words = (result: Result): readonly string[] =>
  result instanceof GoList ? result.items.map((item) => (typeof item === 'string' ? item : '')) : [];
const text = (result: Result | undefined): string => (typeof result === 'string' ? result : '');
const number = (result: Result | undefined): number => (typeof result === 'bigint' ? Number(result) : 0);

/** How wide `pad` may make a text. */
const WIDEST = 1_000_000;

function spaces(count: number): string {
  if (count < 0) throw new CallError('strings: negative Repeat count');
  if (count > WIDEST) throw new CallError('strings: Repeat output length overflow');
  return ' '.repeat(count);
}

/** Go's strings.Title: the first letter of each word. */
const titled = (value: string): string =>
  value.replace(/(^|[^\p{L}\p{Nd}_'])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase());

const onText = (call: (value: string) => string): TemplateFunction => ({
  min: 1,
  max: 1,
  params: ['string'],
  call: ([value]) => call(text(value)),
});

/** What docker adds to Go's functions: docker/cli's templates package. */
export const DOCKER_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['json', { min: 1, max: 1, call: ([value = null]) => encodeValue(value === NO_VALUE ? null : value, false) }],
  [
    'split',
    {
      min: 2,
      max: 2,
      params: ['string', 'string'],
      call: ([value, separator]) =>
        new GoList('[]string', text(separator) === '' ? [...text(value)] : text(value).split(text(separator))),
    },
  ],
  [
    'join',
    {
      min: 2,
      max: 2,
      params: ['[]string', 'string'],
      call: ([list = null, separator]) => words(list).join(text(separator)),
    },
  ],
  ['title', onText(titled)],
  ['lower', onText((value) => value.toLowerCase())],
  ['upper', onText((value) => value.toUpperCase())],
  [
    'pad',
    {
      min: 3,
      max: 3,
      params: ['string', 'int', 'int'],
      call: ([value, before, after]) =>
        text(value) === '' ? '' : spaces(number(before)) + text(value) + spaces(number(after)),
    },
  ],
  [
    'truncate',
    {
      min: 2,
      max: 2,
      params: ['string', 'int'],
      call: ([value, most]) => {
        const limit = number(most);
        if (limit < 0) throw new CallError(`runtime error: slice bounds out of range [:${limit}]`);
        const bytes = Buffer.from(text(value));
        return bytes.length < limit ? text(value) : bytes.subarray(0, limit).toString('utf8');
      },
    },
  ],
]);
