import { RegistryError } from './errors.js';

/** An error of Node's sockets and TLS, as dockerd (Go's net/http) words the same: people search for these sentences. */
export function transportError(method: string, url: URL, error: unknown): RegistryError {
  const verb = method[0] + method.slice(1).toLowerCase();
  return new RegistryError('transport', `${verb} ${JSON.stringify(url.href)}: ${reason(url, error)}`, { cause: error });
}

interface SocketError {
  readonly code?: string;
  readonly message?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly errors?: readonly unknown[];
  readonly cert?: { readonly subjectaltname?: string };
  readonly host?: string;
}

/** What went wrong, without the request. */
function reason(url: URL, error: unknown): string {
  const failed = (error ?? {}) as SocketError;
  // Node tries all addresses of a name and reports all failures; Go reports the first
  if (failed.errors !== undefined && failed.errors.length > 0) return reason(url, failed.errors[0]);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const address = failed.address === undefined ? url.host : joined(failed.address, failed.port ?? Number(port));
  const connect = CONNECT[failed.code ?? ''];
  if (failed.syscall === 'connect' && connect !== undefined) return `dial tcp ${address}: connect: ${connect}`;
  switch (failed.code) {
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${host}: Temporary failure in name resolution`;
    case 'GLASSBOX_DIAL_TIMEOUT':
      return `dial tcp ${joined(host, Number(port))}: i/o timeout`;
    case 'GLASSBOX_IDLE':
      return 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)';
    case 'ECONNRESET':
      return failed.message === 'socket hang up' || failed.message === 'aborted'
        ? 'EOF'
        : `read tcp ${address}: read: connection reset by peer`;
    case 'EPIPE':
      return 'write: broken pipe';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `tls: failed to verify certificate: x509: ${wrongName(host, failed.cert?.subjectaltname ?? '')}`;
    default:
      return other(failed);
  }
}

const CONNECT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENETUNREACH: 'network is unreachable',
  EHOSTUNREACH: 'no route to host',
  ETIMEDOUT: 'connection timed out',
  EACCES: 'permission denied',
};

function other({ code = '', message = '' }: SocketError): string {
  // OpenSSL's words for a server that answers in plain text
  if (/^(EPROTO|ERR_SSL_)/.test(code) && /wrong version number|packet length too long|http request/i.test(message))
    return 'http: server gave HTTP response to HTTPS client';
  if (/^(EPROTO|ERR_SSL_)/.test(code)) return `remote error: tls: ${message.replace(/\s+/g, ' ').slice(0, 200)}`;
  if (code.startsWith('HPE_'))
    return `net/http: HTTP/1.x transport connection broken: malformed HTTP response (${code.slice(4).toLowerCase()})`;
  return message === '' ? code || 'unknown failure' : message;
}

function wrongName(host: string, names: string): string {
  const wanted = /^[\d.]+$|:/.test(host) ? 'IP Address' : 'DNS';
  const found = names
    .split(', ')
    .filter((name) => name.startsWith(`${wanted}:`))
    .map((name) => name.slice(wanted.length + 1));
  if (wanted === 'IP Address' && found.length === 0)
    return `cannot validate certificate for ${host} because it doesn't contain any IP SANs`;
  return found.length === 0
    ? `certificate is not valid for any names, but wanted to match ${host}`
    : `certificate is valid for ${found.join(', ')}, not ${host}`;
}

function joined(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
