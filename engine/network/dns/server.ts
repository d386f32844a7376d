import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { guard } from '../guards.js';
import { listenInside } from '../netns.js';
import type { SandboxRecord } from '../record.js';
import { INTERNAL_NAMESERVER } from '../resolv-conf.js';
import { forward, framed } from './forward.js';
import { type Question, RCODE, readQuestion, writeAnswer } from './message.js';
import { lookUp } from './names.js';

const PORT = 53;
const UDP_LIMIT = 512;
const TCP_LIMIT = 65_535;
/** Questions of one container that wait for others' answers; more are refused, so that it cannot make us open sockets without end. */
const MAX_FORWARDED = 256;
const MAX_CONNECTIONS = 64;
const IDLE_MS = 10_000;

/** What a server must know at each question; it changes while it runs. */
export interface Directory {
  /** Null: the container is gone. */
  asker(): SandboxRecord | null;
  all(): Iterable<SandboxRecord>;
  /** Whom to ask for what is no container's; none: nobody, because the container's networks are internal. */
  upstream(): readonly string[];
}

/** The name server of one sandbox. */
export interface NameServer {
  close(): void;
}

/** Listen at 127.0.0.11 in a sandbox, over UDP and TCP, and answer. */
export function openNameServer(netFd: number, directory: Directory): NameServer {
  const { udp: udpFd, tcp: tcpFd } = listenInside(netFd, INTERNAL_NAMESERVER, PORT);
  let forwarded = 0;

  const answer = async (query: Buffer, over: 'udp' | 'tcp'): Promise<Buffer | null> => {
    const question = readQuestion(query);
    // what cannot be read as a query is not answered: it may be an answer, and two servers would talk for ever
    if (question === null) return null;
    const limit = over === 'udp' ? UDP_LIMIT : TCP_LIMIT;
    if (question.opcode !== 0) return writeAnswer(query, question, { rcode: RCODE.notImplemented, limit });
    const asker = directory.asker();
    const answers = asker === null ? null : lookUp(asker, directory.all(), question);
    if (answers !== null) return writeAnswer(query, question, { rcode: RCODE.ok, answers, limit });
    return outside(query, question, over, limit);
  };

  const outside = async (query: Buffer, question: Question, over: 'udp' | 'tcp', limit: number): Promise<Buffer> => {
    const refuse = (): Buffer => writeAnswer(query, question, { rcode: RCODE.serverFailure, limit });
    const servers = directory.upstream();
    if (servers.length === 0 || (forwarded >= MAX_FORWARDED && guard('forward-bound'))) return refuse();
    forwarded++;
    try {
      return (await forward(query, servers, over)) ?? refuse();
    } finally {
      forwarded--;
    }
  };

  const udp = serveUdp(udpFd, (query) => answer(query, 'udp'));
  const tcp = serveTcp(tcpFd, (query) => answer(query, 'tcp'));
  return {
    close: () => {
      udp.close();
      tcp.close();
    },
  };
}

type Answerer = (query: Buffer) => Promise<Buffer | null>;

function serveUdp(fd: number, answer: Answerer): NameServer {
  const socket: UdpSocket = createSocket('udp4');
  let open = true;
  socket.on('error', () => undefined); // ICMP answers of askers that are gone
  socket.on('message', (query, from) => {
    void answer(query).then((reply) => {
      if (open && reply !== null) socket.send(reply, from.port, from.address);
    });
  });
  socket.bind({ fd });
  return {
    close: () => {
      open = false;
      socket.close();
    },
  };
}

function serveTcp(fd: number, answer: Answerer): NameServer {
  const clients = new Set<Socket>();
  const server: Server = createServer((client) => {
    if (clients.size >= MAX_CONNECTIONS) {
      client.destroy();
      return;
    }
    clients.add(client);
    let received = Buffer.alloc(0);
    client.setTimeout(IDLE_MS, () => client.destroy());
    client.on('error', () => client.destroy());
    client.on('close', () => clients.delete(client));
    client.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const length = received.length < 2 ? TCP_LIMIT : received.readUInt16BE(0);
      if (received.length < length + 2) return;
      const query = received.subarray(2, length + 2);
      received = received.subarray(length + 2);
      // one question after the other: the next is read when this one is answered
      client.pause();
      void answer(query).then((reply) => {
        if (reply === null || client.destroyed) {
          client.destroy();
          return;
        }
        client.write(framed(reply));
        client.resume();
      });
    });
  });
  server.listen({ fd });
  return {
    close: () => {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
}
