import { EngineError } from '../kernel/errors.js';
import { compilePattern } from './pattern.js';
import { NEVER } from './time.js';
import type { ContainerState, ListOptions } from './types.js';

/** What filters ask of a container. */
export interface Listed {
  readonly id: string;
  /** Without `/`. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of its image and of those below it, and every name that stands for one of them. */
  readonly ancestors: readonly string[];
  /** Names and ids. */
  readonly networks: readonly string[];
  /** Names and destinations. */
  readonly volumes: readonly string[];
  /** `80/tcp` */
  readonly exposed: readonly string[];
  /** The machine's side of published ports: `8080/tcp`. */
  readonly published: readonly string[];
}

const FILTERS = new Set(
  'ancestor before expose exited health id isolation is-task label name network publish since status volume'.split(' '),
);
const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy'];

const refuse = (text: string): never => {
  throw new EngineError('InvalidArgument', text);
};

/** Checks filters as dockerd does, before any container is looked at. */
export function verifyListFilters(filters: ListOptions['filters']): void {
  for (const [key, values] of Object.entries(filters)) {
    if (!FILTERS.has(key)) refuse(`invalid filter '${key}'`);
    for (const value of values) verifyValue(key, value);
  }
}

function verifyValue(key: string, value: string): void {
  const oneOf = (what: string, words: readonly string[]): void => {
    if (!words.includes(value))
      refuse(
        `invalid filter '${key}=${value}': invalid value for ${what} (${value}): must be one of ${words.join(', ')}`,
      );
  };
  if (key === 'status') oneOf('state', STATES);
  if (key === 'health') oneOf('health', HEALTHS);
  if (key === 'exited' && !/^[+-]?\d{1,18}$/.test(value))
    refuse(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  if (key === 'is-task' && !['0', '1', 'true', 'false'].includes(value)) refuse(`invalid filter 'is-task=[${value}]'`);
  if ((key === 'publish' || key === 'expose') && portRange(value) === null)
    refuse(`invalid filter '${key}=${value}': invalid port`);
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
function portRange(text: string): { readonly first: number; readonly last: number; readonly protocol: string } | null {
  const [, from, to = from, protocol = 'tcp'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return from === undefined || first > last || last > 65_535 ? null : { first, last, protocol };
}

export interface FilterHost {
  /** A container by name, id or prefix, for `before` and `since`. Throws `No such container: x`. */
  readonly find: (name: string) => Listed;
}

/**
 * Which containers `docker ps` shows, youngest first. Values of one filter are alternatives, of `label` all must hold; different
 * filters all must hold. moby, daemon/list.go.
 */
export function selectContainers<T extends Listed>(all: readonly T[], options: ListOptions, host: FilterHost): T[] {
  const { filters, limit } = options;
  verifyListFilters(filters);
  const of = (key: string): readonly string[] => filters[key] ?? [];
  const also = options.all || limit > 0 || of('status').length > 0;
  const before = of('before').map((name) => host.find(name).created);
  const since = of('since').map((name) => host.find(name).created);
  const byName = of('name').map(matcher);
  const byId = of('id').map(matcher);
  const chosen = all
    .filter(({ state }) => also || state.Running)
    .filter((one) => {
      if (!of('label').every((label) => hasLabel(one.labels, label))) return false;
      if (byName.length > 0 && !byName.some((matches) => matches(`/${one.name}`) || matches(one.name))) return false;
      if (byId.length > 0 && !byId.some((matches) => matches(one.id))) return false;
      if (before.some((time) => one.created >= time) || since.some((time) => one.created <= time)) return false;
      return TESTS.every(([key, holds]) => of(key).length === 0 || of(key).some((value) => holds(one, value)));
    })
    .sort((a, b) => b.created - a.created);
  return limit > 0 ? chosen.slice(0, limit) : chosen;
}

const never = (state: ContainerState): boolean => state.StartedAt === NEVER;

const TESTS: readonly (readonly [string, (one: Listed, value: string) => boolean])[] = [
  ['status', ({ state }, value) => state.Status === value],
  ['health', ({ state }, value) => (state.Health?.Status ?? 'none') === value],
  ['exited', ({ state }, value) => !state.Running && !never(state) && state.ExitCode === Number(value)],
  ['ancestor', (one, value) => one.ancestors.some((name) => name === value || isDigestPrefix(name, value))],
  ['network', (one, value) => one.networks.some((name) => name === value || isIdPrefix(name, value))],
  ['volume', (one, value) => one.volumes.includes(value)],
  ['expose', (one, value) => hasPort(one.exposed, value)],
  ['publish', (one, value) => hasPort(one.published, value)],
  // tasks are a swarm's: there is none
  ['is-task', (_, value) => value === '0' || value === 'false'],
  ['isolation', (_, value) => value === 'default' || value === ''],
];

const isDigestPrefix = (name: string, value: string): boolean =>
  /^(sha256:)?[0-9a-f]{4,64}$/.test(value) &&
  name.startsWith('sha256:') &&
  name.slice(7).startsWith(value.replace(/^sha256:/, ''));
const isIdPrefix = (name: string, value: string): boolean =>
  /^[0-9a-f]{1,64}$/.test(value) && /^[0-9a-f]{64}$/.test(name) && name.startsWith(value);

function hasPort(ports: readonly string[], value: string): boolean {
  const wanted = portRange(value);
  return (
    wanted !== null &&
    ports.some((port) => {
      const [number, protocol = 'tcp'] = port.split('/');
      return protocol === wanted.protocol && Number(number) >= wanted.first && Number(number) <= wanted.last;
    })
  );
}

/** `key`, or `key=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  const key = at < 0 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(labels, key) && (at < 0 || labels[key] === wanted.slice(at + 1));
}

/** As Docker's filters.Args.Match: the text itself, or a pattern; what is no pattern matches nothing else. */
function matcher(value: string): (text: string) => boolean {
  const pattern = compilePattern(value);
  return (text) => text === value || (pattern?.(text) ?? false);
}
