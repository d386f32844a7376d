import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Publication } from '../record.js';

/** Docker's time after which a UDP conversation without traffic is forgotten. */
const UDP_IDLE_MS = 90_000;
/** Conversations of one UDP port at once; the oldest goes. */
const MAX_UDP_CLIENTS = 1024;
const BACKLOG = 1024;

/** A held port. Until it is closed nobody else can have it. */
export interface PortProxy {
  close(): Promise<void>;
}

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

/** Hold a port of the host and carry what arrives there to a container. Rejects with Node's own error when it cannot be held. */
export function openProxy(published: Publication, upstream: Upstream): Promise<PortProxy> {
  switch (published.protocol) {
    case 'tcp':
      return openTcp(published, upstream);
    case 'udp':
      return openUdp(published, upstream);
    case 'sctp':
      // Node has no SCTP: the firewall alone carries it
      return Promise.resolve({ close: () => Promise.resolve() });
  }
}

async function openTcp({ hostIp, hostPort }: Publication, { address, port }: Upstream): Promise<PortProxy> {
  const open = new Set<Socket>();
  const track = (socket: Socket): void => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const container = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, container]) track(socket);
    const end = (): void => {
      client.destroy();
      container.destroy();
    };
    // either side may go away at any time: so does the other
    for (const socket of [client, container]) socket.on('error', end);
    container.on('connect', () => {
      client.pipe(container);
      container.pipe(client);
    });
    client.on('close', () => container.destroySoon());
    container.on('close', () => client.destroySoon());
  });
  await listening(server, hostIp, hostPort);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true, ipv6Only: true, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function openUdp({ hostIp, hostPort }: Publication, { address, port }: Upstream): Promise<PortProxy> {
  const type = hostIp.includes(':') ? 'udp6' : 'udp4';
  const server = createSocket({ type, ipv6Only: type === 'udp6' });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.bind({ address: hostIp, port: hostPort, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const clients = new Map<string, { readonly socket: UdpSocket; idle: NodeJS.Timeout }>();
  const forget = (key: string): void => {
    const client = clients.get(key);
    if (client === undefined) return;
    clients.delete(key);
    clearTimeout(client.idle);
    client.socket.close();
  };
  const clientOf = (key: string, from: RemoteInfo): UdpSocket => {
    const known = clients.get(key);
    if (known !== undefined) {
      known.idle.refresh();
      return known.socket;
    }
    if (clients.size >= MAX_UDP_CLIENTS) forget(clients.keys().next().value ?? '');
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    // nobody listens in the container (ECONNREFUSED): the datagram is lost, as datagrams are
    socket.on('error', () => forget(key));
    socket.on('message', (bytes) => {
      clients.get(key)?.idle.refresh();
      server.send(bytes, from.port, from.address);
    });
    clients.set(key, { socket, idle: setTimeout(() => forget(key), UDP_IDLE_MS).unref() });
    return socket;
  };
  server.on('message', (bytes, from) => {
    clientOf(`${from.address} ${from.port}`, from).send(bytes, port, address);
  });
  // an ICMP answer to what was sent to a client that is gone
  server.on('error', () => undefined);
  return {
    close: () =>
      new Promise((resolve) => {
        for (const key of clients.keys()) forget(key);
        server.close(() => resolve());
      }),
  };
}
