import type { Resources, UpdateRequest } from '../../../container/types.js';
import type { ApiVersion } from '../version.js';
import { Fields } from './fields.js';
import { parseResources } from './resources.js';
import { parseRestartPolicy } from './restart-policy.js';

/** POST /containers/ID/update: Go's zero values, which a client sends for everything it does not mean, change nothing. */
export function parseUpdate(body: unknown, version: ApiVersion): UpdateRequest {
  const fields = new Fields(body, 'UpdateConfig');
  const all = parseResources(fields);
  const said = Object.entries(all).filter(
    ([, value]: [string, unknown]) =>
      value !== null && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
  const resources = Object.fromEntries(said) as { -readonly [K in keyof Resources]?: Resources[K] };
  delete resources.PidsLimit;
  if (all.PidsLimit !== null && version.atLeast(40)) resources.PidsLimit = Math.max(all.PidsLimit, 0);
  const policy = parseRestartPolicy(fields.object('RestartPolicy'));
  return { resources, restartPolicy: policy.Name === '' ? null : policy };
}
