import { CliError } from '../errors.js';

/** Names of images: distribution/reference. */
export interface Reference {
  /** `docker.io`, `localhost:5000`. */
  readonly domain: string;
  readonly path: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const DOMAIN =
  /^(?:\[[0-9a-fA-F:]+\]|(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*)(?::[0-9]+)?$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** What a name in a command line means, as docker's ParseNormalizedNamed reads it. */
export function parseReference(text: string): Reference {
  const fail = (why: string): never => {
    throw new CliError(`invalid reference format${why}`);
  };
  if (/^[a-f0-9]{64}$/.test(text))
    throw new CliError(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const at = text.indexOf('@');
  const [named, digest] = at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const hasDomain = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const domain = !hasDomain || first === 'index.docker.io' ? 'docker.io' : first;
  const rest = hasDomain ? named.slice(slash + 1) : named;
  const colon = rest.indexOf(':');
  const [repository, tag] = colon < 0 ? [rest, null] : [rest.slice(0, colon), rest.slice(colon + 1)];
  const path = domain === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository;
  if (repository !== '' && path.toLowerCase() !== path) fail(`: repository name (${path}) must be lowercase`);
  if (
    !PATH.test(path) ||
    !DOMAIN.test(domain) ||
    (tag !== null && !TAG.test(tag)) ||
    (digest !== null && !DIGEST.test(digest))
  )
    fail('');
  if (domain.length + path.length + 1 > 255) throw new CliError('repository name must not be more than 255 characters');
  return { domain, path, tag, digest };
}

/** As people write it: without docker.io and library. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== 'docker.io') return `${domain}/${path}`;
  return path.replace(/^library\/(?=[^/]+$)/, '');
}

export function familiar(reference: Reference): string {
  const { tag, digest } = reference;
  return familiarName(reference) + (tag === null ? '' : `:${tag}`) + (digest === null ? '' : `@${digest}`);
}

/** With `latest` where neither tag nor digest is said. */
export const tagged = (reference: Reference): Reference =>
  reference.tag === null && reference.digest === null ? { ...reference, tag: 'latest' } : reference;

/** An image's name in a table: a tagged one without its digest. */
export function withoutDigest(text: string): string {
  const at = text.indexOf('@');
  return at > 0 && /:[\w][\w.-]*$/.test(text.slice(0, at)) ? text.slice(0, at) : text;
}

/** `name:tag` and `name@digest` of the engine's lists, apart. */
export function splitName(text: string): {
  readonly name: string;
  readonly tag: string | null;
  readonly digest: string | null;
} {
  const at = text.indexOf('@');
  if (at >= 0) return { name: text.slice(0, at), tag: null, digest: text.slice(at + 1) };
  const colon = text.lastIndexOf(':');
  return colon > text.lastIndexOf('/')
    ? { name: text.slice(0, colon), tag: text.slice(colon + 1), digest: null }
    : { name: text, tag: null, digest: null };
}
