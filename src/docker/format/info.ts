import type { Json } from '../inspect/json.js';
import { JsonNumber } from '../template/index.js';
import { printable } from './formatter.js';
import { bytesSize } from './units.js';

type Members = ReadonlyMap<string, Json>;

const members = (value: Json | undefined): Members =>
  value instanceof Map ? (value as Members) : new Map<string, Json>();
const items = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const strings = (value: Json | undefined): string[] =>
  items(value).flatMap((one) => (typeof one === 'string' ? [printable(one)] : []));

function text(map: Members, name: string): string {
  const value = map.get(name);
  if (value instanceof JsonNumber) return value.text;
  return typeof value === 'string' ? printable(value) : typeof value === 'boolean' ? String(value) : '';
}

/** docker info without a template: docker/cli's prettyPrintInfo. */
export function infoText(
  client: Members,
  server: Members | null,
): { readonly text: string; readonly warnings: readonly string[] } {
  const lines = [
    'Client:',
    ` Version:    ${text(client, 'Version')}`,
    ` Context:    ${text(client, 'Context')}`,
    ` Debug Mode: ${text(client, 'Debug')}`,
    '',
    'Server:',
  ];
  if (server !== null) lines.push(...serverLines(server), '');
  return {
    text: lines.map((line) => `${line}\n`).join(''),
    warnings: server === null ? [] : strings(server.get('Warnings')),
  };
}

function serverLines(server: Members): string[] {
  const lines: string[] = [];
  const add = (depth: number, name: string, value: string): void =>
    void lines.push(`${' '.repeat(depth)}${name}: ${value}`);
  const some = (depth: number, name: string, value: string): void => {
    if (value !== '') add(depth, name, value);
  };
  add(1, 'Containers', text(server, 'Containers'));
  add(2, 'Running', text(server, 'ContainersRunning'));
  add(2, 'Paused', text(server, 'ContainersPaused'));
  add(2, 'Stopped', text(server, 'ContainersStopped'));
  add(1, 'Images', text(server, 'Images'));
  some(1, 'Server Version', text(server, 'ServerVersion'));
  add(1, 'Storage Driver', text(server, 'Driver'));
  for (const [name, value] of pairsOf(server.get('DriverStatus'))) add(2, name, value);
  some(1, 'Logging Driver', text(server, 'LoggingDriver'));
  some(1, 'Cgroup Driver', text(server, 'CgroupDriver'));
  some(1, 'Cgroup Version', text(server, 'CgroupVersion'));
  const plugins = members(server.get('Plugins'));
  lines.push(' Plugins:');
  add(2, 'Volume', strings(plugins.get('Volume')).join(' '));
  add(2, 'Network', strings(plugins.get('Network')).join(' '));
  const authorization = strings(plugins.get('Authorization'));
  if (authorization.length > 0) add(2, 'Authorization', authorization.join(' '));
  add(2, 'Log', strings(plugins.get('Log')).join(' '));
  const devices = strings(server.get('CDISpecDirs'));
  if (devices.length > 0) lines.push(' CDI spec directories:', ...devices.map((one) => `  ${one}`));
  add(1, 'Swarm', text(members(server.get('Swarm')), 'LocalNodeState'));
  const runtimes = [...members(server.get('Runtimes')).keys()].map(printable).sort();
  if (runtimes.length > 0) {
    add(1, 'Runtimes', runtimes.join(' '));
    add(1, 'Default Runtime', text(server, 'DefaultRuntime'));
  }
  add(1, 'Init Binary', text(server, 'InitBinary'));
  for (const [name, key] of [
    ['containerd', 'ContainerdCommit'],
    ['runc', 'RuncCommit'],
    ['init', 'InitCommit'],
  ] as const)
    add(1, `${name} version`, text(members(server.get(key)), 'ID'));
  lines.push(...securityLines(strings(server.get('SecurityOptions'))));
  add(1, 'Kernel Version', text(server, 'KernelVersion'));
  add(1, 'Operating System', text(server, 'OperatingSystem'));
  add(1, 'OSType', text(server, 'OSType'));
  add(1, 'Architecture', text(server, 'Architecture'));
  add(1, 'CPUs', text(server, 'NCPU'));
  add(1, 'Total Memory', bytesSize(Number(text(server, 'MemTotal'))));
  add(1, 'Name', text(server, 'Name'));
  add(1, 'ID', text(server, 'ID'));
  add(1, 'Docker Root Dir', text(server, 'DockerRootDir'));
  add(1, 'Debug Mode', text(server, 'Debug'));
  if (text(server, 'Debug') === 'true') {
    add(2, 'File Descriptors', text(server, 'NFd'));
    add(2, 'Goroutines', text(server, 'NGoroutines'));
    add(2, 'System Time', text(server, 'SystemTime'));
    add(2, 'EventsListeners', text(server, 'NEventsListener'));
  }
  some(1, 'HTTP Proxy', text(server, 'HttpProxy'));
  some(1, 'HTTPS Proxy', text(server, 'HttpsProxy'));
  some(1, 'No Proxy', text(server, 'NoProxy'));
  const labels = strings(server.get('Labels'));
  if (labels.length > 0) lines.push(' Labels:', ...labels.map((one) => `  ${one}`));
  add(1, 'Experimental', text(server, 'ExperimentalBuild'));
  const registry = members(server.get('RegistryConfig'));
  const insecure = [
    ...[...members(registry.get('IndexConfigs'))].flatMap(([name, one]) =>
      members(one).get('Secure') === false ? [printable(name)] : [],
    ),
    ...strings(registry.get('InsecureRegistryCIDRs')),
  ];
  if (insecure.length > 0) lines.push(' Insecure Registries:', ...insecure.map((one) => `  ${one}`));
  const mirrors = strings(registry.get('Mirrors'));
  if (mirrors.length > 0) lines.push(' Registry Mirrors:', ...mirrors.map((one) => `  ${one}`));
  add(1, 'Live Restore Enabled', text(server, 'LiveRestoreEnabled'));
  some(1, 'Product License', text(server, 'ProductLicense'));
  const pools = items(server.get('DefaultAddressPools'));
  if (pools.length > 0)
    lines.push(
      ' Default Address Pools:',
      ...pools.map((one) => `   Base: ${text(members(one), 'Base')}, Size: ${text(members(one), 'Size')}`),
    );
  return lines;
}

function pairsOf(value: Json | undefined): [string, string][] {
  return items(value).map((pair) => {
    const [name = '', setting = ''] = strings(pair);
    return [name, setting];
  });
}

/** `name=seccomp,profile=default`, a name with its settings below it. */
function securityLines(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = [' Security Options:'];
  for (const option of options) {
    const fields = option.split(',').map((field) => field.split('='));
    for (const [key = '', value = ''] of fields) {
      if (key === 'name') lines.push(`  ${value}`);
      else lines.push(`   ${key.slice(0, 1).toUpperCase()}${key.slice(1)}: ${value}`);
    }
  }
  return lines;
}
