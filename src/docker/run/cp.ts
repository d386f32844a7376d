import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, posix, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { EngineError } from '../client/engine.js';
import { type Context, type Handler, warn } from '../context.js';
import { CliError } from '../errors.js';
import { humanSize } from '../format/units.js';
import { write } from '../io.js';
import { extractTar } from '../tar/extract.js';
import { writeTar } from '../tar/write.js';
import { container } from './each.js';

/** What the engine says of a path in a container, in a header. */
interface PathStat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly linkTarget: string;
}

/** Go's os.FileMode bits. */
const MODE_DIR = 2 ** 31;
const MODE_SYMLINK = 2 ** 27;
const has = (mode: number, bit: number): boolean => Math.trunc(mode / bit) % 2 === 1;

/** docker cp, in either direction; `-` is a tar archive. */
export const cp: Handler = async (context) => {
  const [from = '', to = ''] = context.args;
  const [source, target] = [split(from), split(to)];
  if (from === '') throw new CliError('source can not be empty');
  if (to === '') throw new CliError('destination can not be empty');
  if (source.name !== '' && target.name !== '') throw new CliError('copying between containers is not supported');
  if (source.name !== '') return fromContainer(context, source.name, source.path, target.path);
  if (target.name !== '') return toContainer(context, source.path, target.name, target.path);
  throw new CliError('must specify at least one container source');
};

/** `NAME:PATH` apart; a path that is absolute or begins with a point is a local one. */
function split(text: string): { readonly name: string; readonly path: string } {
  const colon = text.indexOf(':');
  if (isAbsolute(text) || colon < 0 || text.startsWith('.')) return { name: '', path: text };
  return { name: text.slice(0, colon), path: text.slice(colon + 1) };
}

async function statIn(context: Context, name: string, path: string): Promise<PathStat> {
  const answer = await context.engine
    .request('HEAD', container(name, '/archive'), { query: { path } })
    .catch((error: unknown) => {
      // HEAD has no body: the engine's words are those that GET would have
      if (error instanceof EngineError && error.status === 404) throw new EngineError(404, '');
      throw error;
    });
  answer.resume();
  return readStat(answer.headers['x-docker-container-path-stat']);
}

function readStat(header: string | string[] | undefined): PathStat {
  const value: unknown = JSON.parse(Buffer.from(String(header ?? ''), 'base64').toString('utf8') || 'null');
  if (typeof value !== 'object' || value === null || !('mode' in value) || typeof value.mode !== 'number')
    throw new CliError('the engine did not say what the path in the container is');
  return value as PathStat;
}

async function fromContainer(context: Context, name: string, given: string, target: string): Promise<number> {
  const { engine, flags } = context;
  let path = given;
  if (flags.bool('follow-link')) {
    const { mode, linkTarget } = await statIn(context, name, path);
    if (has(mode, MODE_SYMLINK))
      path = isAbsolute(linkTarget) ? linkTarget : posix.join(posix.dirname(path), linkTarget);
  }
  const answer = await engine.request('GET', container(name, '/archive'), { query: { path: absolute(path) } });
  if (target === '-') {
    for await (const chunk of answer as AsyncIterable<Buffer>) await write(context.stdout, chunk);
    return 0;
  }
  const stat = readStat(answer.headers['x-docker-container-path-stat']);
  const isDirectory = has(stat.mode, MODE_DIR);
  const wantsContents = /(?:^|\/)\.$/.test(given) || given === '/';
  const plan = planLocal(resolve(target), /\/\.?$/.test(target), isDirectory, wantsContents, stat.name);
  const counted = { bytes: 0 };
  await extractTar(counting(answer, counted), plan.directory, {
    from: stat.name === '/' || stat.name === '.' ? '' : stat.name,
    to: plan.name,
    keepsOwners: flags.bool('archive'),
  });
  await report(context, counted.bytes, target);
  return 0;
}

/** An empty path is the engine's to refuse. */
const absolute = (path: string): string => (path === '' || path.startsWith('/') ? path : `/${path}`);

/** Where a copy goes: cp's rules, as docker documents them. */
function planLocal(
  target: string,
  saysDirectory: boolean,
  isDirectory: boolean,
  wantsContents: boolean,
  name: string,
): { directory: string; name: string } {
  const there = statSync(target, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) return { directory: target, name: wantsContents ? '' : name };
  if (there !== undefined) {
    if (isDirectory) throw new CliError('cannot copy directory');
    if (saysDirectory) throw new CliError('not a directory');
  } else if (saysDirectory && !isDirectory) throw new CliError('no such directory');
  const parent = dirname(target);
  if (statSync(parent, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CliError(`invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  return { directory: parent, name: basename(target) };
}

async function toContainer(context: Context, source: string, name: string, given: string): Promise<number> {
  const { flags } = context;
  let target = absolute(given);
  let there = await statOrNull(context, name, target);
  if (there !== null && has(there.mode, MODE_SYMLINK)) {
    target = isAbsolute(there.linkTarget) ? there.linkTarget : posix.join(posix.dirname(target), there.linkTarget);
    there = await statOrNull(context, name, target);
  }
  const isDirectory = there !== null && has(there.mode, MODE_DIR);
  if (source === '-') {
    if (!isDirectory) throw new CliError(`destination "${name}:${given}" must be a directory`);
    await send(context, name, target, context.stdin);
    return 0;
  }
  const path = flags.bool('follow-link') ? realpathSync(source) : resolve(source);
  const stats = localStat(path, source);
  const wantsContents = /(?:^|\/)\.$/.test(source);
  let [directory, root] = [target, wantsContents ? '' : basename(resolve(source))];
  if (!isDirectory) {
    if (there !== null && stats.isDirectory()) throw new CliError('cannot copy directory');
    if (there === null && /\/\.?$/.test(given) && !stats.isDirectory()) throw new CliError('no such directory');
    [directory, root] = [posix.dirname(target), posix.basename(target)];
  }
  const counted = { bytes: 0 };
  await send(context, name, directory, Readable.from(counting(writeTar(path, root), counted)));
  await report(context, counted.bytes, `${name}:${given}`);
  return 0;
}

/** Docker tells the archive's size, not that of what is in it. */
async function* counting(source: AsyncIterable<Buffer>, counted: { bytes: number }): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    counted.bytes += chunk.length;
    yield chunk;
  }
}

function localStat(path: string, source: string): Stats {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new CliError(`lstat ${isAbsolute(source) ? source : path}: no such file or directory`);
  return stats;
}

/** Null: there is no such path; a container that is absent is told. */
async function statOrNull(context: Context, name: string, path: string): Promise<PathStat | null> {
  try {
    return await statIn(context, name, path);
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== 404) throw error;
    await context.engine.run('GET', container(name, '/json'));
    return null;
  }
}

async function send(context: Context, name: string, path: string, stream: Readable): Promise<void> {
  const query = { path, noOverwriteDirNonDir: 'true', copyUIDGID: context.flags.bool('archive') ? 'true' : undefined };
  const answer = await context.engine.request('PUT', container(name, '/archive'), {
    query,
    stream,
    headers: { 'content-type': 'application/x-tar' },
  });
  for await (const chunk of answer) void chunk;
}

/** On a terminal only, as docker does. */
async function report(context: Context, size: number, target: string): Promise<void> {
  if (context.flags.bool('quiet') || !context.stderr.isTTY) return;
  await warn(context, `Successfully copied ${humanSize(size, 3)} to ${target}`);
}
