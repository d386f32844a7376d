import type { Engine } from '../client/engine.js';
import { completionScript, type Shell } from '../command/completion.js';
import { findCommand } from '../command/find.js';
import type { CommandSpec } from '../command/spec.js';
import { COMMANDS, GLOBAL_FLAGS, GROUPS } from '../command/table.js';
import type { Handler } from '../context.js';
import { CliError } from '../errors.js';
import { type Io, write } from '../io.js';

export const script =
  (shell: Shell): Handler =>
  async (context) => {
    await write(context.stdout, completionScript(shell));
    return 0;
  };

/** `docker __complete WORDS… LAST`: the words that can stand for LAST, one a line. What an engine would have to say is left out when there is none. */
export async function complete(words: readonly string[], io: Io, engine: () => Engine): Promise<number> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const candidates = await candidatesFor(withoutGlobals(before), last, engine);
  const fitting = [...new Set(candidates)].filter((one) => one.startsWith(last)).sort();
  await write(io.stdout, fitting.map((one) => `${one}\n`).join(''));
  return 0;
}

function withoutGlobals(words: readonly string[]): readonly string[] {
  let at = 0;
  while (at < words.length && words[at]?.startsWith('-') === true) {
    const name = words[at]?.replace(/^--?/, '') ?? '';
    const flag = GLOBAL_FLAGS.find((one) => one.name === name || one.short === name);
    at += flag !== undefined && flag.kind !== 'bool' ? 2 : 1;
  }
  return words.slice(at);
}

async function candidatesFor(words: readonly string[], last: string, engine: () => Engine): Promise<string[]> {
  if (words.length === 0) {
    if (last.startsWith('-'))
      return GLOBAL_FLAGS.filter(({ hidden }) => hidden !== true).map(({ name }) => `--${name}`);
    return [...GROUPS.keys(), ...COMMANDS.flatMap(({ names }) => names.filter((name) => !name.includes(' ')))];
  }
  const found = findCommand(words);
  if (found.kind === 'group')
    return COMMANDS.flatMap(({ names }) =>
      names.flatMap((name) => (name.startsWith(`${found.name} `) ? [name.slice(found.name.length + 1)] : [])),
    );
  if (found.kind !== 'command') return [];
  if (last.startsWith('-'))
    return [
      ...found.spec.flags
        .filter(({ hidden, refused }) => hidden !== true && refused !== true)
        .map(({ name }) => `--${name}`),
      '--help',
    ];
  const previous = words.at(-1) ?? '';
  const flag = found.spec.flags.find(({ name, short }) => previous === `--${name}` || previous === `-${short ?? ''}`);
  if (flag !== undefined && flag.kind !== 'bool') return valuesOf(flag.name, engine);
  return objectsFor(found.spec, engine);
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  restart: ['always', 'no', 'on-failure', 'unless-stopped'],
  pull: ['always', 'missing', 'never'],
  format: ['json', 'table'],
  signal: ['HUP', 'INT', 'KILL', 'QUIT', 'TERM', 'USR1', 'USR2'],
};

async function valuesOf(flag: string, engine: () => Engine): Promise<string[]> {
  if (flag === 'network' || flag === 'net') return names(engine, 'network');
  return [...(VALUES[flag] ?? [])];
}

async function objectsFor(spec: CommandSpec, engine: () => Engine): Promise<string[]> {
  const { usage, names: called } = spec;
  const name = called[0] ?? '';
  if (name.startsWith('network ') && usage.includes('NETWORK') && name !== 'network create')
    return names(engine, 'network');
  if (name.startsWith('volume ') && usage.includes('VOLUME [')) return names(engine, 'volume');
  if (
    /IMAGE|REPOSITORY|NAME\[:TAG\]/.test(usage) &&
    !usage.startsWith('CONTAINER') &&
    name !== 'image pull' &&
    name !== 'container commit'
  )
    return names(engine, 'image');
  if (usage.includes('CONTAINER') || name === 'inspect') return names(engine, 'container');
  return [];
}

async function names(engine: () => Engine, kind: 'container' | 'image' | 'network' | 'volume'): Promise<string[]> {
  try {
    const ask = engine();
    switch (kind) {
      case 'container':
        return (
          await ask.json<readonly { Names: readonly string[] }[]>('GET', '/containers/json', { query: { all: true } })
        ).flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')));
      case 'image':
        return (await ask.json<readonly { RepoTags: readonly string[] | null }[]>('GET', '/images/json')).flatMap(
          ({ RepoTags }) => (RepoTags ?? []).filter((name) => name !== '<none>:<none>'),
        );
      case 'network':
        return (await ask.json<readonly { Name: string }[]>('GET', '/networks')).map(({ Name }) => Name);
      case 'volume':
        return ((await ask.json<{ Volumes: readonly { Name: string }[] | null }>('GET', '/volumes')).Volumes ?? []).map(
          ({ Name }) => Name,
        );
    }
  } catch (error) {
    // a shell that completes shows no errors: without an engine there are no names
    if (error instanceof CliError) return [];
    throw error;
  }
}
