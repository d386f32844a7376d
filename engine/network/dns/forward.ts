import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const TIMEOUT_MS = 4000;
const MAX_SERVERS = 3;
const MAX_MESSAGE = 65_535;
const PORT = 53;

/** Ask one name server after the other; the first answer, or null. A socket of its own for each question, so that its port cannot be guessed. */
export async function forward(
  query: Uint8Array,
  servers: readonly string[],
  over: 'udp' | 'tcp',
): Promise<Buffer | null> {
  for (const server of servers.slice(0, MAX_SERVERS)) {
    const answer = await (over === 'udp' ? askUdp(query, server) : askTcp(query, server));
    if (answer !== null) return answer;
  }
  return null;
}

const isAnswer = (query: Uint8Array, bytes: Buffer): boolean =>
  bytes.length >= 12 && bytes[0] === query[0] && bytes[1] === query[1] && ((bytes[2] ?? 0) & 0x80) !== 0;

function askUdp(query: Uint8Array, server: string): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    const end = (answer: Buffer | null): void => {
      clearTimeout(bound);
      socket.removeAllListeners();
      // a late ICMP answer of a question that is over
      socket.on('error', () => undefined);
      socket.close();
      resolve(answer);
    };
    const bound = setTimeout(() => end(null), TIMEOUT_MS);
    socket.on('error', () => end(null));
    // connected: datagrams of others do not arrive
    socket.on('connect', () => socket.send(query));
    socket.connect(PORT, server);
    socket.on('message', (bytes) => {
      if (isAnswer(query, bytes)) end(bytes);
    });
  });
}

function askTcp(query: Uint8Array, server: string): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port: PORT, timeout: TIMEOUT_MS });
    let received = Buffer.alloc(0);
    const end = (answer: Buffer | null): void => {
      clearTimeout(bound);
      socket.destroy();
      resolve(answer);
    };
    const bound = setTimeout(() => end(null), TIMEOUT_MS);
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
    socket.on('connect', () => socket.write(framed(query)));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const length = received.length < 2 ? MAX_MESSAGE : received.readUInt16BE(0);
      if (received.length < length + 2) return;
      const answer = received.subarray(2, length + 2);
      end(isAnswer(query, answer) ? answer : null);
    });
  });
}

/** A message with its length before it, as TCP carries it. */
export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
