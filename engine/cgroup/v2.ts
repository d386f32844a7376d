import type { Cgroup } from '../api/types.js';
import type { ControlFiles } from './files.js';
import type { CgroupValues } from './v1.js';

/**
 * What one v2 group says. A controller that its parent did not enable in cgroup.subtree_control has no files here, so its
 * section is null. cpu.stat exists in every group (time is always counted), limits only with the cpu controller.
 * Documentation/admin-guide/cgroup-v2.rst.
 */
export function readV2(files: ControlFiles): CgroupValues {
  return {
    memory: memory(files),
    cpu: cpu(files),
    pids: pids(files),
    cpuset: cpuset(files),
    freezer: freezer(files),
    io: io(files),
  };
}

function memory(files: ControlFiles): Cgroup['memory'] {
  const usage = files.number('memory.current');
  if (usage === null) return null;
  const events = files.keyed('memory.events');
  return {
    usage,
    limit: files.number('memory.max'),
    peak: files.number('memory.peak'),
    failcnt: events?.get('max') ?? 0,
    oomKills: events?.get('oom_kill') ?? 0,
    underOom: false,
    swapLimit: files.number('memory.swap.max'),
    swapUsage: files.number('memory.swap.current'),
  };
}

function cpu(files: ControlFiles): Cgroup['cpu'] {
  const stat = files.keyed('cpu.stat');
  const max = files.text('cpu.max');
  if (stat === null && max === null) return null;
  const [quota, period] = (max ?? '').split(' ');
  return {
    shares: null,
    weight: files.number('cpu.weight'),
    quotaUs: quota === undefined || quota === '' || quota === 'max' ? null : Number(quota),
    periodUs: period === undefined ? null : Number(period),
    usageUs: stat?.get('usage_usec') ?? null,
    nrPeriods: stat?.get('nr_periods') ?? 0,
    nrThrottled: stat?.get('nr_throttled') ?? 0,
    throttledUs: stat?.get('throttled_usec') ?? 0,
  };
}

function pids(files: ControlFiles): Cgroup['pids'] {
  const current = files.number('pids.current');
  if (current === null) return null;
  return { current, max: files.number('pids.max'), hitMax: files.keyed('pids.events')?.get('max') ?? 0 };
}

function cpuset(files: ControlFiles): Cgroup['cpuset'] {
  const effective = files.text('cpuset.cpus.effective');
  if (effective === null) return null;
  return { cpus: files.text('cpuset.cpus') ?? '', mems: files.text('cpuset.mems') ?? '', effectiveCpus: effective };
}

/** cgroup.freeze is the wish, `frozen` of cgroup.events what has come of it. The state is named as v1 names it. */
function freezer(files: ControlFiles): Cgroup['freezer'] {
  const wish = files.text('cgroup.freeze');
  if (wish === null) return null;
  const frozen = files.keyed('cgroup.events')?.get('frozen') === 1;
  return { frozen, state: frozen ? 'FROZEN' : wish === '1' ? 'FREEZING' : 'THAWED' };
}

/** `8:0 rbytes=1 wbytes=2 …` lines, all devices together. */
function io(files: ControlFiles): Cgroup['io'] {
  const text = files.text('io.stat');
  if (text === null) return null;
  const sum = (key: string): number => {
    let total = 0;
    for (const match of text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))) total += Number(match[1]);
    return total;
  };
  return { readBytes: sum('rbytes'), writeBytes: sum('wbytes') };
}
