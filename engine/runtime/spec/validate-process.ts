import { CAPABILITIES, RLIMITS, SCHEDULER_FLAGS, SCHEDULER_POLICIES } from './names.js';
import { type HostFacts, hostFacts, quoted, refuse } from './rule.js';
import type { IdMapping, SpecLinux, SpecProcess, SpecRlimit, SpecScheduler } from './types.js';

export interface ProcessContext {
  readonly rootless: boolean;
  /** Of the container, for its user namespace. Absent: ids are not looked up. */
  readonly linux?: Pick<SpecLinux, 'namespaces' | 'uidMappings' | 'gidMappings'>;
  readonly host?: HostFacts;
}

/** The rules for a process, the container's first (absent: refused) or one of `exec`. Returns warnings. */
export function validateProcess(process: SpecProcess | undefined, context: ProcessContext): string[] {
  if (process === undefined) return refuse('process property must not be empty');
  if (process.cwd === '') refuse('Cwd property must not be empty');
  if (!process.cwd.startsWith('/')) refuse('Cwd must be an absolute path');
  if (process.args.length === 0) refuse('args must not be empty');
  const host = context.host ?? hostFacts();
  if (process.selinuxLabel !== undefined && !host.selinux)
    refuse('selinux label is specified in config, but selinux is disabled or not supported');
  if (process.apparmorProfile !== undefined && !host.apparmor)
    refuse('unable to apply apparmor profile: apparmor: config provided but apparmor not supported');
  for (const pair of process.env) environment(pair);
  rlimits(process.rlimits);
  ids(process, context);
  if (process.scheduler !== undefined) scheduler(process.scheduler);
  const priority = process.ioPriority?.priority ?? 0;
  if (priority < 0 || priority > 7) refuse(`invalid ioPriority.Priority: ${priority}`);
  return unknownCapabilities(process);
}

function environment(pair: string): void {
  if (!pair.includes('=')) refuse(`invalid environment variable: ${quoted(pair.slice(0, 200))}`);
  if (pair.startsWith('=')) refuse(`environment variable name can't be empty: ${quoted(pair.slice(0, 200))}`);
}

/** prlimit(2) refuses soft above hard; config.md: duplicates MUST be an error. */
function rlimits(limits: readonly SpecRlimit[]): void {
  const seen = new Set<string>();
  for (const { type, soft, hard } of limits) {
    if (!RLIMITS.has(type)) refuse(`wrong rlimit value: ${type}`);
    if (soft > hard) refuse(`process.rlimits: the soft limit ${soft} of ${type} is above the hard limit ${hard}`);
    if (seen.has(type)) refuse(`process.rlimits: ${type} is there twice`);
    seen.add(type);
  }
}

function ids({ user }: SpecProcess, { rootless, linux }: ProcessContext): void {
  if (rootless && user.additionalGids.length > 0) refuse('cannot set any additional groups in a rootless container');
  if (linux?.namespaces.some(({ type }) => type === 'user') !== true) return;
  if (!isMapped(user.uid, linux.uidMappings)) refuse('cannot set uid to unmapped user in user namespace');
  if (!isMapped(user.gid, linux.gidMappings)) refuse('cannot set gid to unmapped user in user namespace');
}

export function isMapped(id: number, mappings: readonly IdMapping[]): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

function scheduler({ policy, nice = 0, priority = 0, flags, ...deadlines }: SpecScheduler): void {
  if (policy === '') refuse('scheduler policy is required');
  if (!SCHEDULER_POLICIES.has(policy)) refuse(`invalid scheduler policy: ${policy}`);
  if ((policy === 'SCHED_OTHER' || policy === 'SCHED_BATCH') && (nice < -20 || nice > 19))
    refuse(`invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`);
  if (priority !== 0 && policy !== 'SCHED_FIFO' && policy !== 'SCHED_RR')
    refuse('scheduler.priority can only be specified for SchedFIFO or SchedRR policy');
  const { runtime = 0n, deadline = 0n, period = 0n } = deadlines;
  if (policy !== 'SCHED_DEADLINE' && (runtime !== 0n || deadline !== 0n || period !== 0n))
    refuse('scheduler runtime/deadline/period can only be specified for SchedDeadline policy');
  for (const flag of flags) if (!SCHEDULER_FLAGS.has(flag)) refuse(`invalid scheduler flag: ${flag}`);
}

function unknownCapabilities({ capabilities }: SpecProcess): string[] {
  const unknown = new Set(
    Object.values(capabilities ?? {})
      .flat()
      .filter((name) => !CAPABILITIES.includes(name)),
  );
  return unknown.size === 0
    ? []
    : [`ignoring unknown or unavailable capabilities: [${[...unknown].sort().join(' ').slice(0, 1000)}]`];
}
