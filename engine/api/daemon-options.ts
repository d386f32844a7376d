import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { type DaemonNetworks, daemonNetworks } from './daemon-network.js';
import type { Listener } from './docker/http/listen.js';

/** How the engine is started: `glassbox engine`, in dockerd's own words. */
export interface DaemonOptions extends DaemonNetworks {
  readonly help: boolean;
  readonly hosts: readonly string[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidFile: string | null;
  readonly debug: boolean;
  readonly liveRestore: boolean;
  readonly iptables: boolean;
  readonly ipForward: boolean;
  readonly ipMasq: boolean;
  readonly userlandProxy: boolean;
  readonly cgroupParent: string;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly labels: readonly string[];
  /** Null: nobody said. */
  readonly defaultRuntime: string | null;
  /** Programs of other runtimes, by the name that they were given. */
  readonly runtimes: Readonly<Record<string, string>>;
  readonly tls: {
    readonly enabled: boolean;
    readonly verify: boolean;
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
  };
}

/**
 * `runtimes`: NAME=PATH as an argument, in the file an object with a `path` each. `pools`: base=SUBNET,size=N, in the file objects
 * with these two.
 */
type Kind = 'flag' | 'text' | 'list' | 'runtimes' | 'pools';
/** dockerd's flags that mean something here, with the names that daemon.json has for them. */
const FLAGS: Readonly<
  Record<string, { readonly kind: Kind; readonly key?: string; readonly short?: string; readonly help: string }>
> = {
  host: { kind: 'list', key: 'hosts', short: 'H', help: 'where to listen: unix://PATH, tcp://HOST:PORT, fd://N' },
  'data-root': { kind: 'text', help: 'directory of images, containers, volumes (default /var/lib/glassbox)' },
  'exec-root': { kind: 'text', help: 'directory for what ends with the machine (default /run/glassbox)' },
  pidfile: { kind: 'text', short: 'p', help: 'file for the process id' },
  'config-file': { kind: 'text', help: 'daemon.json (default /etc/docker/daemon.json)' },
  debug: { kind: 'flag', short: 'D', help: 'stack traces' },
  'live-restore': { kind: 'flag', help: 'containers go on when the engine ends' },
  bridge: { kind: 'text', short: 'b', help: "name of the default bridge; 'none': no bridge" },
  bip: { kind: 'text', help: 'address of the default bridge, with its prefix' },
  'fixed-cidr': { kind: 'text', help: 'range of addresses on the default bridge' },
  'fixed-cidr-v6': { kind: 'text', help: 'IPv6 subnet of the default bridge' },
  'default-gateway': {
    kind: 'text',
    help: "containers' gateway on the default bridge, where it is not the bridge itself",
  },
  'default-address-pool': {
    kind: 'pools',
    key: 'default-address-pools',
    help: 'where networks get subnets from: base=10.0.0.0/8,size=24',
  },
  mtu: { kind: 'text', help: "containers' MTU on the default bridge" },
  icc: { kind: 'flag', help: 'containers on the default bridge reach each other (default true)' },
  ip: { kind: 'text', help: 'address for ports that are published without one (default 0.0.0.0)' },
  ipv6: { kind: 'flag', help: 'IPv6 on the default bridge' },
  dns: { kind: 'list', help: 'name server of containers that name none' },
  'dns-search': { kind: 'list', help: 'search domain of containers that name none' },
  'dns-opt': { kind: 'list', key: 'dns-opts', help: 'option of resolv.conf of containers that name none' },
  iptables: { kind: 'flag', help: 'write firewall rules (default true)' },
  'ip-forward': { kind: 'flag', help: 'switch forwarding on (default true)' },
  'ip-masq': { kind: 'flag', help: 'masquerade containers (default true)' },
  'userland-proxy': { kind: 'flag', help: 'answer published ports on the loopback (default true)' },
  'cgroup-parent': { kind: 'text', help: "group of all containers' groups (default /docker)" },
  'insecure-registry': {
    kind: 'list',
    key: 'insecure-registries',
    help: 'registry without TLS, or with a certificate that is not checked',
  },
  'registry-mirror': { kind: 'list', key: 'registry-mirrors', help: 'mirror of the Docker Hub' },
  label: { kind: 'list', key: 'labels', help: 'label of this engine' },
  'default-runtime': { kind: 'text', help: "runtime of containers (default 'glassbox', or GLASSBOX_RUNTIME)" },
  'add-runtime': { kind: 'runtimes', key: 'runtimes', help: 'another runtime by name: NAME=PATH' },
  tls: { kind: 'flag', help: 'TLS on TCP' },
  tlsverify: { kind: 'flag', help: 'TLS on TCP, for clients with a certificate of the authority' },
  tlscacert: { kind: 'text', help: 'certificate of the authority' },
  tlscert: { kind: 'text', help: 'certificate' },
  tlskey: { kind: 'text', help: 'key' },
};

/** What is accepted and has no effect: there is one way to do it here. */
const ACCEPTED = new Set([
  'storage-driver',
  'log-level',
  'log-driver',
  'containerd',
  'exec-opt',
  'group',
  'experimental',
  'features',
  'storage-opts',
  'exec-opts',
  'log-opts',
  'shutdown-timeout',
  'max-concurrent-downloads',
  'max-concurrent-uploads',
  'raw-logs',
]);

type Values = Map<string, (string | boolean)[]>;

/** Flags of the command line over those of daemon.json; one option in both places is an error, as with dockerd. */
export function parseDaemonOptions(argv: readonly string[]): DaemonOptions {
  const given = parseArgv(argv);
  const file = single(given, 'config-file') ?? '/etc/docker/daemon.json';
  const configured = existsSync(file) ? parseConfigFile(file) : new Map<string, (string | boolean)[]>();
  if (given.has('config-file') && !existsSync(file))
    throw bad(`unable to configure the Docker daemon with file ${file}: open ${file}: no such file or directory`);
  for (const name of configured.keys())
    if (given.has(name)) {
      const { kind, key = name } = FLAGS[name] ?? {};
      const shown = (values: Values): string =>
        kind === 'list' ? `[${(values.get(name) ?? []).join(' ')}]` : String(values.get(name));
      throw bad(
        `unable to configure the Docker daemon with file ${file}: the following directives are specified both as a flag and in the configuration file: ${key}: (from flag: ${shown(given)}, from file: ${shown(configured)})`,
      );
    }
  return build(new Map([...configured, ...given]));
}

export function daemonHelp(): string {
  const rows = Object.entries(FLAGS).map(
    ([name, { short, help, kind }]) =>
      `  ${short === undefined ? '    ' : `-${short}, `}--${name}${kind === 'flag' ? '' : ' …'}`.padEnd(32) + help,
  );
  return `Usage: glassbox engine [OPTIONS]\n\nServes the Docker Engine API.\n\n${rows.join('\n')}\n`;
}

function bad(message: string): EngineError {
  return new EngineError('InvalidArgument', message);
}

function parseArgv(argv: readonly string[]): Values {
  const values: Values = new Map();
  const shorts = new Map(
    Object.entries(FLAGS).flatMap(([name, { short }]) => (short === undefined ? [] : [[short, name] as const])),
  );
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--help' || word === '-h') {
      values.set('help', [true]);
      continue;
    }
    const [, long, short, inline] = /^(?:--([a-z][a-z0-9-]*)|-([a-zA-Z]))(?:=(.*))?$/s.exec(word) ?? [];
    const name = long ?? shorts.get(short ?? '');
    if (name === undefined) throw bad(`unknown argument: ${word}; see 'glassbox engine --help'`);
    const flag = FLAGS[name];
    if (flag === undefined && !ACCEPTED.has(name)) throw bad(`unknown flag: --${name}; see 'glassbox engine --help'`);
    if (flag?.kind === 'flag') {
      add(values, name, booleanOf(name, inline ?? 'true'));
      continue;
    }
    const value = inline ?? words.shift();
    if (value === undefined) throw bad(`flag needs an argument: --${name}`);
    if (flag !== undefined) add(values, name, value);
  }
  return values;
}

function add(values: Values, name: string, value: string | boolean): void {
  if (['list', 'runtimes', 'pools'].includes(FLAGS[name]?.kind ?? ''))
    values.set(name, [...(values.get(name) ?? []), value]);
  else values.set(name, [value]);
}

function booleanOf(name: string, text: string): boolean {
  if (['true', '1', 't'].includes(text)) return true;
  if (['false', '0', 'f'].includes(text)) return false;
  throw bad(`invalid argument "${text}" for "--${name}" flag: it is true or false`);
}

function parseConfigFile(file: string): Values {
  const wrong = (why: string): EngineError => bad(`unable to configure the Docker daemon with file ${file}: ${why}`);
  let parsed: unknown;
  const text = readFileSync(file, 'utf8');
  if (text.trim() === '') return new Map();
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw wrong(error instanceof Error ? `invalid JSON: ${error.message}` : 'invalid JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong('it is not an object');
  const names = new Map(Object.entries(FLAGS).map(([name, { key }]) => [key ?? name, name]));
  const values: Values = new Map();
  for (const [key, value] of Object.entries(parsed)) {
    const name = names.get(key);
    if (name === undefined) {
      if (ACCEPTED.has(key)) continue;
      throw wrong(`the following directives don't match any configuration option: ${key}`);
    }
    const { kind } = FLAGS[name] as { kind: Kind };
    if (kind === 'list' && Array.isArray(value) && value.every((one) => typeof one === 'string'))
      values.set(name, value as string[]);
    else if (kind === 'flag' && typeof value === 'boolean') values.set(name, [value]);
    else if (kind === 'text' && (typeof value === 'string' || typeof value === 'number'))
      values.set(name, [String(value)]);
    else if (kind === 'runtimes') values.set(name, runtimesOf(value, wrong));
    else if (kind === 'pools') values.set(name, poolsOf(value, wrong));
    else throw wrong(`json: cannot unmarshal ${typeof value} into Go struct field Config.${key}`);
  }
  return values;
}

/** `[{"base": "10.0.0.0/8", "size": 24}]` as base=…,size=… */
function poolsOf(value: unknown, wrong: (why: string) => EngineError): string[] {
  if (!Array.isArray(value))
    throw wrong(`json: cannot unmarshal ${typeof value} into Go struct field Config.default-address-pools`);
  return value.map((one: unknown) => {
    const field = (name: string): unknown =>
      typeof one === 'object' && one !== null && Object.hasOwn(one, name) ? Reflect.get(one, name) : undefined;
    const [base, size] = [field('base') ?? field('Base'), field('size') ?? field('Size')];
    if (typeof base !== 'string' || typeof size !== 'number')
      throw wrong('each of default-address-pools has a base, a subnet, and a size, a number of bits');
    return `base=${base},size=${size}`;
  });
}

/** `{"crun": {"path": "/usr/bin/crun"}}` as NAME=PATH. */
function runtimesOf(value: unknown, wrong: (why: string) => EngineError): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(`json: cannot unmarshal ${typeof value} into Go struct field Config.runtimes`);
  return Object.entries(value).map(([name, runtime]: [string, unknown]) => {
    const field = (one: unknown, key: string): unknown =>
      typeof one === 'object' && one !== null ? Reflect.get(one, key) : undefined;
    // options of io.containerd.runc.v2: containerd, core/runtime/v2/runc/options
    const binary = field(field(runtime, 'options'), 'BinaryName');
    const path = field(runtime, 'path') ?? binary ?? field(runtime, 'runtimeType');
    const args = field(runtime, 'runtimeArgs') ?? [];
    if (!Array.isArray(args) || args.length > 0)
      throw wrong(`runtime ${name}: runtimeArgs are not given to it: let path name a script that gives them`);
    if (typeof path !== 'string' || path === '')
      throw wrong(`runtime ${name}: either a runtimeType or a path must be configured`);
    return `${name}=${path}`;
  });
}

/** moby, opts/runtime.go. */
function namedRuntime(text: string): readonly [string, string] {
  const [, name, path] = /^\s*([^=\s]+)\s*=\s*(\S.*?)\s*$/.exec(text) ?? [];
  if (name === undefined || path === undefined) throw bad(`invalid runtime argument: ${text}`);
  if (name === 'glassbox') throw bad(`runtime name '${name}' is reserved`);
  return [name, path];
}

function single(values: Values, name: string): string | undefined {
  const value = values.get(name)?.at(-1);
  return typeof value === 'string' ? value : undefined;
}

function build(values: Values): DaemonOptions {
  const text = (name: string, otherwise: string): string => single(values, name) ?? otherwise;
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = values.get(name)?.at(-1);
    return typeof value === 'boolean' ? value : otherwise;
  };
  const list = (name: string): string[] => (values.get(name) ?? []).map(String);
  const home = process.env['HOME'] ?? '/root';
  const verify = flag('tlsverify', false);
  return {
    help: values.has('help'),
    hosts: values.has('host') ? list('host') : ['unix:///var/run/docker.sock'],
    dataRoot: text('data-root', '/var/lib/glassbox'),
    execRoot: text('exec-root', '/run/glassbox'),
    pidFile: single(values, 'pidfile') ?? null,
    debug: flag('debug', false),
    liveRestore: flag('live-restore', false),
    ...daemonNetworks({
      text: (name) => single(values, name),
      flag: (name) => (values.has(name) ? flag(name, false) : undefined),
      list,
    }),
    iptables: flag('iptables', true),
    ipForward: flag('ip-forward', true),
    ipMasq: flag('ip-masq', true),
    userlandProxy: flag('userland-proxy', true),
    cgroupParent: text('cgroup-parent', '/docker'),
    insecureRegistries: list('insecure-registry'),
    registryMirrors: list('registry-mirror'),
    labels: list('label'),
    defaultRuntime: single(values, 'default-runtime') ?? null,
    runtimes: Object.fromEntries(list('add-runtime').map(namedRuntime)),
    tls: {
      enabled: flag('tls', false) || verify,
      verify,
      ca: text('tlscacert', join(home, '.docker/ca.pem')),
      cert: text('tlscert', join(home, '.docker/cert.pem')),
      key: text('tlskey', join(home, '.docker/key.pem')),
    },
  };
}

/** A host of `-H` as the server listens on it. */
export function listenerOf(host: string, tls: DaemonOptions['tls']): Listener {
  const [, scheme = 'tcp', rest = host] = /^([a-z]+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === 'unix') return { unix: rest };
  if (scheme === 'fd') return { fd: Number(rest === '' ? 3 : rest) };
  const [, name = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(rest.replace(/\/.*$/, '')) ?? [];
  if (scheme !== 'tcp') throw bad(`invalid bind address: ${host}`);
  const files = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw bad(`could not load X509 key pair or authority: ${(error as Error).message}`);
    }
  };
  return {
    host: name.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(port ?? (tls.enabled ? 2376 : 2375)),
    ...(tls.enabled
      ? { tls: { cert: files(tls.cert), key: files(tls.key), ...(tls.verify ? { ca: files(tls.ca) } : {}) } }
      : {}),
  };
}
