import { closeSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { cutText } from '../../../kernel/cut-text.js';
import { hideInWords } from '../../../kernel/journal/secrets.js';
import { realKernel } from '../../../kernel/kernel.js';
import type { StoryCaller } from '../../types.js';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** Bytes of a command line that are read. */
const MAX_COMMAND = 4096;
const MAX_AGENT = 200;

const known = new WeakMap<Duplex, Omit<StoryCaller, 'agent'>>();

/** Who is at the other end of a connection; asked once for each. */
export function callerOf(socket: Duplex, agent: string | undefined): StoryCaller {
  const found = known.get(socket) ?? look(socket);
  known.set(socket, found);
  return { ...found, agent: agent === undefined ? null : cutText(agent, MAX_AGENT) };
}

function look(socket: Duplex): Omit<StoryCaller, 'agent'> {
  if (!(socket instanceof Socket)) return { pid: null, uid: null, address: null, command: null };
  if (socket.remoteAddress !== undefined)
    return { pid: null, uid: null, address: `${socket.remoteAddress}:${socket.remotePort}`, command: null };
  const peer = peerOf(socket);
  return { ...peer, address: null, command: peer.pid === null || peer.pid === 0 ? null : commandOf(peer.pid) };
}

/** unix(7), SO_PEERCRED: struct ucred of whoever connected. A pid of another namespace is 0. */
function peerOf(socket: Socket): { pid: number | null; uid: number | null } {
  const { _handle } = socket as unknown as { _handle?: { fd?: unknown } };
  const fd = _handle?.fd;
  if (typeof fd !== 'number' || fd < 0) return { pid: null, uid: null };
  const ucred = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeInt32LE(ucred.length);
  if (realKernel.call('getsockopt', fd, SOL_SOCKET, SO_PEERCRED, ucred, length) < 0) return { pid: null, uid: null };
  return { pid: ucred.readInt32LE(0), uid: ucred.readUInt32LE(4) };
}

/** The words of a process, as it was started; null when it has ended or shows none. */
function commandOf(pid: number): string | null {
  let fd = -1;
  try {
    fd = openSync(`/proc/${pid}/cmdline`, 'r');
    const bytes = Buffer.alloc(MAX_COMMAND);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
    const words = text.split('\0').filter((word, n, all) => word !== '' || n < all.length - 1);
    return words.length === 0 ? null : typed(words);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** What runs a script: the script is what was typed. */
const INTERPRETER = /(^|\/)(node|nodejs|python3?)$/;

/** Docker's command and ours: of these the options that take a secret are known. */
const DOCKER = /^(docker|glassbox-docker(\.mjs)?)$/;

/**
 * The words of a docker command as they were typed: without the path of the program, without its interpreter, without secrets.
 * Of any other program the name alone: which of its words is a password nobody knows.
 */
export function typed(words: readonly string[]): string {
  const script = INTERPRETER.test(words[0] ?? '') ? words.slice(words[1] === '--' ? 2 : 1) : [];
  const own = script.length > 0 && script[0]?.startsWith('-') !== true ? script : words;
  const file = (own[0] ?? '').split('/').at(-1) ?? '';
  const shown = DOCKER.test(file) ? ['docker', ...hideInWords(own.slice(1), own.includes('login'))] : [file];
  return shown.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(' ');
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
