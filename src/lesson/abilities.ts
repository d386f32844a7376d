/** What this lab can do, measured inside it: for a lesson's needs and for `only`. */
import type { Lab, Snapshot } from '../../engine/api/types.js';
import type { LabFacts } from './instantiate.js';
import type { LessonSource } from './source.js';
import type { Bilingual, Feature, Only } from './types.js';

export interface Abilities extends LabFacts {
  /** `none` where the lab has no control groups; `cgroup` is then `v1` for the sake of variables. */
  readonly dialect: 'v1' | 'v2' | 'none';
  readonly mode: 'root' | 'subuid' | 'one-user';
  readonly tools: ReadonlySet<string>;
  readonly features: ReadonlySet<Feature>;
}

/** A command that succeeds where the feature works; it undoes itself, because it happens in namespaces of its own. */
const PROBES: Readonly<Record<Exclude<Feature, `cgroup${string}`>, string>> = {
  userns: 'unshare -U true',
  netns: 'unshare -n true',
  veth: 'unshare -n ip link add gb0 type veth peer name gb1',
  bridge: 'unshare -n ip link add gb0 type bridge',
  vxlan: 'unshare -n ip link add gb0 type vxlan id 7 dstport 4789',
  macvlan: 'unshare -n sh -c "ip link add gb0 type veth peer name gb1 && ip link add gb2 link gb0 type macvlan"',
  overlay:
    'unshare -m sh -c "mount -t tmpfs t /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && mount -t overlay o -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w,userxattr /mnt/m || mount -t overlay o -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m"',
  iptables: 'unshare -n iptables -t nat -L -n',
  nft: 'unshare -n nft list ruleset',
  timens: 'unshare -T true',
  mknod: 'unshare -m sh -c "mount -t tmpfs t /mnt && mknod /mnt/n c 1 3"',
  swap: 'test "$(grep -c . /proc/swaps)" -gt 1',
  'two-cpus': 'test "$(nproc)" -ge 2',
};

const CONTROLLERS: Readonly<Partial<Record<Feature, string>>> = {
  'cgroup-memory': 'memory',
  'cgroup-cpu': 'cpu',
  'cgroup-cpuset': 'cpuset',
  'cgroup-pids': 'pids',
  'cgroup-freezer': 'freezer',
};

/** Programs and features that a lesson names anywhere. */
export function mentioned(source: LessonSource): { tools: string[]; features: Feature[] } {
  const tools = new Set(source.needs.tools);
  const features = new Set<Feature>(source.needs.features);
  const visit = (value: unknown, key: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, key);
    else if (typeof value === 'object' && value !== null) {
      if (key === 'only') {
        const only = value as Only;
        if (only.tool) tools.add(only.tool);
        if (only.feature) features.add(only.feature);
      }
      for (const [name, item] of Object.entries(value)) visit(item, name);
    }
  };
  visit(source.raw, '');
  return { tools: [...tools], features: [...features] };
}

/** Measure what a lesson mentions, in one round trip to the lab. */
export async function measureAbilities(
  lab: Lab,
  snapshot: Snapshot,
  wanted: { readonly tools: readonly string[]; readonly features: readonly Feature[] },
): Promise<Abilities> {
  const dialect = lab.info.cgroupMode === 'hybrid' ? 'v1' : lab.info.cgroupMode;
  const script = [
    'PATH="$PATH:/usr/sbin:/sbin"',
    ...wanted.tools.map((tool) => `command -v ${quote(tool)} >/dev/null 2>&1 && echo ${quote(`tool ${tool}`)}`),
    ...wanted.features.flatMap((feature) => {
      const probe = (PROBES as Readonly<Partial<Record<Feature, string>>>)[feature];
      return probe === undefined
        ? []
        : [`( ${probe} ) >/dev/null 2>&1 </dev/null && echo ${quote(`feature ${feature}`)}`];
    }),
    'true',
  ].join('\n');
  const result = await lab.exec({ argv: ['sh', '-c', script], timeoutMs: 15_000, actor: 'lesson' });
  // an answer that never came is not the answer that nothing is there
  if (result.timedOut || result.exitCode !== 0)
    throw new Error(`what this lab can do could not be measured: ${result.stderr.trim() || `exit ${result.exitCode}`}`);
  const lines = result.stdout.split('\n');
  const features = new Set(lines.filter((line) => line.startsWith('feature ')).map((line) => line.slice(8) as Feature));
  const writable = snapshot.cgroups.hierarchies.filter((hierarchy) => hierarchy.writable);
  if (dialect !== 'none') features.add('cgroup').add(dialect === 'v2' ? 'cgroup-v2' : 'cgroup-v1');
  for (const [feature, controller] of Object.entries(CONTROLLERS)) {
    // v2 has its freezer in every group, without a controller of that name.
    const named = writable.some((hierarchy) => hierarchy.controllers.includes(controller));
    if (named || (controller === 'freezer' && dialect === 'v2')) features.add(feature as Feature);
  }
  const v2 = snapshot.cgroups.hierarchies.find((hierarchy) => hierarchy.name === '' || hierarchy.name === 'v2');
  return {
    dialect,
    cgroup: dialect === 'v2' ? 'v2' : 'v1',
    mode: lab.info.mode,
    cgroupRoot: dialect === 'v2' ? (v2?.mountPoint ?? '/sys/fs/cgroup') : '/sys/fs/cgroup',
    tools: new Set(lines.filter((line) => line.startsWith('tool ')).map((line) => line.slice(5))),
    features,
  };
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function applies(only: Only | undefined, abilities: Abilities): boolean {
  if (!only) return true;
  if (only.cgroup !== undefined && only.cgroup !== abilities.dialect) return false;
  if (only.mode !== undefined && only.mode !== abilities.mode) return false;
  if (only.tool !== undefined && !abilities.tools.has(only.tool)) return false;
  return only.feature === undefined || abilities.features.has(only.feature);
}

/** What a lesson needs and this lab lacks, as sentences; empty when it can be taken here. */
export function unmetNeeds(source: LessonSource, abilities: Abilities): Bilingual[] {
  return [
    ...source.needs.tools
      .filter((tool) => !abilities.tools.has(tool))
      .map((tool) => ({
        en: `the program ${tool} is not installed`,
        zh: `没有安装程序 ${tool}`,
      })),
    ...source.needs.features
      .filter((feature) => !abilities.features.has(feature))
      .map((feature) => ({
        en: `this lab cannot do ${feature}: see \`glassbox doctor\``,
        zh: `这个实验室不支持 ${feature}：请看 \`glassbox doctor\``,
      })),
  ];
}
