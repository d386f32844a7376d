import { readFileSync } from 'node:fs';
import type { NetworkContext } from './context.js';
import { openNameServer } from './dns/server.js';
import { isErrno } from './errors.js';
import { guard } from './guards.js';
import type { SandboxRecord } from './record.js';
import { externalNameservers } from './resolv-conf.js';

const hasNames = ({ endpoints }: SandboxRecord): boolean => endpoints.some(({ dnsNames }) => dnsNames !== null);

/** Give a sandbox that is on a user-defined network its name server, and take it away from one that is on none any more. */
export function serveNames(context: NetworkContext, sandbox: SandboxRecord, netFd: number): void {
  const { nameServers, sandboxes, networks, warn } = context;
  const { sandboxId } = sandbox;
  if (!hasNames(sandbox)) {
    endNames(context, sandboxId);
    return;
  }
  if (nameServers.has(sandboxId)) return;
  const asker = (): SandboxRecord | null => sandboxes.get(sandbox.container.id) ?? null;
  const isInternal = (): boolean =>
    asker()?.endpoints.every(({ network }) => networks.get(network)?.internal !== false) !== false;
  try {
    nameServers.set(
      sandboxId,
      openNameServer(netFd, {
        asker,
        all: () => sandboxes.values(),
        upstream: () => (isInternal() && guard('internal-names') ? [] : upstreamOf(sandbox)),
      }),
    );
  } catch (error) {
    // somebody in the container has the port already: it does without
    warn(`name server of container ${sandbox.container.id.slice(0, 12)}: ${(error as Error).message}`);
  }
}

export function endNames({ nameServers }: NetworkContext, sandboxId: string): void {
  nameServers.get(sandboxId)?.close();
  nameServers.delete(sandboxId);
}

/** Read at each question: the machine's name servers change when its network does. */
function upstreamOf({ dns, endpoints }: SandboxRecord): readonly string[] {
  const ipv6 = endpoints.some((endpoint) => endpoint.ipv6 !== '');
  const options = { nameservers: dns, search: [], options: [], bridged: true, ipv6 };
  return externalNameservers(machineFile(), options).map(({ address }) => address);
}

function machineFile(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
