import type { RestartPolicy } from '../../../container/types.js';
import { bad, type Fields } from './fields.js';

const NAMES = ['', 'no', 'always', 'unless-stopped', 'on-failure'] as const;

/** `RestartPolicy`, checked as dockerd's ValidateRestartPolicy does. */
export function parseRestartPolicy(fields: Fields | null): RestartPolicy {
  const text = fields?.string('Name') ?? '';
  const count = fields?.integer('MaximumRetryCount', 'int') ?? 0;
  const name = NAMES.find((one) => one === text);
  if (name === undefined) {
    return bad(
      `invalid restart policy: unknown policy '${text.slice(0, 200)}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (count < 0) {
    return bad(
      name === 'on-failure'
        ? 'invalid restart policy: maximum retry count cannot be negative'
        : "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative",
    );
  }
  if (count !== 0 && name !== 'on-failure')
    return bad("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  return { Name: name, MaximumRetryCount: count };
}
