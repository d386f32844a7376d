import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { EngineError } from '../../kernel/errors.js';

/** `host:port` of a registry as a name; `index.docker.io` is another name of docker.io. */
function registryName(text: string): string {
  const name = text.toLowerCase();
  return name === 'index.docker.io' ? 'docker.io' : name;
}

/**
 * dockerd's --insecure-registry: hosts by `host:port` or by network (also where a name resolves into it), whose
 * certificate may be anybody's and which are asked without TLS if they do not speak it. 127.0.0.0/8 is always in it.
 */
export class InsecureRegistries {
  readonly #names = new Set<string>();
  readonly #networks = new BlockList();
  readonly #lookup: (host: string) => Promise<readonly string[]>;

  constructor(list: readonly string[], resolve: (host: string) => Promise<readonly string[]> = addressesOf) {
    this.#lookup = resolve;
    for (const one of ['127.0.0.0/8', '::1/128', ...list]) {
      const network = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(one);
      if (network !== null) this.#addNetwork(one, network[1] as string, Number(network[2]));
      else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(one))
        throw new EngineError('InvalidArgument', `insecure registry ${one} should not contain '://'`);
      else if (!/^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9][a-zA-Z0-9._-]*)(:\d{1,5})?$/.test(one))
        throw new EngineError('InvalidArgument', `insecure registry ${one} is not valid`);
      else this.#names.add(registryName(one));
    }
  }

  #addNetwork(text: string, address: string, prefix: number): void {
    const family = isIP(address);
    if (family === 0 || prefix > (family === 4 ? 32 : 128))
      throw new EngineError('InvalidArgument', `insecure registry ${text} is not valid`);
    this.#networks.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }

  /** @param host `host` or `host:port` as in a URL */
  async has(host: string): Promise<boolean> {
    const name = registryName(host);
    if (name === 'docker.io') return false;
    if (this.#names.has(name)) return true;
    // Docker's own servers are in nobody's network: they are not looked up to find that out
    if (name.endsWith('.docker.io')) return false;
    const bare = name.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    const addresses = isIP(bare) === 0 ? await this.#lookup(bare) : [bare];
    return addresses.some((address) => {
      const family = isIP(address);
      return family !== 0 && this.#networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
    });
  }
}

/** A name that cannot be looked up has no address, and is in no network. */
async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ESERVFAIL', 'EREFUSED', 'ETIMEOUT'].includes(code))
      return [];
    throw error;
  }
}
