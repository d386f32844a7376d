import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { failureOf } from '../../engine/image/registry/errors.js';
import { bodyOf, discard, HttpClient, MOST_BODY, type Reply } from '../../engine/image/registry/http.js';
import { transportError } from '../../engine/image/registry/transport-errors.js';
import { FakeRegistry, reply } from '../helpers/registry/fake-registry.js';

describe('HTTP of a registry', () => {
  let first: FakeRegistry;
  let second: FakeRegistry;
  let client: HttpClient;

  before(async () => {
    first = await FakeRegistry.start();
    second = await FakeRegistry.start();
    client = new HttpClient(() => Promise.resolve({ insecure: true }));
  });
  after(async () => {
    client.close();
    await first.close();
    await second.close();
  });
  beforeEach(() => {
    for (const server of [first, second]) {
      server.asked.length = 0;
      server.answer = null;
    }
  });

  const get = (path: string, more: object = {}): Promise<Reply> =>
    client.ask({ method: 'GET', url: new URL(path, first.url), ...more });

  it('follows ten redirects and no more', async () => {
    const upTo = (count: number): void => {
      first.answer = (request, response) => {
        const at = Number((request.url ?? '').slice(1));
        if (at >= count) reply(response, 200, 'there');
        else response.writeHead(302, { location: `/${at + 1}` }).end();
      };
    };
    upTo(10);
    assert.equal((await bodyOf(await get('/0'))).toString(), 'there');
    upTo(11);
    await assert.rejects(get('/0'), { message: /stopped after 10 redirects$/ });
  });

  it('leaves who we are behind when it is sent to another host', async () => {
    first.answer = (request, response) =>
      request.url === '/same'
        ? response.writeHead(307, { location: '/here' }).end()
        : request.url === '/other'
          ? response.writeHead(307, { location: `${second.url}/there` }).end()
          : reply(response, 200, '');
    second.answer = (_request, response) => reply(response, 200, '');
    discard(await get('/same', { authorization: 'Bearer x' }));
    assert.deepEqual(
      first.asked.map(({ authorization }) => authorization),
      ['Bearer x', 'Bearer x'],
    );
    discard(await get('/other', { authorization: 'Bearer x' }));
    assert.deepEqual(
      second.asked.map(({ authorization }) => authorization),
      [null],
    );
  });

  it('goes nowhere but to HTTP', async () => {
    for (const [location, why] of [
      ['file:///etc/passwd', /unsupported protocol scheme "file"/],
      ['http://169.254.169.254/latest', /link-local/],
      ['http://[::ffff:169.254.169.254]/', /link-local/],
      ['http://', /failed to parse Location header/],
    ] as const) {
      first.answer = (_request, response) => response.writeHead(302, { location }).end();
      await assert.rejects(get('/'), { message: why }, location);
    }
  });

  it('bounds what is read whole', async () => {
    for (const length of [true, false]) {
      first.answer = (_request, response) => {
        response.writeHead(200, length ? { 'content-length': MOST_BODY + 1 } : {});
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', more);
        more();
      };
      await assert.rejects(
        get('/').then((one) => bodyOf(one)),
        { code: 'ResourceExhausted' },
      );
    }
  });

  it('an answer that ends before its length is an error', async () => {
    first.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('short', () => response.destroy());
    };
    await assert.rejects(
      get('/').then((one) => bodyOf(one)),
      { message: 'unexpected EOF' },
    );
  });

  it('is given up when it is told to, before and while it answers', async () => {
    const stop = new AbortController();
    first.answer = () => setTimeout(() => stop.abort(), 10);
    await assert.rejects(get('/', { signal: stop.signal }), { code: 'Aborted' });
    await assert.rejects(get('/', { signal: stop.signal }), { code: 'Aborted' });
    first.answer = () => undefined;
    await assert.rejects(get('/slow', { timeoutMs: 30 }), { message: /Client\.Timeout exceeded/ });
  });

  it('says what went wrong as Go says it', async () => {
    const free = await FakeRegistry.start();
    const { port } = free;
    await free.close();
    const other = new HttpClient(() => Promise.resolve({ insecure: false }));
    const url = new URL(`http://127.0.0.1:${port}/v2/`);
    await assert.rejects(other.ask({ method: 'GET', url }), {
      code: 'Unavailable',
      message: `Get "${url.href}": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    const lookup = (code: string): string => transportError('HEAD', new URL('http://a.example/v2/'), { code }).message;
    assert.equal(lookup('ENOTFOUND'), 'Head "http://a.example/v2/": dial tcp: lookup a.example: no such host');
    assert.match(lookup('EAI_AGAIN'), /lookup a\.example: Temporary failure in name resolution$/);
    await assert.rejects(other.ask({ method: 'GET', url: new URL(first.url.replace('http:', 'https:')) }), {
      message: /http: server gave HTTP response to HTTPS client$/,
    });
    const rude = createServer((socket) => socket.resume().end('nonsense\r\n\r\n'));
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
    const at = rude.address();
    const rudeUrl = new URL(`http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}/`);
    await assert.rejects(other.ask({ method: 'GET', url: rudeUrl }), { message: /malformed HTTP response/ });
    await new Promise((resolve) => rude.close(resolve));
    other.close();
  });

  it('reads errors of the specification, and of others', () => {
    const text = (status: number, body: string): string => failureOf(status, 'Text', body).message;
    assert.equal(
      text(404, '{"errors":[{"code":"NAME_UNKNOWN"}]}'),
      'name unknown: repository name not known to registry',
    );
    assert.equal(
      text(400, '{"errors":[{"code":"A","message":"b"},{"code":"C","message":"d"}]}'),
      'errors:\na: b\nc: d\n',
    );
    assert.equal(text(500, '{"errors":[]}'), 'received unexpected HTTP status: 500 Text');
    assert.equal(text(403, '{"errors":[{"code":"DENIED","message":"a\\u001b[31mb"}]}'), 'denied: a [31mb');
    assert.match(text(400, '{}'), /^error parsing HTTP 400 response body: no error details found/);
  });
});
