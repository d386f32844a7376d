import type { Program, RecordSpec } from '../../engine/kernel/program/builder.js';
import { callText } from '../../engine/kernel/program/explain.js';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import type { ContainerPlan } from '../../engine/runtime/plan.js';
import { planMounts } from '../../engine/runtime/planning/mounts.js';
import { planProcess } from '../../engine/runtime/planning/process.js';
import type { Spec, SpecProcess } from '../../engine/runtime/spec/types.js';
import { fullContainerPlan } from '../helpers/container-plan.js';

const CLONED = 0x6c020000;

/** What `docker run` asks of a runtime on a machine with cgroup v1, with changes to its process. */
export function dockerPlan(change: Partial<SpecProcess> = {}, overrides: Partial<ContainerPlan> = {}): ContainerPlan {
  const full = fullContainerPlan();
  const made = dockerDefaultSpec({ rootfs: full.rootfs, args: ['/bin/sh'], cgroup: 'v1', hostname: 'box' });
  const process = { ...(made.process as SpecProcess), ...change };
  const spec: Spec = { ...made, process };
  return fullContainerPlan({
    spec,
    process: planProcess(process, {
      root: full.rootfs,
      seccomp: spec.linux.seccomp,
      setgroups: true,
      preserveFds: 0,
      stdio: [0, 1, 2],
      inUserNamespace: false,
      warn: () => undefined,
    }),
    namespaces: {
      clone: CLONED,
      user: false,
      cgroup: false,
      time: null,
      join: [],
      setgroups: true,
      loopback: true,
    },
    mounts: planMounts(spec, {
      bundle: '/nowhere',
      rootfs: full.rootfs,
      planned: [],
      groups: [],
      cgroupNamespace: false,
      trees: new Map(),
    }),
    devices: full.devices.slice(0, 1),
    sysctl: Object.entries(spec.linux.sysctl).map(([key, value]) => [`/proc/sys/${key.replaceAll('.', '/')}`, value]),
    hooks: { ...full.hooks, runtime: false, createContainer: [], startContainer: [] },
    shim: false,
    fds: { ...full.fds, state: -1, console: -1, shimConsole: -1, exit: -1 },
    ...overrides,
  });
}

/** The records that a start walks when nothing goes wrong, without those that others jump to. */
export function mainRoad(program: Program): readonly RecordSpec[] {
  const aside = program.records.findIndex(
    ({ section, options }) => section === 'aside' || options.label === 'stand-by' || / hook$/.test(section),
  );
  return aside < 0 ? program.records : program.records.slice(0, aside);
}

/** The sections of a program in order, each once in a row. */
export function sectionsOf(records: readonly RecordSpec[]): string[] {
  return records.map(({ section }) => section).filter((section, n, all) => section !== all[n - 1]);
}

/** Records as `section: call`. */
export function lines(records: readonly RecordSpec[]): string[] {
  return records.map((record) => `${record.section}: ${labelled(record)}`);
}

/** Numbers in the names of labels differ with every record that is added before. */
function labelled(record: RecordSpec): string {
  const { label } = record.options;
  return record.syscall === 'none' && label !== undefined
    ? `[${label.replace(/-\d+$/, '')}]`
    : callText(record).replace(/^(\(go to .*)-\d+\)$/, '$1)');
}
