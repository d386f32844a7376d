import { chmodSync, mkdirSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { wordsOf } from '../../kernel/errno-text.js';
import { inUserNamespace } from '../../kernel/procfs/id-map.js';
import type { OciRuntime } from '../types.js';
import { CliError } from './failure.js';
import { FlagError, type Flags, parseBool, parseFlags } from './flags.js';
import { Log, type LogTarget } from './log.js';
import { type Command, findCommand, GLOBAL_FLAGS, PROGRAM } from './table.js';
import { defaultRoot, packageVersion, type World, writeAll } from './world.js';

/** Version of runtime-spec that is followed. */
export const SPEC_VERSION = '1.2.0';
const EXIT_NO_COMMAND = 3;

/** A command that was understood, and what it may use. */
export interface Invocation {
  readonly command: Command;
  readonly globals: Flags;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly world: World;
  readonly log: Log;
  /** The runtime on --root. */
  readonly runtime: () => Promise<OciRuntime>;
}

/**
 * `glassbox-runtime`.
 * @param argv the words after the program's name
 * @returns the exit code
 */
export async function main(argv: readonly string[], world: World): Promise<number> {
  const target: LogTarget = { write: world.err, format: 'text', terminal: world.errIsTerminal, debug: false };
  const log = new Log(target);
  try {
    return await run(argv, world, log, target);
  } catch (error) {
    const message = wordsOf(error);
    log.error(message);
    if (log.target.write !== world.err) world.err(`${message}\n`);
    if (error instanceof Error && log.target.debug) log.debug(error.stack ?? '');
    return error instanceof CliError ? error.exitCode : 1;
  }
}

async function run(argv: readonly string[], world: World, log: Log, target: LogTarget): Promise<number> {
  const globals = await readGlobals(argv, world);
  const { flags, rest } = globals;
  if (flags.bool('version')) {
    world.out(versionText());
    return 0;
  }
  const root = flags.isSet('root') ? resolve(world.cwd, flags.string('root')) : rootOfUser(world);
  const [name = 'help', ...words] = rest;
  if (flags.bool('help') || name === 'help' || name === 'h') {
    await showHelp(flags.bool('help') ? undefined : words[0], world, root);
    return 0;
  }
  if (root === '/') throw new CliError('Option --root argument should not be set to /');
  log.to(logTarget(flags, target, world));
  const command = findCommand(name);
  if (command === undefined) throw noCommand(name);
  const invocation = await readCommand(command, words, world);
  if (invocation === null) return 0;
  if (!flags.isSet('root')) makeRootOfUser(root, world);
  const { dispatch } = await import('./dispatch.js');
  return dispatch({
    ...invocation,
    command,
    globals: flags,
    world,
    log,
    runtime: () =>
      world.open({
        root,
        warn: (message) => log.warn(message),
        debug: (message) => log.debug(message),
        rootless: rootlessOf(flags),
      }),
  });
}

const noCommand = (name: string): CliError => new CliError(`No help topic for '${name}'`, EXIT_NO_COMMAND);

async function readGlobals(argv: readonly string[], world: World): Promise<{ flags: Flags; rest: string[] }> {
  try {
    return parseFlags(GLOBAL_FLAGS, argv, false);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    world.out(`Incorrect Usage. ${error.message}\n\n`);
    await showHelp(undefined, world, rootOfUser(world));
    throw error;
  }
}

/** Null when its help was asked for and shown. */
async function readCommand(
  command: Command,
  words: readonly string[],
  world: World,
): Promise<{ flags: Flags; args: string[] } | null> {
  const { HELP_FLAG } = await import('./table.js');
  try {
    const { flags, rest } = parseFlags([...command.flags, HELP_FLAG], words, command.flagsFirst !== true);
    if (flags.bool('help')) {
      await showHelp(command.name, world, '');
      return null;
    }
    const bound =
      command.least === command.most
        ? rest.length !== command.least && `exactly ${command.least}`
        : rest.length < command.least
          ? `a minimum of ${command.least}`
          : rest.length > command.most && `a maximum of ${command.most}`;
    if (bound === false) return { flags, args: rest };
    world.out('Incorrect Usage.\n\n');
    await showHelp(command.name, world, '');
    throw new CliError(`${PROGRAM}: "${command.name}" requires ${bound} argument(s)`);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    world.out(`Incorrect Usage: ${error.message}\n\n`);
    await showHelp(command.name, world, '');
    throw error;
  }
}

async function showHelp(name: string | undefined, world: World, root: string): Promise<void> {
  const { helpOf, programHelp } = await import('./help.js');
  const text = name === undefined ? programHelp(versionText(), root) : helpOf(name);
  if (text === null) throw noCommand(name ?? '');
  world.out(text);
}

/**
 * runc's lines, of which dockerd takes "version" and "commit:" (parseRuntimeVersion) and containerd's go-runc "spec: ". As in
 * distributions' packages of runc the commit is what the package calls itself.
 */
function versionText(): string {
  const version = packageVersion();
  return `${PROGRAM} version ${version}\ncommit: ${version}\nspec: ${SPEC_VERSION}\nnode: ${process.versions.node}\n`;
}

function logTarget(flags: Flags, target: LogTarget, world: World): LogTarget {
  const format = flags.string('log-format');
  if (format !== 'text' && format !== 'json' && format !== '') throw new CliError(`invalid log-format: ${format}`);
  const common = { ...target, format: format === 'json' ? 'json' : 'text', debug: flags.bool('debug') } as const;
  const file = flags.string('log');
  if (file === '') return common;
  const fd = openLog(resolve(world.cwd, file), file);
  return { ...common, terminal: () => false, write: (line) => writeAll(fd, line) };
}

function openLog(path: string, given: string): number {
  try {
    return openSync(path, 'as', 0o644);
  } catch (error) {
    throw new CliError(wordsOf(error, `open ${given}`));
  }
}

function rootlessOf(flags: Flags): boolean | null {
  const word = flags.string('rootless');
  if (word === '' || word.toLowerCase() === 'auto') return null;
  const value = parseBool(word);
  if (value === null) throw new CliError(`strconv.ParseBool: parsing ${JSON.stringify(word)}: invalid syntax`);
  return value;
}

const rootOfUser = (world: World): string => defaultRoot(world.env, process.geteuid?.() ?? 0, inUserNamespace);

/** The sticky bit keeps it from being cleaned away (XDG Base Directory Specification, $XDG_RUNTIME_DIR). */
function makeRootOfUser(root: string, world: World): void {
  if (root !== `${world.env['XDG_RUNTIME_DIR']}/glassbox-runtime`) return;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  chmodSync(root, 0o1700);
}
