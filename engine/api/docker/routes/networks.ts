import { EngineError } from '../../../kernel/errors.js';
import type { Network } from '../../../network/types.js';
import { bad } from '../bodies/fields.js';
import { parseConnect, parseDisconnect, parseNetworkCreate } from '../bodies/network.js';
import { parseFilters } from '../bodies/query.js';
import { sendEmpty, sendJson } from '../http/send.js';
import { type Endpoint, type Exchange, endpoint } from '../router.js';
import type { NetworkMembership } from '../services.js';

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

const LIST = endpoint(
  'NetworkList GET /networks',
  'none',
  ({ query }) => parseFilters(query, FILTERS),
  async (filters, { services, response, version }) => {
    const all = await services.networks.list(filters);
    // Who is on a network is told by inspect since 1.28.
    sendJson(response, 200, version.atLeast(28) ? all.map((one): Network => ({ ...one, Containers: {} })) : all);
  },
);

export const NETWORKS: readonly Endpoint[] = [
  // dockerd has it by both names
  { ...LIST, pattern: /^\/networks\/?$/ },
  endpoint(
    'NetworkInspect GET /networks/{id}',
    'none',
    ({ name, query }) => {
      const verbose = query.text('verbose');
      if (verbose !== '' && !/^(1|t|true|0|f|false)$/i.test(verbose))
        bad(
          `invalid value for verbose: ${verbose.slice(0, 100)}: strconv.ParseBool: parsing ${JSON.stringify(verbose.slice(0, 100))}: invalid syntax`,
        );
      return { name, scope: query.text('scope') };
    },
    async ({ name, scope }, { services, response }) => {
      const network = await services.networks.get(name);
      if (scope !== '' && scope !== network.Scope) throw new EngineError('NotFound', `network ${name} not found`);
      sendJson(response, 200, network);
    },
  ),
  endpoint(
    'NetworkCreate POST /networks/create',
    'json',
    ({ body, version }) => parseNetworkCreate(body, version),
    async (options, { services, response }) => sendJson(response, 201, await services.networks.create(options)),
  ),
  endpoint(
    'NetworkConnect POST /networks/{id}/connect',
    'json',
    ({ name, body, version }) => ({ name, ...parseConnect(body, version) }),
    async ({ name, container, endpoint: asked }, exchange) => {
      await membership(exchange).connect(name, container, asked);
      sendEmpty(exchange.response, 200);
    },
  ),
  endpoint(
    'NetworkDisconnect POST /networks/{id}/disconnect',
    'json',
    ({ name, body }) => ({ name, ...parseDisconnect(body) }),
    async ({ name, container, force }, exchange) => {
      await membership(exchange).disconnect(name, container, force);
      sendEmpty(exchange.response, 200);
    },
  ),
  endpoint(
    'NetworkDelete DELETE /networks/{id}',
    'none',
    ({ name }) => name,
    async (name, { services, response }) => {
      await services.networks.remove(name);
      sendEmpty(response, 204);
    },
  ),
  endpoint(
    'NetworkPrune POST /networks/prune',
    'none',
    ({ query }) => parseFilters(query, ['label', 'label!', 'until']),
    async (filters, { services, response }) => {
      const { NetworksDeleted } = await services.networks.prune(filters);
      sendJson(response, 200, { NetworksDeleted: NetworksDeleted.length === 0 ? null : NetworksDeleted });
    },
  ),
];

function membership({ services }: Exchange): NetworkMembership {
  if (services.membership === undefined)
    throw new EngineError('NotImplemented', 'this engine does not move containers between networks');
  return services.membership;
}
