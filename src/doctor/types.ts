import type { Bilingual, LabWeakness } from '../../engine/api/types.js';
import type { Feature } from '../lesson/types.js';

/**
 * `ok`: all of it can be used. `weaker`: the lab runs, with less. `missing`: not there. `unknown`: it could not be
 * measured, and `found` says why.
 */
export type Status = 'ok' | 'weaker' | 'missing' | 'unknown';

export type Group =
  | 'lab'
  | 'machine'
  | 'namespaces'
  | 'files'
  | 'cgroups'
  | 'network'
  | 'security'
  | 'terminal'
  | 'programs';

/** One thing that the lab can use. */
export interface Row {
  /** Stable, kebab-case: the key in `--json`. */
  readonly id: string;
  readonly group: Group;
  readonly name: Bilingual;
  readonly status: Status;
  /** What was measured: a value, a version, the words of the tool that failed. */
  readonly found: Bilingual;
  /** What the lab uses it for. */
  readonly purpose: Bilingual;
  /** What to do about it; null when there is nothing to do, or nothing that can be done on this machine. */
  readonly remedy: Bilingual | null;
  /** The exact command of the remedy. */
  readonly command: string | null;
  /** Without it no lab runs. */
  readonly essential: boolean;
  /** Words of `needs.features` in lesson.yaml that stand for it. */
  readonly features: readonly Feature[];
}

/** One try in the throw-away child: worked, failed with the tool's words, or the tool is not there. */
export interface Trial {
  readonly outcome: 'ok' | 'failed' | 'no-tool';
  readonly detail: string;
}

/** The throw-away child: its trials by name, or why the kernel refused it. */
export type Trials =
  | { readonly started: true; readonly trials: Readonly<Record<string, Trial>> }
  | { readonly started: false; readonly reason: string };

export interface Hierarchy {
  /** Controllers (`memory`, `cpu,cpuacct` is two); a v1 hierarchy without any is named in `name`. */
  readonly controllers: readonly string[];
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Our own group in it, as a path on the machine. */
  readonly ownGroup: string;
  /** Groups may be made below our own. */
  readonly writable: boolean;
}

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** What making a lab and running `true` in it showed. */
export type LabTrial =
  | {
      readonly ran: true;
      readonly readyMs: number;
      readonly mode: 'root' | 'subuid' | 'one-user';
      readonly cgroupMode: 'v1' | 'v2' | 'hybrid' | 'none';
      readonly weaknesses: readonly LabWeakness[];
      /** Controllers in which the lab may make groups. */
      readonly cgroupControllers: readonly string[];
      /** Of the features and programs that lessons name: those that work inside. */
      readonly features: readonly Feature[];
      readonly tools: readonly string[];
    }
  | { readonly ran: false; readonly reason: Bilingual };

/** Everything measured, before any judgement. */
export interface Facts {
  readonly system: {
    readonly platform: string;
    readonly arch: string;
    readonly kernel: string;
    readonly node: string;
    readonly uid: number;
    readonly user: string;
    readonly apt: boolean;
    readonly cpus: number;
    readonly memoryAvailable: number;
    readonly tmpAvailable: number;
    readonly swapTotal: number;
  };
  /** sysctl values by dotted name; absent when the kernel has no such file. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Kinds in /proc/self/ns. */
  readonly namespaceKinds: readonly string[];
  readonly status: { readonly capEff: bigint; readonly noNewPrivs: boolean; readonly seccomp: number | null };
  readonly seccompActions: readonly string[];
  readonly lsm: readonly string[];
  readonly subuid: readonly IdRange[];
  readonly subgid: readonly IdRange[];
  readonly trials: Trials;
  /** `unshare --map-auto`: do the subordinate ranges really work. */
  readonly autoMap: Trial;
  readonly hierarchies: readonly Hierarchy[];
  readonly devices: Readonly<Record<string, 'usable' | 'denied' | 'absent'>>;
  /** Path of each program that was looked for, null when it is not there. */
  readonly programs: Readonly<Record<string, string | null>>;
  /** Which back end `iptables --version` names; null where it does not say or is not there. */
  readonly iptablesVariant: 'nf_tables' | 'legacy' | null;
  /** Of the programs that must need no library: those that do. */
  readonly dynamicPrograms: readonly string[];
  readonly terminal: {
    readonly isTerminal: boolean;
    readonly columns: number | null;
    readonly rows: number | null;
    readonly term: string;
    readonly colors: number;
    readonly utf8: boolean;
  };
  readonly lab: LabTrial;
}
