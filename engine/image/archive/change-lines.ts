import { EngineError } from '../../kernel/errors.js';
import { splitWords } from './words.js';

/** An instruction: `HEALTHCHECK --interval=5s CMD true`. */
export interface Instruction {
  /** Lower case. */
  readonly name: string;
  /** `--interval=5s`. */
  readonly flags: readonly string[];
  /** The line without name and flags. */
  readonly rest: string;
}

const MOST_BYTES = 1 << 20;

/** Lines of instructions: comments and empty lines left out, lines that end with a backslash joined with the next. */
export function parseLines(changes: readonly string[]): Instruction[] {
  const text = changes.join('\n');
  if (text.length > MOST_BYTES)
    throw new EngineError('InvalidArgument', `changes have ${text.length} characters, at most ${MOST_BYTES} are read`);
  const lines: string[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    const bare = line.replace(/\r$/, '');
    if (/^\s*(#|$)/.test(bare)) continue;
    if (/\\[ \t]*$/.test(bare)) {
      open += bare.replace(/\\[ \t]*$/, '');
      continue;
    }
    lines.push(open + bare);
    open = '';
  }
  if (open !== '') lines.push(open);
  return lines.map(parseLine);
}

const WITH_FLAGS = ['healthcheck'];

function parseLine(line: string): Instruction {
  const trimmed = line.trim();
  const name = (/^\S+/.exec(trimmed)?.[0] ?? '').toLowerCase();
  let rest = trimmed.slice(name.length).trim();
  const flags: string[] = [];
  while (WITH_FLAGS.includes(name) && /^--/.test(rest)) {
    const flag = /^\S+/.exec(rest)?.[0] ?? '';
    rest = rest.slice(flag.length).trim();
    if (flag === '--') break;
    flags.push(flag);
  }
  return { name, flags, rest };
}

/** `["a", "b"]` of the exec form; null: it is the shell's form. */
export function parseJsonWords(text: string): string[] | null {
  if (!text.startsWith('[')) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!Array.isArray(parsed) || !parsed.every((one) => typeof one === 'string')) return null;
  return parsed;
}

/** `A=1 B="two words"`, or the old form `A the rest`: names and values with their quotes. */
export function parsePairs({ name, rest }: Instruction): [string, string][] {
  const upper = name.toUpperCase();
  const words = splitWords(rest);
  const [first] = words;
  if (first === undefined) throw new EngineError('InvalidArgument', `${upper} requires at least one argument`);
  if (!first.includes('=')) {
    const parts = /^(\S+)\s+([\s\S]+)$/.exec(rest);
    if (parts === null) throw new EngineError('InvalidArgument', `${upper} must have two arguments`);
    return [[parts[1] as string, parts[2] as string]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw new EngineError(
        'InvalidArgument',
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    if (equals === 0) throw new EngineError('InvalidArgument', `${upper} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}
