import { chooseLanguage } from '../i18n/language.js';
import type { Language } from '../i18n/text.js';
import { type ConfigFile, configDirectory, loadConfig } from './client/config-file.js';
import { Engine } from './client/engine.js';
import { resolveHost } from './client/host.js';
import { findCommand } from './command/find.js';
import { FlagProblem, type Flags, type Parsed, parseCommand, parseFlags } from './command/flags.js';
import { commandHelp, groupHelp, rootHelp } from './command/help.js';
import { argumentError, flagError, refusedFlag, unknownCommand } from './command/problems.js';
import { sinceVersion } from './command/since.js';
import type { CommandSpec } from './command/spec.js';
import { GLOBAL_FLAGS, GROUPS } from './command/table.js';
import type { Context } from './context.js';
import { CliError, EXIT_USAGE, messageOf } from './errors.js';
import { complain, type Io, write } from './io.js';
import { HANDLERS } from './run/handlers.js';
import { VERSION } from './version.js';

/** Run the command and end the process with its status. */
export async function start(words: readonly string[]): Promise<void> {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // nobody reads any more: what SIGPIPE ends other programs with
      if (error.code === 'EPIPE') process.exit(141);
      throw error;
    });
  const status = await main(words, { stdin, stdout, stderr, env });
  await Promise.all([write(stdout, ' '.slice(1)), write(stderr, ' '.slice(1))]);
  await drained(stdout);
  await drained(stderr);
  process.exit(status);
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return stream.writableLength === 0 ? Promise.resolve() : new Promise((resolve) => stream.write('', () => resolve()));
}

const DEPRECATED = 'Flag shorthand -h has been deprecated, use --help\n';

const LEVELS = new Set(['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace']);

/** The exit status of a command line. */
export async function main(words: readonly string[], io: Io): Promise<number> {
  let isDebug = io.env['DEBUG'] === '1';
  try {
    const globals = readGlobals(words);
    isDebug ||= globals.flags.bool('debug');
    const level = globals.flags.string('log-level');
    if (!LEVELS.has(level)) throw new CliError(`Unable to parse logging level: ${level}`);
    return await dispatch(globals, io);
  } catch (error) {
    const message = isDebug && error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    if (message !== '') complain(cleaned(message));
    return error instanceof CliError ? error.exitCode : 1;
  }
}

/** An engine's or container's words may not steer the terminal. */
const cleaned = (text: string): string => text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');

function readGlobals(words: readonly string[]): Parsed {
  try {
    return parseFlags(GLOBAL_FLAGS, words, true);
  } catch (error) {
    if (error instanceof FlagProblem)
      throw new CliError(
        `${error.message}\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information`,
        EXIT_USAGE,
      );
    throw error;
  }
}

async function dispatch({ flags: globals, args, wantsHelp }: Parsed, io: Io): Promise<number> {
  const language = chooseLanguage({ option: globals.string('lang'), env: io.env });
  const columns = io.stdout.isTTY ? io.stdout.columns : 80;
  if (globals.bool('version')) {
    await write(io.stdout, `Docker version ${VERSION}, build glassbox\n`);
    return 0;
  }
  const words = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
  if (words.length === 0 || wantsHelp || (words.length === 1 && words[0] === '--help')) {
    // asked for, it is an answer; else it is what is missing
    const isAsked = wantsHelp || words.length > 0;
    const directory = configDirectory(globals.string('config'), io.env);
    await write(isAsked ? io.stdout : io.stderr, rootHelp(language, columns, directory));
    return 0;
  }
  if (words[0] === '__complete') {
    const { complete } = await import('./run/complete.js');
    return complete(words.slice(1), io, () => engineFor(globals, io, configFor(globals, io)));
  }
  const found = findCommand(words);
  if (found.kind === 'refused') throw new CliError(`docker: 'docker ${found.name}' ${found.why}`);
  if (found.kind === 'unknown') {
    if (args[0] === 'help') throw new CliError(`unknown help topic: ${found.name}`);
    throw unknownCommand(found.name, found.group);
  }
  if (found.kind === 'group') return showGroup(found.name, found.words, io, language);
  const { spec, called } = found;
  const parsed = readFlags(spec, called, found.words);
  if (parsed.wantsHelp) {
    if (parsed.wantsHelpShortly) await write(io.stdout, DEPRECATED);
    await write(io.stdout, commandHelp(spec, called, language, columns));
    return 0;
  }
  const refused = spec.flags.find((one) => one.refused === true && parsed.flags.changed(one.name));
  if (refused !== undefined) throw refusedFlag(refused.name);
  const problem = argumentError(spec, called, parsed.args.length);
  if (problem !== null) throw problem;
  const handler = HANDLERS[spec.names[0] ?? ''];
  if (handler === undefined) throw new Error(`docker ${called} has no handler`);
  const context = contextOf(spec, called, parsed, globals, io, language);
  await requireVersions(context);
  return (await handler())(context);
}

/** A flag that the engine is too old for is told before anything is done. */
async function requireVersions(context: Context): Promise<void> {
  const { spec, flags } = context;
  for (const { name } of spec.flags) {
    const wanted = flags.changed(name) ? sinceVersion(spec.names[0] ?? '', name) : undefined;
    if (wanted !== undefined && !(await context.engine.atLeast(wanted)))
      throw new CliError(
        `"--${name}" requires API version ${wanted}, but the Docker daemon API version is ${await context.engine.version()}`,
      );
  }
}

function readFlags(spec: CommandSpec, called: string, words: readonly string[]): Parsed {
  try {
    return parseCommand(spec, words);
  } catch (error) {
    if (error instanceof FlagProblem) throw flagError(spec, called, error.message);
    throw error;
  }
}

async function showGroup(name: string, words: readonly string[], io: Io, language: Language): Promise<number> {
  const [flag] = words;
  if (flag !== undefined && flag !== '--help' && flag !== '-h' && GROUPS.has(name)) {
    const what = flag.startsWith('--')
      ? `unknown flag: ${flag.replace(/=.*/s, '')}`
      : `unknown shorthand flag: '${flag[1] ?? ''}' in ${flag}`;
    throw new CliError(
      `${what}\n\nUsage:  docker ${name} COMMAND\n\nRun 'docker ${name} --help' for more information`,
      EXIT_USAGE,
    );
  }
  if (flag === '-h') await write(io.stdout, DEPRECATED);
  // as above
  await write(flag === undefined ? io.stderr : io.stdout, groupHelp(name, language));
  return 0;
}

function configFor(globals: Flags, io: Io): ConfigFile {
  return loadConfig(configDirectory(globals.string('config'), io.env), complain);
}

function engineFor(globals: Flags, io: Io, config: ConfigFile): Engine {
  const host = resolveHost(globals, io.env, configDirectory(globals.string('config'), io.env));
  return new Engine(host, { version: io.env['DOCKER_API_VERSION'], headers: config.headers });
}

function contextOf(
  spec: CommandSpec,
  called: string,
  parsed: Parsed,
  globals: Flags,
  io: Io,
  language: Language,
): Context {
  let config: ConfigFile | undefined;
  let engine: Engine | undefined;
  return {
    ...io,
    spec,
    called,
    flags: parsed.flags,
    args: parsed.args,
    globals,
    language,
    get config() {
      config ??= configFor(globals, io);
      return config;
    },
    get engine() {
      engine ??= engineFor(globals, io, this.config);
      return engine;
    },
  };
}
