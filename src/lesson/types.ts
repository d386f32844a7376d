/**
 * The shape of a lesson, as `assets/lesson.schema.json` describes it, after loading: variables filled in, numbers parsed,
 * prose joined to the steps by key. docs/lesson-authoring.md explains it to authors.
 */

import type {
  Bilingual,
  FirewallRule,
  LayerEntry,
  LinkKind,
  NamespaceHolder,
  NamespaceKind,
} from '../../engine/api/types.js';

export type { Bilingual } from '../../engine/api/types.js';

export type Language = 'en' | 'zh';

// ---------------------------------------------------------------------------------------------------------------
// Selectors

/** A whole number or bounds; both bounds are inclusive. */
export type Amount = number | { readonly min?: number; readonly max?: number };

/** `host`, `any`, `other`, the name of a namespace, or wherever a process is. */
export type Place = string | { readonly process: ProcessSelector };

export interface ProcessSelector {
  readonly comm?: string;
  readonly argv?: string;
  readonly argvMatches?: string;
  readonly in?: Readonly<Partial<Record<NamespaceKind, 'own' | 'host' | Place>>>;
  readonly pidInside?: Amount;
  readonly depth?: Amount;
  readonly root?: string;
  readonly cwd?: string;
  readonly state?: string;
  readonly uid?: Amount;
  readonly mappedRoot?: boolean;
  readonly cgroup?: string;
  readonly capabilities?: { readonly has?: readonly string[]; readonly lacks?: readonly string[] };
  readonly noNewPrivs?: boolean;
  readonly seccomp?: Amount;
  readonly oomScoreAdj?: Amount;
  readonly parent?: ProcessSelector;
}

export interface LinkSelector {
  readonly in?: Place;
  readonly name?: string;
  readonly kind?: LinkKind;
  readonly up?: boolean;
  readonly carrier?: boolean;
  readonly mtu?: Amount;
  readonly mac?: string;
  readonly peerIn?: Place;
  readonly peer?: LinkSelector;
  /** A bridge's name; `true` any bridge; `false` none. */
  readonly master?: string | boolean;
  readonly address?: string;
  readonly promiscuous?: boolean;
}

// ---------------------------------------------------------------------------------------------------------------
// Checks

export interface CheckSpecs {
  readonly namespace: {
    readonly kind: NamespaceKind;
    readonly name?: string;
    readonly of?: ProcessSelector;
    readonly own?: boolean;
    readonly heldBy?: NamespaceHolder['how'];
    readonly members?: Amount;
    readonly owner?: 'host' | 'own';
  };
  readonly process: ProcessSelector;
  readonly hostname: { readonly in?: Place; readonly is?: string; readonly differsFromHost?: boolean };
  readonly link: LinkSelector;
  readonly addr: {
    readonly in?: Place;
    readonly link?: string | LinkSelector;
    readonly address?: string;
    readonly inside?: string;
    readonly family?: 'inet' | 'inet6';
  };
  readonly route: { readonly in?: Place; readonly to: string; readonly via?: string | false; readonly device?: string };
  readonly bridge: {
    readonly in?: Place;
    readonly name?: string;
    readonly up?: boolean;
    readonly ports?: Amount;
    readonly leadsTo?: readonly Place[];
    readonly address?: string;
  };
  readonly firewall: {
    readonly in?: Place;
    readonly family?: FirewallRule['family'];
    readonly table: string;
    readonly chain?: string;
    readonly target?: string;
    readonly match?: Readonly<Record<string, string | number>>;
    readonly options?: Readonly<Record<string, string | number>>;
    readonly policy?: 'ACCEPT' | 'DROP';
    readonly packets?: Amount;
    readonly extra?: boolean;
  };
  readonly sysctl: { readonly in?: Place; readonly key: string; readonly is: string | number };
  readonly reach: {
    readonly from: Place;
    readonly to: string | { readonly in: Place; readonly link?: string };
    readonly by: 'icmp' | 'tcp' | 'http';
    readonly port?: number;
    readonly path?: string;
    readonly status?: Amount;
    readonly body?: string;
  };
  readonly port: {
    readonly in?: Place;
    readonly port: Amount;
    readonly protocol?: 'tcp' | 'udp';
    readonly address?: string;
  };
  readonly mount: {
    readonly in?: Place;
    readonly at?: string;
    readonly fsType?: string;
    readonly source?: string;
    readonly root?: string;
    readonly options?: readonly string[];
    readonly propagation?: 'private' | 'shared' | 'slave' | 'unbindable';
  };
  readonly layer: {
    readonly in?: Place;
    readonly at?: string;
    /** In place of both: the overlay of the engine's container of this name. */
    readonly container?: string;
    readonly lowers?: Amount | readonly string[];
    readonly upper?: string | false;
    readonly has?: readonly {
      readonly layer: string;
      readonly path: string;
      readonly type?: LayerEntry['type'];
      readonly absent?: boolean;
    }[];
  };
  readonly cgroup: {
    readonly path?: string;
    readonly has?: ProcessSelector;
    readonly procs?: Amount;
    readonly memoryMax?: Amount;
    readonly memorySwapMax?: Amount;
    readonly memoryUsage?: Amount;
    readonly memoryPeak?: Amount;
    readonly oomKills?: Amount;
    readonly memoryFailcnt?: Amount;
    readonly cpus?: Amount;
    readonly cpuShares?: Amount;
    readonly cpuWeight?: Amount;
    readonly cpuUsageUs?: Amount;
    readonly throttled?: Amount;
    readonly throttledUs?: Amount;
    readonly pidsMax?: Amount;
    readonly pidsCurrent?: Amount;
    readonly pidsHitMax?: Amount;
    readonly cpusetCpus?: string;
    readonly cpusetMems?: string;
    readonly frozen?: boolean;
  };
  readonly file: {
    readonly in?: Place;
    readonly path: string;
    readonly type?: 'file' | 'directory' | 'symlink' | 'char-device' | 'block-device' | 'fifo' | 'socket';
    readonly is?: string;
    readonly contains?: string;
    readonly matches?: string;
    readonly mode?: string;
    readonly owner?: Amount;
  };
  readonly command: {
    readonly in?: Place;
    readonly run: string;
    readonly exits?: Amount;
    readonly prints?: string;
    readonly is?: string;
  };
  /** What the lab's container engine says through its API. */
  readonly container: {
    readonly name?: string;
    readonly image?: string;
    /** Program and arguments, with single spaces. */
    readonly runs?: string;
    readonly state?: 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead';
    readonly exitCode?: Amount;
    readonly init?: boolean;
    /** Its pid, as the engine tells it, is such a process in the kernel. */
    readonly process?: ProcessSelector;
    /** Lines of `docker diff` that must be there. */
    readonly changes?: readonly string[];
  };
  readonly image: {
    readonly name: string;
    readonly layers?: Amount;
    /** A file (or a pattern that only it fits) whose SHA-256 is the digest of one of its layers. */
    readonly layerOf?: string;
  };
  readonly all: readonly Check[];
  readonly any: readonly Check[];
  readonly not: Check;
  readonly count: { readonly of: Check; readonly is: Amount };
  readonly within: { readonly seconds: number; readonly check: Check };
  readonly hold: { readonly seconds: number; readonly check: Check };
}

export type CheckKind = keyof CheckSpecs;

/** One check: exactly one kind beside the optional `id`. */
export type Check = {
  [K in CheckKind]: { readonly id?: string } & { readonly [P in K]: CheckSpecs[K] };
}[CheckKind];

export type Outcome = 'passed' | 'notYet' | 'couldNotMeasure';

/** What a check found. Every sentence is complete, so that it can stand after "not yet, because". */
export interface CheckResult {
  readonly result: Outcome;
  readonly expected: Bilingual;
  readonly observed: Bilingual;
  /** Where it was read: a file, a netlink dump, a probe's command line. */
  readonly source: string;
}

// ---------------------------------------------------------------------------------------------------------------
// The lesson

export type Feature =
  | 'userns'
  | 'netns'
  | 'veth'
  | 'bridge'
  | 'vxlan'
  | 'macvlan'
  | 'overlay'
  | 'iptables'
  | 'nft'
  | 'timens'
  | 'cgroup'
  | 'cgroup-v1'
  | 'cgroup-v2'
  | 'cgroup-memory'
  | 'cgroup-cpu'
  | 'cgroup-cpuset'
  | 'cgroup-pids'
  | 'cgroup-freezer'
  | 'mknod'
  | 'swap'
  | 'two-cpus';

export interface Only {
  readonly cgroup?: 'v1' | 'v2' | 'none';
  readonly mode?: 'root' | 'subuid' | 'one-user';
  readonly tool?: string;
  readonly feature?: Feature;
}

export interface Line {
  readonly run: string;
  /** Why the goals do not depend on it. */
  readonly optional?: string;
  readonly fails?: boolean;
  readonly anyExit?: string;
}

export type Way = 'by-hand' | 'engine' | 'docker';

export interface Solution {
  readonly way: Way;
  readonly id?: string;
  readonly only?: Only;
  readonly run: readonly Line[];
}

/** Where a right answer comes from: a shell expression, or a JSON pointer into the snapshot. */
export interface Truth {
  readonly run?: string;
  readonly in?: Place;
  readonly snapshot?: string;
}

export interface Ghost {
  readonly places: readonly string[];
  readonly bridges: readonly { readonly in: string; readonly name: string; readonly address?: string }[];
  readonly links: readonly {
    readonly in: string;
    readonly name: string;
    readonly to?: { readonly in: string; readonly name?: string };
    readonly master?: string;
    readonly address?: string;
    readonly up?: boolean;
  }[];
}

export type StepKind = 'explain' | 'predict' | 'do' | 'answer' | 'observe' | 'fix' | 'free';

export interface GoalCheck {
  readonly id: string;
  readonly check: Check;
}

/** A step without its prose. */
export interface Step {
  readonly id: string;
  readonly kind: StepKind;
  readonly only?: Only;
  readonly setup: readonly Line[];
  readonly goal: readonly GoalCheck[];
  /** `{step, goal}`; goal null: all of that step's. */
  readonly keep: readonly { readonly step: string; readonly goal: string | null }[];
  readonly show: Readonly<Record<string, { readonly run: string; readonly in?: Place }>>;
  readonly predict?: {
    readonly truth: Truth;
    readonly options: readonly { readonly id: string; readonly is?: string; readonly matches?: string }[];
  };
  readonly answer?: { readonly truth: Truth; readonly accept: 'text' | 'number' | 'word' | 'list' };
  readonly hints: {
    readonly rules: readonly { readonly id: string; readonly when: Check }[];
    readonly ladder: readonly string[];
  };
  readonly solutions: readonly Solution[];
  readonly tests: {
    readonly wrong: readonly {
      readonly id?: string;
      readonly only?: Only;
      readonly run: readonly Line[];
      readonly answer?: string;
      readonly hint: string;
    }[];
    readonly alsoOk: readonly {
      readonly id?: string;
      readonly only?: Only;
      readonly run: readonly Line[];
      readonly answer?: string;
    }[];
    readonly undo?: { readonly only?: Only; readonly run: readonly Line[]; readonly breaks: readonly string[] };
    readonly noUndo?: string;
    readonly noWrong?: string;
    readonly missingTool?: string;
  };
  readonly ghost?: Ghost;
  readonly demo: {
    readonly way?: Way;
    readonly run?: readonly Line[];
    readonly pauses: readonly number[];
    readonly skip: boolean;
  };
}

/** The prose of one step in one language. Markdown; placeholders not yet filled. */
export interface StepText {
  readonly title: string;
  readonly body: string;
  /** The question of a predict or answer step. */
  readonly question: string;
  readonly options: Readonly<Record<string, string>>;
  /** Shown after the truth is out. */
  readonly why: string;
  readonly goals: Readonly<Record<string, string>>;
  readonly hints: Readonly<Record<string, string>>;
  /** What a container engine does in the same place; shown after success. */
  readonly engine: string;
  /** The presenter's notes. */
  readonly demo: string;
}

export interface LessonText {
  readonly title: string;
  readonly intro: string;
  readonly steps: Readonly<Record<string, StepText>>;
  /** sha256 that the header of a translation names, null in the original. */
  readonly translates: string | null;
  /** sha256 of the file's bytes. */
  readonly digest: string;
}

export type VariableSpec =
  | { readonly fixed: string | number }
  | { readonly choose: readonly (string | number)[] }
  | { readonly integer: { readonly min: number; readonly max: number } }
  | { readonly subnet: { readonly from: string; readonly prefix: number } }
  | { readonly text: string }
  | { readonly cgroup: { readonly v1: string | number; readonly v2: string | number } };

export interface LessonHeader {
  readonly id: string;
  readonly number: number;
  readonly minutes: number;
  readonly title: Bilingual;
  readonly needs: {
    readonly lessons: readonly string[];
    readonly features: readonly Feature[];
    readonly tools: readonly string[];
  };
  readonly teaches: { readonly commands: readonly string[]; readonly ideas: readonly string[] };
  readonly uses: readonly string[];
  readonly mirrors: readonly { readonly note: string; readonly lines: string; readonly facts: readonly string[] }[];
}

/** A lesson with its variables filled for one learner. */
export interface Lesson extends LessonHeader {
  readonly directory: string;
  readonly seed: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly setup: readonly Line[];
  readonly teardown: readonly Line[];
  readonly steps: readonly Step[];
  readonly text: Readonly<Record<Language, LessonText>>;
  /** Names of the fixture files below `files/`. */
  readonly fixtures: readonly string[];
}

// ---------------------------------------------------------------------------------------------------------------
// Problems of an author

/** Something wrong with a lesson's files: `path:line:column: message`. */
export interface LessonProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}
