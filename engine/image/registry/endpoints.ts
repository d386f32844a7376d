import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import type { Trust } from './http.js';
import { InsecureRegistries } from './insecure.js';

/** Where a registry may be asked. */
export interface Endpoint {
  /** Without `/v2/`, without a slash at its end. */
  readonly url: URL;
  readonly isMirror: boolean;
}

export interface RegistryConfig {
  /** `host:port` or networks. */
  readonly insecureRegistries?: readonly string[];
  /** URLs that stand for docker.io, in their order. */
  readonly registryMirrors?: readonly string[];
  /** A directory for each `host:port`, with `*.crt` of authorities, `*.cert` and `*.key` of ours. */
  readonly certificates?: string;
  /** Seconds are so long between two downloads, in milliseconds. */
  readonly retrySecondMs?: number;
}

export const DOCKER_HUB = 'docker.io';
const HUB_REGISTRY = 'registry-1.docker.io';
/** Names under which people log in to it. */
const HUB_NAMES = new Set([DOCKER_HUB, 'index.docker.io', HUB_REGISTRY]);

/** Which servers stand for a registry's name, and what is trusted about them: dockerd's registry service. */
export class Endpoints {
  readonly #insecure: InsecureRegistries;
  readonly #mirrors: readonly URL[];
  readonly #certificates: string;
  readonly #known = new Map<string, Promise<Trust>>();

  constructor(config: RegistryConfig = {}) {
    this.#insecure = new InsecureRegistries(config.insecureRegistries ?? []);
    this.#mirrors = (config.registryMirrors ?? []).map(parseMirror);
    this.#certificates = config.certificates ?? '/etc/docker/certs.d';
  }

  /** To pull from: mirrors of docker.io first; HTTPS, then plain HTTP where the host is on the insecure list. */
  async forPull(domain: string): Promise<Endpoint[]> {
    const mirrors = HUB_NAMES.has(domain) ? this.#mirrors.map((url) => ({ url, isMirror: true })) : [];
    return [...mirrors, ...(await this.forPush(domain))];
  }

  /** To push or log in to: never a mirror, which must not get what is another's. */
  async forPush(domain: string): Promise<Endpoint[]> {
    if (HUB_NAMES.has(domain)) return [{ url: new URL(`https://${HUB_REGISTRY}`), isMirror: false }];
    const host = hostOf(domain);
    const schemes = (await this.#insecure.has(host)) ? ['https', 'http'] : ['https'];
    return schemes.map((scheme) => ({ url: new URL(`${scheme}://${host}`), isMirror: false }));
  }

  isInsecure(host: string): Promise<boolean> {
    return this.#insecure.has(host);
  }

  /** What is trusted about `host:port`. Read once. */
  trust(host: string): Promise<Trust> {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const trust = this.#read(host);
    this.#known.set(host, trust);
    trust.catch(() => this.#known.delete(host));
    return trust;
  }

  async #read(host: string): Promise<Trust> {
    const insecure = await this.#insecure.has(host);
    const directory = join(this.#certificates, host);
    let names: string[];
    try {
      names = (await readdir(directory)).sort();
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return { insecure };
      throw error;
    }
    const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
    const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
    const ours = names.find((name) => name.endsWith('.cert'));
    if (ours === undefined) return { insecure, ...(ca.length > 0 ? { ca } : {}) };
    const key = ours.replace(/\.cert$/, '.key');
    if (!names.includes(key))
      throw new EngineError(
        'InvalidArgument',
        `missing key ${key} for client certificate ${ours}. CA certificates must use the extension .crt`,
      );
    return { insecure, ...(ca.length > 0 ? { ca } : {}), cert: await read(ours), key: await read(key) };
  }
}

/** `host:port` of text that a person wrote; nothing else of a URL may be in it. */
export function hostOf(text: string): string {
  const host = text.toLowerCase();
  if (!/^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(:\d{1,5})?$/.test(host) || !URL.canParse(`https://${host}`))
    throw new EngineError('InvalidArgument', `invalid registry host ${JSON.stringify(text.slice(0, 255))}`);
  return host;
}

function parseMirror(text: string): URL {
  const refuse = (why: string): EngineError => new EngineError('InvalidArgument', `invalid mirror: ${why}`);
  if (!URL.canParse(text)) throw refuse(`${JSON.stringify(text)} is not a valid URI`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refuse(`unsupported scheme ${JSON.stringify(url.protocol.slice(0, -1))} in ${JSON.stringify(text)}`);
  if (url.search !== '' || url.hash !== '')
    throw refuse(`query, or fragment at end of the URI ${JSON.stringify(text)}`);
  if (url.username !== '' || url.password !== '') throw refuse('username/password not allowed in URI');
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}
