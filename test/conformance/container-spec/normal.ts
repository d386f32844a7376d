import { readMachine } from '../../../engine/container/spec/machine.js';
import type { Spec } from '../../../engine/runtime/spec/types.js';

/** Configs as plain data; numbers of 64 bits as text, so that a difference can be shown. */
type Plain = Record<string, unknown>;

/** One thing in which our config means to differ from dockerd 20.10's. `apply` changes both; true: it was needed. */
export interface Meant {
  readonly reason: string;
  readonly apply: (theirs: Plain, ours: Plain, name: string) => boolean;
}

const plain = (spec: Spec): Plain =>
  JSON.parse(JSON.stringify(spec, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))) as Plain;

const at = (one: Plain, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Plain | undefined)?.[key], one);

function put(one: Plain, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  const parent = keys.reduce<Plain | undefined>((inner, key) => inner?.[key] as Plain | undefined, one);
  if (parent === undefined) return;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Take one path of both to a form in which they may be compared. */
function both(path: string, form: (value: unknown) => unknown): Meant['apply'] {
  return (theirs, ours) => {
    const differed = !same(at(theirs, path), at(ours, path));
    for (const one of [theirs, ours]) put(one, path, form(at(one, path)));
    return differed;
  };
}

const sorted = (value: unknown): unknown => (Array.isArray(value) ? [...(value as unknown[])].sort() : value);
interface PlainMount {
  readonly destination: string;
  readonly options: readonly string[];
}

/** Without what is 0, false or empty: they ask for nothing. */
function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (typeof value !== 'object' || value === null) return value === '0' || value === 0 ? undefined : value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutNothing(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

const SETS = ['bounding', 'effective', 'permitted'].map((set) => `process.capabilities.${set}`);
const OURS = new Set(readMachine().capabilities);
const NEWEST = ['CAP_PERFMON', 'CAP_BPF', 'CAP_CHECKPOINT_RESTORE'];

export const MEANT: readonly Meant[] = [
  {
    reason: 'each names the version of the specification that it was written for',
    apply: both('ociVersion', () => ''),
  },
  {
    reason: 'dockerd puts the network into the namespace by a hook; ours is there before, and is joined by its path',
    apply: both('hooks.prestart', () => []),
  },
  {
    reason: 'dockerd makes the namespace of a network that is its own anew; ours was made with the network',
    apply: both('linux.namespaces', (list) =>
      (list as { type: string; path?: string }[])
        .map((one) => (one.type === 'network' && one.path?.startsWith('/run/ours/') ? { type: one.type } : one))
        .map((one) => JSON.stringify(one, ['type', 'path']))
        .sort(),
    ),
  },
  {
    reason: 'the network of the machine is joined by a path there, and not left here',
    apply: (theirs, ours, name) => {
      if (name !== "the machine's network") return false;
      const path = 'linux.namespaces';
      put(
        theirs,
        path,
        (at(theirs, path) as string[]).filter((one) => !one.includes('netns/default')),
      );
      return at(ours, path) !== undefined;
    },
  },
  {
    reason: 'newer dockerds give a time namespace too (daemon/pkg/oci/defaults.go)',
    apply: (_, ours) => {
      const list = at(ours, 'linux.namespaces') as string[];
      const kept = list.filter((one) => !one.includes('"time"'));
      put(ours, 'linux.namespaces', kept);
      return kept.length !== list.length;
    },
  },
  {
    reason: 'GHSA-6fw5-f8r9-fgfm and GHSA-jq35-85cj-fj4p: newer dockerds mask more',
    apply: (_, ours) => {
      const list = at(ours, 'linux.maskedPaths') as string[];
      const kept = list.filter((one) => !/^\/proc\/interrupts$|powercap$|thermal_throttle$/.test(one));
      put(ours, 'linux.maskedPaths', kept);
      return kept.length !== list.length;
    },
  },
  { reason: 'which path is masked first makes no difference', apply: both('linux.maskedPaths', sorted) },
  {
    reason:
      'a privileged container gets what dockerd itself has since 23, and in 20.10 what 20.10 knows: all but the newest three',
    apply: (theirs, ours, name) => {
      if (!name.startsWith('privileged')) return false;
      for (const set of SETS) {
        put(
          theirs,
          set,
          (at(theirs, set) as string[]).filter((one) => OURS.has(one)),
        );
        put(
          ours,
          set,
          (at(ours, set) as string[]).filter((one) => !NEWEST.includes(one)),
        );
      }
      return true;
    },
  },
  {
    reason: 'a limit of 0 asks for nothing: dockerd writes it down, we leave it away',
    apply: both('linux.resources', (value) => {
      const { devices, ...rest } = value as Plain;
      return { devices, ...(withoutNothing(rest) as Plain | undefined) };
    }),
  },
  {
    reason:
      'the profile of seccomp has been changed since 20.10; that of test/security/runtime/docker-seccomp.json is ours',
    apply: (theirs, ours, name) => {
      if (name === 'a seccomp profile') return false;
      const short = (one: Plain): void => {
        const { defaultAction, architectures } = (at(one, 'linux.seccomp') ?? {}) as Plain;
        if (at(one, 'linux.seccomp') !== undefined) put(one, 'linux.seccomp', { defaultAction, architectures });
      };
      const differed = !same(at(theirs, 'linux.seccomp'), at(ours, 'linux.seccomp'));
      short(theirs);
      short(ours);
      return differed;
    },
  },
  {
    reason: 'dockerd since 25 makes everything below a read-only bind read-only where the kernel can (rro)',
    apply: (_, ours) => {
      const mounts = at(ours, 'mounts') as PlainMount[];
      put(
        ours,
        'mounts',
        mounts.map((one) => ({ ...one, options: one.options.map((o) => (o === 'rro' ? 'ro' : o)) })),
      );
      return mounts.some(({ options }) => options.includes('rro'));
    },
  },
  {
    reason: 'mounts of one depth, and options of one mount, have no order',
    apply: both('mounts', (list) => {
      const depth = ({ destination }: PlainMount): number => destination.split('/').length;
      return (list as PlainMount[])
        .map((one) => ({ ...one, options: [...one.options].sort() }))
        .sort((a, b) => depth(a) - depth(b) || (a.destination < b.destination ? -1 : 1));
    }),
  },
  {
    reason: 'a domain name has a member of its own since 1.1 of the specification; 20.10 writes the sysctl',
    apply: (theirs, ours) => {
      const domain = at(ours, 'domainname');
      if (domain === undefined) return false;
      const sysctls = at(theirs, 'linux.sysctl') as Plain;
      const differed = sysctls['kernel.domainname'] === domain;
      delete sysctls['kernel.domainname'];
      put(ours, 'domainname', undefined);
      return differed;
    },
  },
  {
    reason: 'the size of the terminal is given on Linux too since 23',
    apply: (_, ours, name) => {
      if (name !== 'a terminal with a size') return false;
      const differed = same(at(ours, 'process.consoleSize'), { height: 24, width: 80 });
      put(ours, 'process.consoleSize', undefined);
      return differed;
    },
  },
  {
    reason: 'maps have no order',
    apply: both('linux.sysctl', (map) => Object.fromEntries(Object.entries(map as Plain).sort())),
  },
];

/** Both configs without what is meant to differ; `needed` learns which reasons were. */
export function normalise(
  theirs: Spec,
  ours: Spec,
  name: string,
  needed: Set<string>,
): { readonly theirs: Plain; readonly ours: Plain } {
  const [a, b] = [plain(theirs), plain(ours)];
  // dockerd adds groups in the order of a Go map, which is another one each time
  for (const one of [a, b]) put(one, 'process.user.additionalGids', sorted(at(one, 'process.user.additionalGids')));
  for (const { reason, apply } of MEANT) if (apply(a, b, name)) needed.add(reason);
  return { theirs: a, ours: b };
}
