import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Context, type Handler, say, warn } from '../context.js';
import { CliError, fileMessage } from '../errors.js';
import { printable } from '../format/formatter.js';
import { showProgress } from '../format/progress.js';
import { familiarName, parseReference } from '../format/reference.js';
import { write } from '../io.js';
import { checkPlatform } from '../opts/platform.js';
import { container } from './each.js';

/** Commands that move whole archives. */

/** To a file that exists only when it is complete, or to standard output unless that is a terminal. */
async function deliver(context: Context, path: string, what: string, answer: () => Promise<Readable>): Promise<void> {
  if (path === '') {
    if (context.stdout.isTTY)
      throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    for await (const chunk of (await answer()) as AsyncIterable<Buffer>) await write(context.stdout, chunk);
    return;
  }
  const invalid = (why: string): CliError => new CliError(`failed to ${what}: invalid output path: ${why}`);
  const parent = dirname(path);
  if (!existsSync(parent)) throw invalid(`stat ${parent}: no such file or directory`);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) throw new CliError(`failed to ${what}: cannot write to a directory`);
  if (there !== undefined && !there.isFile()) {
    // a pipe or a device is written to as it is
    await pipeline(await answer(), createWriteStream(path));
    return;
  }
  const temporary = `${path}.${process.pid}.part`;
  try {
    await pipeline(await answer(), createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

export const save: Handler = async (context) => {
  const { flags, args, engine } = context;
  const query = { names: args, platform: platforms(flags.list('platform')) };
  await deliver(context, flags.string('output'), 'save image', () => engine.request('GET', '/images/get', { query }));
  return 0;
};

function platforms(values: readonly string[]): readonly string[] | undefined {
  if (values.length === 0) return undefined;
  return values
    .flatMap((value) => value.split(','))
    .map((text) => {
      checkPlatform(text);
      const [os = '', architecture = '', variant = ''] = text.split('/');
      return JSON.stringify({ os, architecture, ...(variant === '' ? {} : { variant }) });
    });
}

export const exportContainer: Handler = async (context) => {
  const { flags, args, engine } = context;
  await deliver(context, flags.string('output'), 'export container', () =>
    engine.request('GET', container(args[0] ?? '', '/export')),
  );
  return 0;
};

function openFile(path: string): Readable {
  try {
    statSync(path);
  } catch (error) {
    throw new CliError(fileMessage(error, 'open', path), 1, { cause: error });
  }
  return createReadStream(path);
}

export const load: Handler = async (context) => {
  const { flags, engine } = context;
  const path = flags.string('input');
  if (path === '' && context.stdin.isTTY) throw new CliError('requested load from stdin, but stdin is empty');
  const stream = path === '' ? context.stdin : openFile(path);
  const answer = await engine.request('POST', '/images/load', {
    query: {
      quiet: flags.bool('quiet') || !context.stdout.isTTY || undefined,
      platform: platforms(flags.list('platform')),
    },
    stream,
    headers: { 'content-type': 'application/x-tar' },
  });
  if (String(answer.headers['content-type']).startsWith('application/json')) await showProgress(answer, context.stdout);
  else for await (const chunk of answer as AsyncIterable<Buffer>) await write(context.stdout, chunk);
  return 0;
};

export const importImage: Handler = async (context) => {
  const { flags, args, engine } = context;
  const [source = '', target = ''] = args;
  const isUrl = /^https?:\/\//.test(source);
  const stream = isUrl ? undefined : source === '-' ? context.stdin : openFile(source);
  const reference = target === '' ? null : parseReference(target);
  const answer = await engine.request('POST', '/images/create', {
    query: {
      fromSrc: isUrl ? source : '-',
      repo: reference === null ? undefined : familiarName(reference),
      tag: reference?.tag ?? undefined,
      message: flags.string('message') || undefined,
      changes: flags.list('change'),
      platform: flags.string('platform') || undefined,
    },
    headers: { 'content-type': 'application/x-tar' },
    ...(stream === undefined ? {} : { stream }),
  });
  await showProgress(answer, context.stdout);
  return 0;
};

/** docker commit. */
export const commit: Handler = async (context) => {
  const { flags, args, engine } = context;
  const [name = '', target = ''] = args;
  const reference = target === '' ? null : parseReference(target);
  if (flags.changed('no-pause') && flags.changed('pause')) await warn(context, '--pause is deprecated: use --no-pause');
  const made = await engine.json<{ Id: string }>('POST', '/commit', {
    query: {
      container: name,
      repo: reference === null ? undefined : familiarName(reference),
      tag: reference?.tag ?? undefined,
      comment: flags.string('message') || undefined,
      author: flags.string('author') || undefined,
      changes: flags.list('change'),
      pause: flags.bool('pause') ? undefined : false,
    },
    body: {},
  });
  await say(context, printable(made.Id));
  return 0;
};
