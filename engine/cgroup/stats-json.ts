import type { MemoryEntry, Stats } from './stats.js';

/**
 * Statistics as the JSON of `runc events --stats`, numbers with all their digits. Like runc it leaves out zeros, empty
 * lists and empty texts, but for the fields that are always there. libcontainer types/events.go (omitempty).
 */
export function statsJson({ cpu, cpuset, memory, pids, blkio, hugetlb }: Stats): string {
  const entry = (one: MemoryEntry): object => without(one, ['limit', 'failcnt']);
  return text({
    cpu: { usage: without(cpu.usage, ['kernel', 'user']), throttling: without(cpu.throttling) },
    cpuset: without(
      cpuset,
      Object.keys(cpuset).filter((key) => key !== 'cpus' && key !== 'mems'),
    ),
    memory: {
      ...without({ cache: memory.cache }),
      usage: entry(memory.usage),
      swap: entry(memory.swap),
      kernel: entry(memory.kernel),
      kernelTCP: entry(memory.kernelTCP),
      ...(Object.keys(memory.raw).length === 0 ? {} : { raw: sorted(memory.raw) }),
    },
    pids: without(pids),
    blkio: without(map(blkio, (list) => list.map((one) => without(one)))),
    hugetlb: sorted(map(hugetlb, (one) => without(one, ['failcnt']))),
    intel_rdt: {},
    network_interfaces: null,
  });
}

/** Without fields that are nothing, but for those that are always there. */
function without(value: object, always: readonly string[] = []): object {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([key, field]) =>
        always.includes(key) || !(field === 0n || field === '' || (Array.isArray(field) && field.length === 0)),
    ),
  );
}

function map<T, R>(value: Readonly<Record<string, T>>, change: (field: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, change(field)]));
}

function sorted<T>(value: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** JSON with bigints as numbers, which JSON.stringify refuses. */
function text(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(text).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, field]) => `${JSON.stringify(key)}:${text(field)}`)
    .join(',')}}`;
}
