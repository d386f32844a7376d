import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { makeNetns, removeNetns } from '../../engine/network/netns.js';
import type { AttachRequest, EndpointRequest, PortMap } from '../../engine/network/types.js';

/** A network namespace for tests: containers without processes, a machine outside, and what they see. Only in a sandbox. */

export const containerId = (name: string): string => createHash('sha256').update(name).digest('hex');

/** A container that wishes to be on these networks. */
export function request(
  name: string,
  networks: Readonly<Record<string, EndpointRequest>> = { bridge: {} },
  ports: PortMap = {},
): AttachRequest {
  return {
    container: { id: containerId(name), name, hostname: containerId(name).slice(0, 12) },
    networks,
    ports,
    publishAll: false,
    exposed: [],
  };
}

/** `-p` of one TCP or UDP port. */
export const published = (port: string, hostPort: string, hostIp = ''): PortMap => ({
  [port]: [{ HostIp: hostIp, HostPort: hostPort }],
});

/** What a command prints in a network namespace; null: in ours. Its failure is the test's. */
export function inside(key: string | null, command: string): string {
  const done = tryInside(key, command);
  assert.equal(done.status, 0, `${command}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

export function tryInside(
  key: string | null,
  command: string,
): { status: number | null; stdout: string; stderr: string } {
  const argv = ['sh', '-c', command];
  const words = key === null ? argv : ['nsenter', `--net=${key}`, ...argv];
  return spawnSync(words[0] ?? '', words.slice(1), { encoding: 'utf8', timeout: 600_000 });
}

/** The same without holding this process up, for what it must itself carry or answer. */
export async function inTime(key: string | null, command: string): Promise<string> {
  const words = key === null ? ['sh', '-c', command] : ['nsenter', `--net=${key}`, 'sh', '-c', command];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000 });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
  await once(child, 'close');
  return text;
}

/** Whether a ping arrives. */
export const reaches = (key: string | null, address: string): boolean =>
  tryInside(key, `ping -c1 -W1 ${address}`).status === 0;

/** Servers of a test; all are ended by `endServers`. */
const servers: ChildProcess[] = [];

const TCP_SERVER = `
import socket, sys
s = socket.socket(socket.AF_INET6 if len(sys.argv) > 2 else socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1]))); s.listen(64); print("ready", flush=True)
while True:
    c, peer = s.accept(); c.sendall(("from " + peer[0] + "\\n").encode()); c.close()
`;
const UDP_SERVER = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1]))); print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2048); s.sendto(b"from " + peer[0].encode() + b" " + data, peer)
`;

/** A server in a namespace that tells each client its address. */
export async function serve(key: string | null, port: number, kind: 'tcp' | 'udp' = 'tcp'): Promise<void> {
  const python = ['python3', '-c', kind === 'tcp' ? TCP_SERVER : UDP_SERVER, String(port)];
  const words = key === null ? python : ['nsenter', `--net=${key}`, ...python];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(child);
  assert.ok(child.stdout !== null, 'no output of the server');
  await once(child.stdout, 'data');
}

/** A program in Python that says `ready` and then what it hears; the function ends it and tells what that was. */
export async function listen(key: string | null, program: string): Promise<() => Promise<string>> {
  const python = ['python3', '-u', '-c', program];
  const words = key === null ? python : ['nsenter', `--net=${key}`, ...python];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  child.stdout.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  while (!heard.includes('ready')) await once(child.stdout, 'data');
  return async () => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    return heard;
  };
}

export async function endServers(): Promise<void> {
  for (const child of servers.splice(0)) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

/** A machine beside ours, on a cable of its own: we are 10.99.0.1, it is 10.99.0.2. */
export function neighbour(name = 'out'): string {
  const key = `/run/neighbours/${name}`;
  makeNetns(key).close();
  inside(
    null,
    `ip link add ${name} type veth peer name eth0 netns ${key} && ip addr add 10.99.0.1/24 dev ${name} && ip link set ${name} up`,
  );
  inside(key, 'ip link set lo up; ip addr add 10.99.0.2/24 dev eth0; ip link set eth0 up');
  return key;
}

export function removeNeighbour(key: string): void {
  inside(null, `ip link del ${key.replace(/.*\//, '')}`);
  removeNetns(key);
}

/** Ask a TCP server and print what it says, in a second. */
export const ask = (address: string, port: number): string =>
  `timeout 2 busybox nc ${address} ${port} </dev/null 2>&1 || echo no answer`;

/** Ask a UDP server. */
export const askUdp = (address: string, port: number): string =>
  `python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.sendto(b"hello", ("${address}", ${port}))
try: print(s.recv(100).decode())
except OSError as error: print(error)'`;

/** Rules as iptables-save prints them, without counters and remarks. */
export function rules(version: 4 | 6 = 4): string[] {
  const program = version === 4 ? 'iptables-save' : 'ip6tables-save';
  return inside(null, program)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
    .join('\n')
    .replace(/\*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n?/, '') // a table that was written to once stays
    .split('\n');
}

/** All that networks leave in the kernel and on disk, to be compared. */
export function traces(execRoot: string, root: string): string {
  return [
    // a cable that was cut is still there until the kernel's worker has ended its namespace
    inside(
      null,
      "ip -o link | grep -v 'veth.*state DOWN\\|veth.*LOWERLAYERDOWN' | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | grep -v '^veth' | sort",
    ),
    inside(null, 'bridge link | wc -l'),
    rules().join('\n'),
    inside(null, `ls ${execRoot}/netns ${root}/network/sandboxes`),
    inside(null, `grep -c ' ${execRoot}/netns/' /proc/self/mountinfo || true`),
    inside(null, "ss -Hlntu | awk '{print $1, $5}' | sort"),
  ].join('\n--\n');
}
