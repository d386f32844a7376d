/** A lab in which the engine runs containers: one with a published port, one in its network, one in the host's, one paused on a network of its own, two that do not run. */
import type { Container, LayerDir, LayerEntry, Snapshot } from '../../engine/api/types.js';
import { cpu, memory } from './panel-scenes.js';
import { lab, layer } from './snapshot-builder.js';

const DATA = '/var/lib/glassbox/image/overlay';
const CHAIN = 'c'.repeat(64);

export const IDS = {
  web: `${'1'.repeat(12)}${'a'.repeat(52)}`,
  db: `${'2'.repeat(12)}${'a'.repeat(52)}`,
  app: `${'3'.repeat(12)}${'a'.repeat(52)}`,
  hosty: `${'4'.repeat(12)}${'a'.repeat(52)}`,
  made: `${'5'.repeat(12)}${'a'.repeat(52)}`,
  done: `${'6'.repeat(12)}${'a'.repeat(52)}`,
} as const;

type Name = keyof typeof IDS;

const directory = (path: string): LayerEntry => ({ path, type: 'directory', bytes: 0 });
const file = (path: string, bytes: number): LayerEntry => ({ path, type: 'file', bytes });

const IMAGE: readonly LayerDir[] = [
  layer('lower', `${DATA}/layers/${CHAIN}-init/diff`, [directory('etc'), file('etc/hosts', 0)]),
  layer('lower', `${DATA}/layers/${CHAIN}/diff`, [directory('bin'), file('bin/busybox', 1_000_000)]),
  layer('lower', `${DATA}/layers/${'d'.repeat(64)}/diff`, [directory('etc'), file('etc/issue', 12)]),
];

/** @param words what people called it: names and image of the first container */
export function dockerLab(words: { readonly name?: string; readonly image?: string } = {}): Snapshot {
  const build = lab();
  const called = (name: Name): string => (name === 'web' ? (words.name ?? name) : name);
  const net = (owners: readonly Name[], sandbox: string): string =>
    build.namespace('net', { names: [sandbox], containers: owners.map(called) });
  const webNet = net(['web', 'db'], 'aaaaaaaaaaaa');
  const appNet = net(['app'], 'bbbbbbbbbbbb');
  const containers: Container[] = [];
  const add = (name: Name, pid: number | null, more: Partial<Container> & { readonly net?: string } = {}): void => {
    const { net: network, ...rest } = more;
    const id = IDS[name];
    const cgroup = `/docker/${id}`;
    const own =
      pid === null
        ? {}
        : {
            ...(network === undefined ? {} : { net: network }),
            pid: build.namespace('pid', { containers: [called(name)] }),
            mnt: build.namespace('mnt', { containers: [called(name)] }),
          };
    if (pid !== null) {
      build.process(pid, {
        comm: 'sleep',
        argv: ['sleep', '1000'],
        nspid: [pid, 1],
        namespaces: own,
        cgroups: { memory: cgroup },
      });
      build.cgroup(cgroup, 'memory', {
        procs: [pid],
        memory: memory(9_000_000, name === 'app' ? 64_000_000 : null),
        freezer: { frozen: rest.state === 'paused', state: rest.state === 'paused' ? 'FROZEN' : 'THAWED' },
      });
      build.cgroup(cgroup, 'cpu', {
        procs: [pid],
        cpu: cpu(1_000, name === 'app' ? { quotaUs: 50_000, periodUs: 100_000 } : {}),
      });
    }
    const wrote = name === 'web' ? [file('newfile', 6), directory('etc'), file('etc/issue', 20)] : [];
    build.overlay(
      `${DATA}/snapshots/${id}/merged`,
      [layer('upper', `${DATA}/snapshots/${id}/upper`, wrote), ...IMAGE, layer('work', `${DATA}/snapshots/${id}/work`)],
      { container: id, ...(pid === null ? { mounted: false as const } : {}) },
    );
    const home = build.build().processes[0]?.namespaces ?? {};
    containers.push({
      id,
      name: called(name),
      image: name === 'web' ? (words.image ?? 'nginx:1.27') : 'busybox',
      imageId: `sha256:${'e'.repeat(64)}`,
      state: pid === null ? 'created' : 'running',
      exitCode: null,
      pid,
      processes: pid === null ? [] : [pid],
      namespaces: pid === null ? {} : { ...home, ...own },
      cgroup: pid === null ? null : cgroup,
      networkMode: 'bridge',
      ...rest,
    });
  };
  build.cgroup('/', 'memory', { procs: [1], memory: memory(50_000_000, null) }).cgroup('/docker', 'memory');
  add('web', 41, { net: webNet });
  add('db', 51, { net: webNet, networkMode: `container:${IDS.web}` });
  add('app', 61, { net: appNet, state: 'paused', networkMode: 'mynet' });
  add('hosty', 71, { networkMode: 'host' });
  add('made', null);
  add('done', null, { state: 'exited', exitCode: 3 });
  build
    .veth('host/veth1', 'aaaaaaaaaaaa/eth0', { b: ['172.17.0.2/16'] })
    .veth('host/veth2', 'bbbbbbbbbbbb/eth0', { b: ['172.18.0.2/16'] })
    .bridge('host/docker0', ['veth1'], ['172.17.0.1/16'])
    .bridge('host/br-777777777777', ['veth2'], ['172.18.0.1/16'])
    .route('aaaaaaaaaaaa', 'default', '172.17.0.1', 'eth0')
    .sysctl('host', 'net.ipv4.ip_forward', '1')
    .dnat('host', '8080', '172.17.0.2:80')
    .masquerade('host', '172.17.0.0/16', '!docker0')
    .masquerade('host', '172.18.0.0/16', '!br-777777777777')
    .masquerade('host', '172.17.0.2/32')
    .listen('host', 8080);
  const snapshot = build.build();
  const labels = new Map(
    snapshot.namespaces.flatMap(({ id, containers: names }) =>
      names === undefined ? [] : [[id, `container ${names[0]}`]],
    ),
  );
  return {
    ...snapshot,
    networks: snapshot.networks.map((one) => ({ ...one, label: labels.get(one.id) ?? one.label })),
    containers,
    containerNetworks: [
      { id: '8'.repeat(64), name: 'bridge', driver: 'bridge', bridge: 'docker0' },
      { id: '7'.repeat(64), name: 'mynet', driver: 'bridge', bridge: 'br-777777777777' },
    ],
  };
}
