import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { type Served, serveFakes } from '../helpers/api/serve.js';

const skip = existsSync('/usr/bin/openssl') ? false : 'openssl(1) is not installed here';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'docker-tls-'));
});
after(() => rmSync(directory, { recursive: true }));

function openssl(...args: string[]): void {
  const done = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
}

/** A certificate that `issuer` signs; null: by itself. */
function certificate(name: string, issuer: string | null): Pair {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
  if (issuer === null) openssl('req', '-x509', '-days', '2', ...curve, '-subj', `/CN=${name}`, '-out', `${name}.pem`);
  else {
    openssl('req', '-new', ...curve, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    writeFileSync(join(directory, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
    openssl(
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      `${name}.csr`,
      '-CA',
      `${issuer}.pem`,
      '-CAkey',
      `${issuer}.key`,
      '-CAcreateserial',
      '-extfile',
      'names',
      '-out',
      `${name}.pem`,
    );
  }
  const read = (kind: string): string => readFileSync(join(directory, `${name}.${kind}`), 'utf8');
  return { cert: read('pem'), key: read('key') };
}

function get(address: string, options: Partial<Pair> & { ca: string }): Promise<number> {
  const port = Number(/:(\d+)$/.exec(address)?.[1]);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/v1.50/info', agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('TLS: who shows no certificate of the right authority is not answered; without one asked for there is a warning', {
  skip,
  timeout: 600_000,
}, async () => {
  const ca = certificate('ca', null);
  const own = certificate('server', 'ca');
  const client = certificate('client', 'ca');
  const foreign = certificate('foreign', null);
  const tls = { cert: own.cert, key: own.key };
  let served: Served | null = null;
  try {
    served = await serveFakes({
      listeners: [
        { host: '127.0.0.1', port: 0, tls: { ...tls, ca: ca.cert } },
        { host: '127.0.0.1', port: 0, tls },
      ],
    });
    const [, verified = '', open = ''] = served.server.addresses;
    assert.equal(await get(verified, { ca: ca.cert, ...client }), 200);
    await assert.rejects(get(verified, { ca: ca.cert }), 'a client without a certificate was answered');
    await assert.rejects(get(verified, { ca: ca.cert, ...foreign }), 'a certificate of another authority was taken');
    assert.equal(await get(open, { ca: ca.cert }), 200);
    assert.equal(served.server.warnings.length, 1);
    assert.match(
      served.server.warnings[0] ?? '',
      /API is accessible on https:\/\/127.0.0.1:\d+ without TLS client verification/,
    );
    await assert.rejects(get(open, { ca: foreign.cert }), 'the twin: a client takes any server');
  } finally {
    await served?.close();
  }
});

test('TLS: a connection is taken over as on a plain socket; old protocols are not spoken', {
  skip,
  timeout: 600_000,
}, async () => {
  const own = certificate('alone', null);
  const served = await serveFakes({ listeners: [{ host: '127.0.0.1', port: 0, tls: own }] });
  const port = Number(/:(\d+)$/.exec(served.server.addresses[1] ?? '')?.[1]);
  try {
    const { Id } = await served.containers.create({
      name: 'cat',
      platform: null,
      config: { Image: 'busybox', Cmd: ['cat'], Tty: true },
      hostConfig: {},
      endpoints: {},
    } as unknown as Parameters<typeof served.containers.create>[0]);
    await served.containers.start(Id);
    const got = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect({ host: '127.0.0.1', port, ca: own.cert, checkServerIdentity: () => undefined }, () => {
        socket.write(
          'POST /containers/cat/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\nover TLS',
        );
        socket.end();
      });
      socket.on('data', (part: Buffer) => (text += part.toString()));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    assert.match(got, /^HTTP\/1.1 101 UPGRADED\r\n[\s\S]*\r\n\r\nover TLS$/);
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, ca: own.cert, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });
        socket.on('secureConnect', resolve).on('error', reject);
      }),
    );
  } finally {
    await served.close();
  }
});
