import { IncomingMessage } from 'node:http';

/** Endpoints whose connection becomes a stream of raw bytes once the request has been read. */
const TAKEN_OVER =
  /^(?:\/v[0-9.]+)?\/(?:containers\/[^?]*\/attach|exec\/[^?]*\/start|containers\/[^?]*\/attach\/ws)(?:\?|$)/;

/**
 * Node hands a connection over, with the bytes that came early, when the request says `Upgrade`. Docker's clients may leave
 * that header out and still mean it (API 1.24), and a client that offers HTTP/2 says it on any request: so the path decides.
 */
export class DockerRequest extends IncomingMessage {
  get upgrade(): boolean {
    return (this.method === 'POST' || this.method === 'GET') && TAKEN_OVER.test(this.url ?? '');
  }

  set upgrade(_: boolean) {
    // what the parser made of the header is of no interest
  }
}
