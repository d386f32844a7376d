import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { connect } from 'node:net';
import { EngineError } from '../../../kernel/errors.js';

export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Whose certificates clients must show; absent: any client is taken, which is warned of. */
  readonly ca?: string | Buffer;
}

/** Where the API is served: a unix socket's path, a socket that is open already (socket activation), or TCP. */
export type Listener =
  | { readonly unix: string; readonly group?: string }
  | { readonly fd: number }
  | { readonly host: string; readonly port: number; readonly tls?: TlsFiles };

const SOCKET_MODE = 0o660;
/** Connections that wait to be taken; who finds no place gets EAGAIN, unix(7). The kernel's own limit is net.core.somaxconn, as in Go. */
const BACKLOG = 4096;

/** Begin to listen: the address in the words of `docker -H`. */
export async function listen(server: HttpServer | HttpsServer, listener: Listener): Promise<string> {
  if ('unix' in listener) {
    await removeStale(listener.unix);
    // Nobody connects between the socket's birth and its mode: bind(2) applies the umask.
    const before = process.umask(0o777 & ~0o600);
    try {
      await listening(server, () => server.listen({ path: listener.unix, backlog: BACKLOG }));
    } finally {
      process.umask(before);
    }
    if (process.geteuid?.() === 0) chownSync(listener.unix, 0, groupId(listener.group ?? 'docker'));
    chmodSync(listener.unix, SOCKET_MODE);
    return `unix://${listener.unix}`;
  }
  if ('fd' in listener) {
    await listening(server, () => server.listen({ fd: listener.fd, backlog: BACKLOG }));
    return `fd://${listener.fd}`;
  }
  await listening(server, () => server.listen({ host: listener.host, port: listener.port, backlog: BACKLOG }));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listener.port;
  return `tcp://${listener.host.includes(':') ? `[${listener.host}]` : listener.host}:${port}`;
}

/** What dockerd says of a listener that gives the machine away, in `docker info`. */
export function warningOf(listener: Listener, address: string): string | null {
  if (!('port' in listener) || listener.tls?.ca !== undefined) return null;
  const [scheme, lack] =
    listener.tls === undefined ? ['http', 'without encryption'] : ['https', 'without TLS client verification'];
  return `WARNING: API is accessible on ${address.replace('tcp', scheme)} ${lack}.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more information: https://docs.docker.com/go/attack-surface/`;
}

function listening(server: HttpServer | HttpsServer, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    begin();
  });
}

/** A socket that nobody answers on is left from an engine that was killed; one that is answered on is somebody's. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new EngineError('AlreadyExists', `can't create unix socket ${path}: it is no socket`);
  if (await isAnswered(path)) throw new EngineError('AlreadyExists', `can't create unix socket ${path}: it is in use`);
  unlinkSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? resolve(false) : reject(error),
    );
  });
}

/** The group that may use the socket, group(5); root's where there is none of that name. */
function groupId(name: string): number {
  let text: string;
  try {
    text = readFileSync('/etc/group', 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`));
  return Number(line?.split(':')[2] ?? 0);
}
