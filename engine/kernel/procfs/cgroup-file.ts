/** One line of /proc/PID/cgroup; cgroups(7). */
export interface CgroupMembership {
  /** 0 for cgroup v2. */
  readonly hierarchyId: number;
  /** Controller list of a v1 hierarchy (`cpu,cpuacct`, `name=systemd`), `""` for v2. */
  readonly controllers: string;
  /** Path within the hierarchy, from the reader's cgroup namespace: may begin with `/..`. */
  readonly path: string;
}

/** Parse /proc/PID/cgroup. A path may hold `:`, so only the first two separate. ` (deleted)` is left on the path, as the kernel has it. */
export function parseCgroupFile(text: string): CgroupMembership[] {
  const found: CgroupMembership[] = [];
  for (const line of text.split('\n')) {
    const first = line.indexOf(':');
    const second = line.indexOf(':', first + 1);
    if (first < 1 || second < 0) continue;
    const hierarchyId = Number(line.slice(0, first));
    if (!Number.isSafeInteger(hierarchyId)) continue;
    found.push({ hierarchyId, controllers: line.slice(first + 1, second), path: line.slice(second + 1) });
  }
  return found;
}
