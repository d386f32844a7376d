import { createServer } from 'node:http';

/** Answers until nobody has asked for so long. */
const QUIET_MS = 100;
/** And not longer than this, however much is asked. */
const LONGEST_MS = 3000;
const MAX_WHY = 4096;

export interface Refusal {
  /** Resolves when nobody asks any more; what comes then waits on the socket. */
  readonly done: Promise<void>;
  close(): void;
}

/**
 * Answer every request on a listening socket with why the engine is not there, as the Docker Engine API words an error. The
 * descriptor is closed at the end.
 */
export function refuseClients(fd: number, why: string): Refusal {
  const body = JSON.stringify({ message: why.slice(0, MAX_WHY) });
  const server = createServer({ keepAlive: false, maxHeaderSize: 64 << 10 }, (request, response) => {
    quiet.refresh();
    request.resume();
    response.writeHead(503, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    });
    response.end(body);
  });
  server.maxConnections = 64;
  const end = (): void => {
    server.close();
    server.closeAllConnections();
  };
  const quiet = setTimeout(end, QUIET_MS);
  const longest = setTimeout(end, LONGEST_MS);
  const done = new Promise<void>((resolve) => {
    const settle = (): void => {
      clearTimeout(quiet);
      clearTimeout(longest);
      resolve();
    };
    server.once('close', settle);
    server.once('error', settle); // the lab's socket is gone, and its clients with it
  });
  server.listen({ fd });
  return { done, close: end };
}
