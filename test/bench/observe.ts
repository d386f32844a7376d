/**
 * What observing costs and how soon it sees: parts of a snapshot, idle processor time, delay from a change in the kernel
 * to its event. Needs root; everything happens in namespaces of its own. Prints; judges nothing.
 *
 *     node --import tsx test/bench/observe.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabInfo, ObserveEvent } from '../../engine/api/types.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { createObserver, rootAccess } from '../../engine/observe/index.js';
import { LabReader } from '../../engine/observe/lab-reader.js';

const SETUP = `mount -t tmpfs t /run; hostname lab; ip link set lo up
for i in 1 2 3; do ip netns add r$i; ip link add v$i type veth peer name eth0 netns r$i; done
ip link add br0 type bridge; ip link set br0 up; for i in 1 2 3; do ip link set v$i master br0 up; ip -n r$i link set eth0 up; done
mkdir /run/l /run/u /run/w /run/m; touch /run/l/a /run/l/b; mount -t overlay o -o userxattr,lowerdir=/run/l,upperdir=/run/u,workdir=/run/w /run/m
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 300 & done; unshare -n sleep 300 & unshare -mu sleep 300 &
echo ready; while read -r line; do eval "$line"; echo done; done`;

/** A lab with a shell that runs one line at a time. */
async function makeLab(): Promise<{ init: number; run(line: string): Promise<number>; end(): void }> {
  const child: ChildProcess = spawn('unshare', ['-UrmpnuiCf', '--mount-proc', 'sh', '-c', SETUP], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let waiting: (() => void) | null = null;
  child.stdout?.on('data', () => waiting?.());
  const next = (): Promise<void> => new Promise((resolve) => (waiting = resolve));
  await next();
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  const init = Number(children.trim().split(' ')[0]);
  return {
    init,
    run: async (line) => {
      const done = next();
      child.stdin?.write(`${line}\n`);
      await done;
      return performance.now();
    },
    end: () => {
      child.stdin?.end();
      process.kill(init, 'SIGKILL');
    },
  };
}

function cpuMs(since?: NodeJS.CpuUsage): number {
  const usage = process.cpuUsage(since);
  return (usage.user + usage.system) / 1000;
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const lab = await makeLab();
const info: LabInfo = {
  id: 'bench',
  hostname: 'lab',
  initHostPid: lab.init,
  startedAt: 0,
  readyMs: 0,
  mode: 'root',
  cgroupMode: 'none',
  weaknesses: [],
  kept: null,
};
const options = {
  kernel: realKernel,
  initHostPid: lab.init,
  access: rootAccess(realKernel),
  cgroups: { mode: 'none' as const, hierarchies: [] },
  labInfo: () => info,
};

const reader = new LabReader(options);
reader.pulse(true);
reader.readCore();
const cost = (name: string, times: number, read: () => unknown): void => {
  for (let i = 0; i < times / 4; i++) read();
  const cpu = process.cpuUsage();
  for (let i = 0; i < times; i++) read();
  console.log(`  ${name.padEnd(42)} ${(cpuMs(cpu) / times).toFixed(3).padStart(8)} ms`);
};
console.log(
  `cost of one reading (${reader.assemble().processes.length} processes, ${reader.namespaces.length} namespaces)`,
);
const nets = new Set(reader.namespaces.filter(({ kind }) => kind === 'net').map(({ id }) => id));
cost('pulse: has anything run?', 2000, () => reader.pulse());
cost('pulse with a scan of /proc', 300, () => reader.pulse(true));
cost('core: what ran, mounts, namespaces', 300, () => reader.readCore());
cost('core, every process', 100, () => reader.readCore(true));
cost(`networks (${nets.size}), dumped`, 60, () => reader.readNetworks(nets));
cost('networks, counters alone', 200, () => reader.network.readCounters(reader.namespaces));
cost('netlink: anything said?', 1000, () => reader.network.watch?.drain());
cost('overlays', 100, () => reader.readOverlays());
cost('assemble', 200, () => reader.assemble());
reader.close();

const reactor = new Reactor();
const observer = createObserver({ ...options, reactor });
let waitFor: { match(event: ObserveEvent): boolean; found(at: number): void } | null = null;
const stop = observer.watch((event) => {
  if (waitFor?.match(event) === true) waitFor.found(performance.now());
});
await sleep(1000);

const rounds = Number(process.argv[2] ?? 12);
const kinds: [string, (i: number) => string, string][] = [
  ['ip link add (netlink)', (i) => `ip link add d${i} type bridge`, 'link'],
  ['ip netns add', (i) => `ip netns add n${i}`, 'namespace'],
  ['mount', (i) => `mkdir -p /run/t${i}; mount -t tmpfs t${i} /run/t${i}`, 'mount'],
  ['hostname (a builtin would do)', (i) => `hostname h${i}`, 'hostname'],
  ['a new process that stays', () => 'sleep 200 & :', 'process'],
  ['a file in an overlay', (i) => `echo x > /run/m/f${i}`, 'layer-entry'],
  ['iptables rule', (i) => `iptables -A INPUT -p tcp --dport ${i + 1} -j ACCEPT`, 'firewall-rule'],
];
console.log('delay from the end of the command to the event, ms (p50, p95, max)');
for (const [name, line, object] of kinds) {
  const delays: number[] = [];
  for (let i = 0; i < rounds; i++) {
    await sleep(60 + Math.random() * 150);
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<number>((resolve) => {
      timer = setTimeout(() => resolve(Number.POSITIVE_INFINITY), 5000);
      waitFor = {
        match: ({ changes }) => changes.some((change) => change.object === object && change.kind !== 'removed'),
        found: resolve,
      };
    });
    const done = await lab.run(line(i));
    delays.push(Math.max(0, (await seen) - done));
    clearTimeout(timer);
    waitFor = null;
  }
  console.log(
    `  ${name.padEnd(42)} ${[0.5, 0.95, 1].map((share) => percentile(delays, share).toFixed(0).padStart(6)).join(' ')}`,
  );
}

await sleep(7000);
const cpu = process.cpuUsage();
const from = performance.now();
await sleep(20_000);
console.log(`idle: ${((cpuMs(cpu) / (performance.now() - from)) * 100).toFixed(2)} % of one processor`);
stop();
observer.close();
const bare = process.cpuUsage();
const bareFrom = performance.now();
const timer = setInterval(() => undefined, 90);
await sleep(5_000);
clearInterval(timer);
console.log(`      ${((cpuMs(bare) / (performance.now() - bareFrom)) * 100).toFixed(2)} % with nothing but the timer`);
reactor.close();
lab.end();
