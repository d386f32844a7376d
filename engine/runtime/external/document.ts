import type { Spec, SpecProcess, SpecResources } from '../spec/types.js';

/** Members that must be absent rather than empty: runc takes their presence for a wish (to map ids, from 1.2 on; for cgroup v2). */
const ABSENT_WHEN_EMPTY = new Set(['uidMappings', 'gidMappings', 'unified']);
/** Of ours: what the file had and we do not apply. */
const OURS = 'notApplied';

/**
 * A validated config as the JSON text that other runtimes read. Whole numbers of any size are written as numbers, which
 * JSON.stringify cannot do and Go and C read exactly. A set of capabilities that is null is a key that is absent.
 */
export function documentOf(value: Spec | SpecProcess | SpecResources): string {
  return write(value);
}

function write(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const members = Object.entries(value).filter(
    ([key, member]) =>
      member !== undefined &&
      member !== null &&
      key !== OURS &&
      !(ABSENT_WHEN_EMPTY.has(key) && Object.keys(member as object).length === 0),
  );
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${write(member)}`).join(',')}}`;
}
