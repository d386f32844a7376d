import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { EngineError } from '../../kernel/errors.js';
import { parseJson } from './json.js';
import { parseHooks } from './parse-hooks.js';
import { parseLinux } from './parse-linux.js';
import { parseMount } from './parse-mounts.js';
import { parseProcessAt } from './parse-process.js';
import { parseResourcesAt } from './parse-resources.js';
import {
  type At,
  fail,
  flag,
  isAbsent,
  list,
  MAX_PATH,
  map,
  member,
  objectOf,
  optional,
  present,
  text,
} from './read.js';
import type { Spec, SpecProcess, SpecResources } from './types.js';

/** Bytes. execve(2) takes at most 6 MiB of arguments and environment: twice that for JSON's escapes, and room for the rest. */
export const MAX_SPEC_BYTES = 16 << 20;
const MAX_ANNOTATION = 1 << 20;

/**
 * config.json as a typed value; unknown members are ignored, as the specification asks ("Extensibility"). Give it what
 * `parseJson` made: in what JSON.parse made, numbers above 2^53 are lost and refused. Throws EngineError (InvalidArgument).
 */
export function parseSpec(json: unknown): Spec {
  const at = document(json, 'the specification');
  const root = member(at, 'root');
  if (objectOf(root) === undefined) return fail(root, 'an object: root must be specified');
  return present({
    ociVersion: text(member(at, 'ociVersion'), 255) ?? '',
    root: present({ path: text(member(root, 'path'), MAX_PATH) ?? '', readonly: flag(member(root, 'readonly')) }),
    process: optional(member(at, 'process'), parseProcessAt),
    hostname: hostName(member(at, 'hostname')),
    domainname: hostName(member(at, 'domainname')),
    mounts: list(member(at, 'mounts'), parseMount),
    hooks: parseHooks(member(at, 'hooks')),
    annotations: map(member(at, 'annotations'), (one) => text(one, MAX_ANNOTATION) ?? ''),
    linux: parseLinux(member(at, 'linux')),
  });
}

/** The document of `exec --process`. */
export function parseProcess(json: unknown): SpecProcess {
  return parseProcessAt(document(json, 'the process'));
}

/** The document of `update --resources`. */
export function parseResources(json: unknown): SpecResources {
  return parseResourcesAt(document(json, 'the resources'));
}

/** Reads and parses a config.json. A message begins with the path of the file. */
export function readSpecFile(path: string): Spec {
  try {
    return parseSpec(readJsonFile(path, { regular: true }));
  } catch (error) {
    if (!(error instanceof EngineError) || error.message.includes(path)) throw error;
    throw new EngineError(error.code, `${path}: ${error.message}`, { cause: error, details: { ...error.details } });
  }
}

/**
 * A JSON file of at most MAX_SPEC_BYTES, or the descriptor of one (0: standard input), for one of the parsers above. A pipe is
 * read to its end, unless only a regular file will do: a bundle could hold a FIFO that nobody writes to.
 */
export function readJsonFile(path: string | number, options: { readonly regular?: boolean } = {}): unknown {
  if (typeof path === 'number') return parseJson(readBounded(path, 'standard input').toString('utf8'));
  const fd = open(path, options.regular === true ? constants.O_NONBLOCK : 0);
  try {
    if (options.regular === true && !fstatSync(fd).isFile())
      throw new EngineError('InvalidArgument', `${path} is not a regular file`);
    return parseJson(readBounded(fd, path).toString('utf8'));
  } finally {
    closeSync(fd);
  }
}

/** Never more than allowed, however long the file is or becomes. */
function readBounded(fd: number, name: string): Buffer {
  const chunks: Buffer[] = [];
  for (let length = 0; length <= MAX_SPEC_BYTES; ) {
    const chunk = Buffer.allocUnsafe(1 << 16);
    const count = read(fd, chunk, name);
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
    length += count;
  }
  throw new EngineError('InvalidArgument', `${name} is longer than ${MAX_SPEC_BYTES} bytes`);
}

function read(fd: number, into: Buffer, name: string): number {
  try {
    return readSync(fd, into);
  } catch (error) {
    throw new EngineError('InvalidArgument', `read ${name}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
}

function open(path: string, flags: number): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOCTTY | flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT'
      ? new EngineError('NotFound', `JSON specification file ${path} not found`, { cause: error })
      : new EngineError('InvalidArgument', `open ${path}: ${code}`, { cause: error });
  }
}

function document(json: unknown, name: string): At {
  const at = { value: json, path: '' };
  if (isAbsent(at) || typeof json !== 'object' || Array.isArray(json)) fail({ ...at, path: name }, 'an object');
  return at;
}

/** sethostname(2): at most 64 bytes. */
function hostName(at: At): string | undefined {
  const value = text(at, 64);
  return value === '' ? undefined : value;
}
