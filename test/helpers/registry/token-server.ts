import { createSign, randomUUID } from 'node:crypto';
import type { Certificate } from './certificates.js';
import { FakeRegistry, reply } from './fake-registry.js';

export const ISSUER = 'test-issuer';
export const SERVICE = 'test-service';

/**
 * A token server whose tokens Debian's docker-registry believes: signed claims of what may be done.
 * https://distribution.github.io/distribution/spec/auth/jwt/
 */
export async function tokenServer(
  certificate: Certificate,
  users: Readonly<Record<string, string>>,
  allowed: (user: string, repository: string, action: string) => boolean,
): Promise<FakeRegistry> {
  const server = await FakeRegistry.start();
  server.answer = (request, response) => {
    const url = new URL(request.url ?? '', server.url);
    const [user = '', password = ''] = Buffer.from(
      (request.headers.authorization ?? '').replace(/^Basic /, ''),
      'base64',
    )
      .toString()
      .split(':');
    if (user !== '' && users[user] !== password)
      return reply(response, 401, JSON.stringify({ details: 'incorrect username or password' }));
    const access = url.searchParams.getAll('scope').map((scope) => {
      const [type, name = '', actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',').filter((action) => allowed(user, name, action)) };
    });
    reply(response, 200, JSON.stringify({ token: sign(certificate, user, access), expires_in: 300 }));
  };
  return server;
}

function sign(certificate: Certificate, subject: string, access: unknown): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.trunc(Date.now() / 1000);
  const der = certificate.cert.replace(/-----[^-]+-----|\s/g, '');
  const head = encode({ typ: 'JWT', alg: 'RS256', x5c: [der] });
  const claims = {
    iss: ISSUER,
    aud: SERVICE,
    sub: subject,
    iat: now,
    nbf: now - 10,
    exp: now + 300,
    jti: randomUUID(),
    access,
  };
  const signed = `${head}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(certificate.key, 'base64url')}`;
}
