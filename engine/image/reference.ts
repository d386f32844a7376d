import { EngineError } from '../kernel/errors.js';
import { isDigest } from './digest.js';
import type { Digest } from './types.js';

/**
 * Docker's reference grammar, github.com/distribution/reference:
 *
 *     reference      := [domain "/"] path [":" tag] ["@" digest]
 *     domain         := (name ("." name)* | "[" IPv6 "]") [":" digits]
 *     path           := component ("/" component)*
 *     component      := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*
 *     tag            := \w [\w.-]{0,127}
 *
 * Each expression below is anchored and no part of it can match the same text in two ways, so that matching is linear in the
 * text's length; text is bounded besides.
 */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;
/** Of a repository's path. */
const MAX_NAME = 255;
/** Nothing longer can be a reference: domain, path, tag and digest at their longest. */
const MAX_TEXT = 4096;
const HUB = 'docker.io';

/** A name in full: `docker.io/library/busybox`, with a tag, a digest, both or neither. */
export interface Reference {
  /** Registry: `docker.io`, `localhost:5000`; empty for a path that no registry has. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag: string | null;
  readonly digest: Digest | null;
}

/** What a user may write where an image is meant: a name, or an id in full (with or without `sha256:`). */
export type AnyReference = { readonly id: Digest } | { readonly name: Reference };

function invalid(message = 'invalid reference format'): never {
  throw new EngineError('InvalidArgument', message);
}

/** As Docker's ParseNormalizedNamed: `busybox` means docker.io/library/busybox. No tag is added. */
export function parseReference(text: string): Reference {
  if (text.length > MAX_TEXT) return invalid();
  if (IDENTIFIER.test(text))
    return invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, rest } = splitDomain(text);
  const remote = rest.split(':', 1)[0] ?? '';
  if (remote.toLowerCase() !== remote)
    return invalid(`invalid reference format: repository name (${remote}) must be lowercase`);
  return (
    match(domain, rest) ??
    invalid(
      match(domain.toLowerCase(), rest.toLowerCase()) === null
        ? 'invalid reference format'
        : 'repository name must be lowercase',
    )
  );
}

/** As parseReference, with `latest` where neither tag nor digest is said. */
export function parseTagged(text: string): Reference {
  return withDefaultTag(parseReference(text));
}

/** As Docker's ParseAnyReference. A short id is not told from a name by its form: who looks it up tries both. */
export function parseAnyReference(text: string): AnyReference {
  if (IDENTIFIER.test(text)) return { id: `sha256:${text}` as Digest };
  if (isDigest(text)) return { id: text };
  return { name: parseReference(text) };
}

export function withTag(reference: Reference, tag: string): Reference {
  if (!TAG.test(tag)) return invalid('invalid tag format');
  return { ...reference, tag, digest: null };
}

export function withDigest(reference: Reference, digest: Digest): Reference {
  return { ...reference, tag: null, digest };
}

export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === null && reference.digest === null ? { ...reference, tag: 'latest' } : reference;
}

/** `docker.io/library/busybox`. */
export function nameOf(reference: Reference): string {
  return reference.domain === '' ? reference.path : `${reference.domain}/${reference.path}`;
}

/** `busybox`: as a user writes it. */
export function familiarName(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== HUB) return nameOf(reference);
  const official = path.startsWith('library/') ? path.slice('library/'.length) : '';
  return official === '' || official.includes('/') ? path : official;
}

/** `busybox:latest`, `busybox@sha256:…`. */
export function familiar(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** `docker.io/library/busybox:latest`. */
export function canonical(reference: Reference): string {
  return nameOf(reference) + suffix(reference);
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

/** Which part is the registry: one before the first slash that has a dot, a colon or a capital in it, or is `localhost`. */
function splitDomain(text: string): { readonly domain: string; readonly rest: string } {
  const slash = text.indexOf('/');
  if (slash < 0) return { domain: HUB, rest: `library/${text}` };
  const first = text.slice(0, slash);
  const others = text.slice(slash + 1);
  const isDomain = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
  const domain = !isDomain || first === `index.${HUB}` ? HUB : first;
  const rest = isDomain ? others : text;
  return { domain, rest: domain === HUB && !rest.includes('/') ? `library/${rest}` : rest };
}

/** Null: no reference. */
function match(domain: string, rest: string): Reference | null {
  const at = rest.indexOf('@');
  const named = at < 0 ? rest : rest.slice(0, at);
  const colon = named.indexOf(':');
  const path = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? null : named.slice(colon + 1);
  const digest = at < 0 ? null : rest.slice(at + 1);
  const isPath = (text: string): boolean => text.split('/').every((component) => COMPONENT.test(component));
  if (!isPath(path)) return null;
  // as the grammar has it: `a_b.c/d` is no registry a_b.c but a path without one
  if (domain !== '' && !DOMAIN.test(domain)) return isPath(domain) ? match('', `${domain}/${rest}`) : null;
  if (tag !== null && !TAG.test(tag)) return null;
  if (digest !== null && !DIGEST.test(digest)) return null;
  if (path.length > MAX_NAME) return invalid(`repository name must not be more than ${MAX_NAME} characters`);
  return { domain, path, tag, digest: digest === null ? null : checkedDigest(digest) };
}

function checkedDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [algorithm, hex = ''] = text.split(':');
  if (algorithm !== 'sha256') return invalid('unsupported digest algorithm');
  return invalid(hex.length === 64 ? 'invalid checksum digest format' : 'invalid checksum digest length');
}
