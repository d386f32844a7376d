import { loadConfig } from '../i18n/config.js';
import { chooseLanguage } from '../i18n/language.js';
import { type Bilingual, type Language, pick } from '../i18n/text.js';

/** What every command gets: how to speak to the person and to the world around. */
export interface Context {
  readonly language: Language;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Colours may be used on standard output. */
  readonly color: boolean;
  readonly plain: boolean;
  readonly debug: boolean;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Why the saved configuration was not used. */
  readonly configProblem: Bilingual | null;
}

/** The outside of a run; tests give their own. */
export type World = Pick<Context, 'env' | 'stdin' | 'stdout' | 'stderr'>;

export const processWorld: World = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
};

type Options = Readonly<Record<string, string | true>>;

export function makeContext(options: Options, world: World): Context {
  const { config, problem } = loadConfig(world.env);
  const option = typeof options['lang'] === 'string' ? options['lang'] : undefined;
  return {
    ...world,
    language: chooseLanguage({ option, saved: config.language, env: world.env }),
    color: options['no-color'] === undefined && hasColor(world),
    plain: options['plain'] !== undefined,
    debug: options['debug'] !== undefined,
    configProblem: problem,
  };
}

/** No colours where nobody sees them, where they were declined (no-color.org), or where the terminal has none. */
function hasColor({ env, stdout }: World): boolean {
  return stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb' && env['TERM'] !== undefined;
}

/** The language of messages about a command line that could not be read: the option is looked for, not parsed. */
export function languageOf(argv: readonly string[], world: World): Language {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const at = own.indexOf('--lang');
  const option = at >= 0 ? own[at + 1] : own.find((word) => word.startsWith('--lang='))?.slice('--lang='.length);
  return chooseLanguage({ option, saved: loadConfig(world.env).config.language, env: world.env });
}

export function say(
  context: Pick<Context, 'stdout' | 'language'>,
  text: Bilingual,
  values?: Record<string, string | number>,
): void {
  context.stdout.write(`${pick(text, context.language, values)}\n`);
}

/** One line on standard error, with the name of the program before it. */
export function complain(
  context: Pick<Context, 'stderr' | 'language'>,
  text: Bilingual,
  values?: Record<string, string | number>,
): void {
  context.stderr.write(`glassbox: ${pick(text, context.language, values)}\n`);
}
