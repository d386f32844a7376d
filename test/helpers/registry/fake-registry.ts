import {
  createServer as createHttp,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { digestOf } from '../../../engine/image/digest.js';
import type { TestImage } from './test-images.js';

/** What a server was asked. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly authorization: string | null;
  readonly headers: IncomingHttpHeaders;
}

/** Answer in place of the registry; `usual` has it answer after all. */
export type Answer = (request: IncomingMessage, response: ServerResponse, usual: () => void) => void;

/**
 * A registry in this process that is right as long as a test does not replace an answer: manifests, blobs with ranges, tags
 * with pages, uploads, mounts.
 */
export class FakeRegistry {
  readonly asked: Asked[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** `NAME REFERENCE`. */
  readonly manifests = new Map<string, { readonly mediaType: string; readonly bytes: Buffer }>();
  /** `NAME DIGEST`: in which repositories a blob is; empty: blobs are in all. */
  readonly places = new Set<string>();
  answer: Answer | null = null;
  tagsPerPage = 1000;
  readonly #server: ReturnType<typeof createHttp>;
  readonly #uploads = new Map<string, Buffer[]>();
  readonly #scheme: string;
  #address = '127.0.0.1';

  private constructor(tls?: { readonly key: string; readonly cert: string }) {
    this.#scheme = tls === undefined ? 'http' : 'https';
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.asked.push({
        method: request.method ?? '',
        path: request.url ?? '',
        authorization: request.headers.authorization ?? null,
        headers: request.headers,
      });
      const usual = (): void => {
        this.#usual(request, response).catch((error: unknown) => response.destroy(error as Error));
      };
      if (this.answer === null) usual();
      else this.answer(request, response, usual);
    };
    this.#server = tls === undefined ? createHttp(handle) : createHttps(tls, handle);
  }

  static async start(
    options: {
      readonly tls?: { readonly key: string; readonly cert: string };
      readonly address?: string;
      readonly port?: number;
    } = {},
  ): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options.tls);
    registry.#address = options.address ?? '127.0.0.1';
    await new Promise<void>((resolve, reject) => {
      registry.#server.once('error', reject);
      registry.#server.listen(options.port ?? 0, registry.#address, resolve);
    });
    return registry;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get host(): string {
    return `${this.#address}:${this.port}`;
  }

  get url(): string {
    return `${this.#scheme}://${this.host}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Have an image under a name and tags. */
  add(name: string, tags: readonly string[], image: TestImage): void {
    this.addDocument(name, [image.digest, ...tags], image.mediaType, image.manifest);
    this.blobs.set(image.id, image.config);
    for (const { descriptor, blob } of image.layers) this.blobs.set(descriptor.digest, blob);
  }

  addDocument(name: string, references: readonly string[], mediaType: string, bytes: Buffer): void {
    for (const reference of references) this.manifests.set(`${name} ${reference}`, { mediaType, bytes });
  }

  /** Requests of a method whose path matches. */
  of(method: string, path: RegExp): Asked[] {
    return this.asked.filter((one) => one.method === method && path.test(one.path));
  }

  async #usual(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const path = decodeURIComponent(url.pathname);
    if (path === '/v2/' || path === '/v2') return reply(response, 200, '{}');
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(path);
    if (manifest !== null) return this.#manifest(request, response, manifest[1] as string, manifest[2] as string);
    const tags = /^\/v2\/(.+)\/tags\/list$/.exec(path);
    if (tags !== null) return this.#tags(response, tags[1] as string, url);
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(path);
    if (upload !== null) return this.#upload(request, response, upload[1] as string, upload[2] as string, url);
    const blob = /^\/v2\/(.+)\/blobs\/([^/]+)$/.exec(path);
    if (blob !== null) return this.#blob(request, response, blob[1] as string, blob[2] as string);
    reply(response, 404, '404 page not found\n');
  }

  async #manifest(request: IncomingMessage, response: ServerResponse, name: string, reference: string): Promise<void> {
    const key = `${name} ${reference}`;
    if (request.method === 'PUT') {
      const bytes = await bodyOf(request);
      const mediaType = request.headers['content-type'] ?? '';
      this.addDocument(name, [reference, digestOf(bytes)], mediaType, bytes);
      response
        .writeHead(201, {
          'docker-content-digest': digestOf(bytes),
          location: `/v2/${name}/manifests/${digestOf(bytes)}`,
        })
        .end();
      return;
    }
    const found = this.manifests.get(key);
    if (found === undefined) return codes(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown', { Tag: reference });
    response.writeHead(200, {
      'content-type': found.mediaType,
      'content-length': found.bytes.byteLength,
      'docker-content-digest': digestOf(found.bytes),
    });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  }

  #tags(response: ServerResponse, name: string, url: URL): void {
    const all = [...this.manifests.keys()].flatMap((key) => {
      const [one, reference = ''] = key.split(' ');
      return one === name && !reference.includes(':') ? [reference] : [];
    });
    const from = Number(url.searchParams.get('from') ?? 0);
    const next = from + this.tagsPerPage;
    const headers = next < all.length ? { link: `</v2/${name}/tags/list?from=${next}>; rel="next"` } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ name, tags: all.slice(from, next) }));
  }

  #has(name: string, digest: string): Buffer | undefined {
    if (this.places.size > 0 && !this.places.has(`${name} ${digest}`)) return undefined;
    return this.blobs.get(digest);
  }

  async #blob(request: IncomingMessage, response: ServerResponse, name: string, digest: string): Promise<void> {
    const blob = this.#has(name, digest);
    if (blob === undefined) return codes(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry', digest);
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    response.writeHead(range === null ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'content-length': blob.byteLength - from,
      ...(range === null ? {} : { 'content-range': `bytes ${from}-${blob.byteLength - 1}/${blob.byteLength}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : blob.subarray(from));
  }

  async #upload(request: IncomingMessage, response: ServerResponse, name: string, id: string, url: URL): Promise<void> {
    const body = await bodyOf(request);
    if (request.method === 'POST') {
      const mount = url.searchParams.get('mount');
      const from = url.searchParams.get('from');
      if (mount !== null && from !== null && this.#has(from, mount) !== undefined) {
        this.#place(name, mount);
        response.writeHead(201, { 'docker-content-digest': mount, location: `/v2/${name}/blobs/${mount}` }).end();
        return;
      }
      const next = `u${this.#uploads.size + 1}`;
      this.#uploads.set(next, []);
      response.writeHead(202, { location: `/v2/${name}/blobs/uploads/${next}?state=x` }).end();
      return;
    }
    const upload = this.#uploads.get(id);
    if (upload === undefined) return codes(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    if (request.method === 'DELETE') {
      this.#uploads.delete(id);
      response.writeHead(204).end();
      return;
    }
    upload.push(body);
    if (request.method === 'PATCH') {
      response.writeHead(202, { location: `${this.url}/v2/${name}/blobs/uploads/${id}?state=y` }).end();
      return;
    }
    const bytes = Buffer.concat(upload);
    const digest = url.searchParams.get('digest') ?? '';
    if (digestOf(bytes) !== digest)
      return codes(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    this.blobs.set(digest, bytes);
    this.#place(name, digest);
    response.writeHead(201, { 'docker-content-digest': digest, location: `/v2/${name}/blobs/${digest}` }).end();
  }

  #place(name: string, digest: string): void {
    if (this.places.size > 0) this.places.add(`${name} ${digest}`);
  }
}

export function reply(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** An error in the form of the specification. */
export function codes(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  detail: unknown = null,
): void {
  reply(response, status, JSON.stringify({ errors: [{ code, message, detail }] }));
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
