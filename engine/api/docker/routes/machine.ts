import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modeOf, mountedHierarchies } from '../../../cgroup/hierarchy.js';
import { parseMountinfo } from '../../../kernel/mountinfo.js';

/** What the cgroups of this machine can limit: pkg/sysinfo of moby, read from the hierarchies that are mounted. */
export interface CgroupFacts {
  readonly version: 1 | 2;
  readonly MemoryLimit: boolean;
  readonly SwapLimit: boolean;
  readonly KernelMemoryTCP?: boolean;
  readonly CpuCfsPeriod: boolean;
  readonly CpuCfsQuota: boolean;
  readonly CPUShares: boolean;
  readonly CPUSet: boolean;
  readonly PidsLimit: boolean;
  readonly OomKillDisable: boolean;
}

export function readCgroupFacts(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupFacts {
  const mounted = mountedHierarchies(parseMountinfo(mountinfo));
  if (modeOf(mounted) === 'v2') {
    const top = mounted.find((one) => one.version === 2)?.mount.mountPoint ?? '/sys/fs/cgroup';
    const controllers = readFileSync(join(top, 'cgroup.controllers'), 'utf8').trim().split(' ');
    const has = (name: string): boolean => controllers.includes(name);
    const swap = has('memory') && existsSync('/proc/swaps');
    return {
      version: 2,
      MemoryLimit: has('memory'),
      SwapLimit: swap,
      CpuCfsPeriod: has('cpu'),
      CpuCfsQuota: has('cpu'),
      CPUShares: has('cpu'),
      CPUSet: has('cpuset'),
      PidsLimit: has('pids'),
      OomKillDisable: false,
    };
  }
  const holds = (controller: string, file: string): boolean => {
    const hierarchy = mounted.find((one) => one.version === 1 && one.controllers.includes(controller));
    return hierarchy !== undefined && existsSync(join(hierarchy.mount.mountPoint, file));
  };
  return {
    version: 1,
    MemoryLimit: holds('memory', 'memory.limit_in_bytes'),
    SwapLimit: holds('memory', 'memory.memsw.limit_in_bytes'),
    KernelMemoryTCP: holds('memory', 'memory.kmem.tcp.limit_in_bytes'),
    CpuCfsPeriod: holds('cpu', 'cpu.cfs_period_us'),
    CpuCfsQuota: holds('cpu', 'cpu.cfs_quota_us'),
    CPUShares: holds('cpu', 'cpu.shares'),
    CPUSet: holds('cpuset', 'cpuset.cpus'),
    PidsLimit: mounted.some((one) => one.controllers.includes('pids')),
    OomKillDisable: holds('memory', 'memory.oom_control'),
  };
}

/** Lines that dockerd prints below `docker info` for what is missing. */
export function cgroupWarnings(facts: CgroupFacts): string[] {
  const lacks: readonly (readonly [boolean, string])[] = [
    [facts.MemoryLimit, 'WARNING: No memory limit support'],
    [facts.SwapLimit, 'WARNING: No swap limit support'],
    [facts.OomKillDisable || facts.version === 2, 'WARNING: No oom kill disable support'],
    [facts.CpuCfsQuota, 'WARNING: No cpu cfs quota support'],
    [facts.CpuCfsPeriod, 'WARNING: No cpu cfs period support'],
    [facts.CPUShares, 'WARNING: No cpu shares support'],
    [facts.CPUSet, 'WARNING: No cpuset support'],
    [facts.PidsLimit, 'WARNING: No pids limit support'],
  ];
  return lacks.filter(([there]) => !there).map(([, warning]) => warning);
}

/** os-release(5). */
export function operatingSystem(): { readonly name: string; readonly version: string } {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    if (!existsSync(path)) continue;
    const text = readFileSync(path, 'utf8');
    const field = (key: string): string => new RegExp(`^${key}="?(.*?)"?$`, 'm').exec(text)?.[1] ?? '';
    return { name: field('PRETTY_NAME') || 'Linux', version: field('VERSION_ID') };
  }
  return { name: 'Linux', version: '' };
}

/** A setting of the kernel that is there and is 1. */
export function isOn(path: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').trim() === '1';
}
