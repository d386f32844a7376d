import { O, POLLIN, PR } from '../../kernel/constants.js';
import { dataAt, type InsideRef, type Program, type SlotValue } from '../../kernel/program/builder.js';
import { CLONE } from '../../kernel/program/running.js';
import { guard } from '../guards.js';
import type { ContainerPlan } from '../plan.js';
import { become, closeOthers, enterDirectory, findExecutable } from './become.js';
import { birth } from './birth.js';
import { openTerminal } from './console.js';
import { makeDevices } from './devices.js';
import {
  cloneProcess,
  dieWithParent,
  joinNamespaces,
  oomScore,
  openSources,
  opensInside,
  timeNamespace,
  userNamespace,
} from './go-between.js';
import { containerHooks } from './hooks.js';
import { becomeUser, confine, limitsAndPriorities } from './identity.js';
import { openInRoot, openTarget } from './in-root.js';
import { makeReadOnly, mountAll } from './mounts.js';
import { maskPaths, readOnlyPaths, seeThatItIsNull } from './paths.js';
import { closeRoot, enterRoot, layRoot } from './root.js';
import { apparmorOnExec, hostNames, loopbackUp, sysctls } from './settings.js';
import { shim } from './shim.js';
import { standBy } from './stand-by.js';
import { type Failure, Steps } from './steps.js';

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SETPERM = 5;
/** keyctl_setperm(3): what a session keyring has, and searching for its user, or for others. */
const PERM_USER_SEARCH = 0x3f1b0000;
const PERM_OTHERS_SEARCH = 0x3f130008;
const PERSONALITY_LINUX32 = 8;

/** A program and what its failures mean, by the index of the record that failed. */
export interface CompiledProgram {
  readonly program: Program;
  readonly failures: ReadonlyMap<number, Failure>;
  /** Offset in the region of the word that holds the shim's number for the terminal's master; null without one. */
  readonly masterAt: number | null;
}

/** A container's start as a list of syscalls. Holds, in order: `mapped` (with a user namespace), `hooks` (with hooks of ours), `created`, `start`; `shim`. */
export function containerProgram(plan: ContainerPlan): CompiledProgram {
  const s = new Steps(`container ${plan.id}`);
  const { spec, namespaces, fds } = plan;
  birth(s, { region: fds.region, stdio: fds.stdio, keep: inherited(plan), preserveFds: plan.process.preserveFds });

  s.b.section('go-between');
  // first of all: if the engine died a moment ago, this one is there to remove what was made
  standBy(s, plan.guard);
  dieWithParent(s);
  leaveIfAlone(s, fds.parent);
  oomScore(s, plan.process.oomScoreAdj);
  let sources = opensInside(plan) ? null : openSources(s, plan);
  joinNamespaces(s, namespaces);
  timeNamespace(s, namespaces.time);
  userNamespace(s, namespaces);
  s.b.section('clone');
  let master: InsideRef | null = null;
  if (plan.shim) {
    const process = s.b.slot('container');
    cloneProcess(s, namespaces.clone, {
      shim: true,
      clone: 'process',
      into: 'init',
      pidfd: process.data,
      cgroup: plan.birthGroup,
    });
    master = shim(s, { exit: fds.exit, console: fds.shimConsole, pidfd: process, output: fds.output });
  } else {
    cloneProcess(s, namespaces.clone, {
      shim: false,
      clone: 'process',
      into: 'init',
      pidfd: null,
      cgroup: plan.birthGroup,
    });
    s.call('exit_group', [0], { say: { en: 'the go-between has done its work', zh: '中间进程任务完成，退出' } });
  }

  s.b.section('init');
  s.b.goto(null, { label: 'init' });
  dieWithParent(s);
  leaveIfAlone(s, fds.parent);
  joinGroups(s, plan);
  if (guard('own-session')) s.call('setsid', [], { failure: 'setsid' });
  s.call('umask', [0]);
  personality(s, plan);
  if (namespaces.loopback) loopbackUp(s);
  sources ??= openSources(s, plan);
  const { root } = sources;
  layRoot(s, plan, root);
  const late = mountAll(s, plan.mounts, sources);
  if (plan.ownDev) makeDevices(s, root, plan.devices, plan.hasKcore);
  s.b.section('hooks');
  if (plan.hooks.runtime)
    s.b.goto(null, {
      label: 'hooks',
      hold: true,
      say: { en: 'the hooks of the runtime run now, outside', zh: '此时在外面运行运行时的钩子' },
    });
  containerHooks(s, 'createContainer', plan.hooks.createContainer, {
    stateFd: fds.state,
    directory: root,
    env: plan.hooks.env,
  });
  enterRoot(s, plan, root);
  ownNullDevice(s, root, plan.process.nullStdio);
  if (plan.process.terminal !== null)
    openTerminal(s, root, plan.process.terminal, {
      socket: fds.console,
      bindConsole: true,
      owner: plan.process.process.user.uid,
    });
  s.b.section('settings');
  const cwd = s.slot('cwd');
  openTarget(s, root, plan.process.process.cwd, cwd, {
    kind: 'directory',
    failure: `mkdir ${plan.process.process.cwd}`,
  });
  hostNames(s, spec.hostname, spec.domainname);
  sysctls(s, root, plan.sysctl);
  apparmorOnExec(s, plan.process.apparmor);
  readOnlyPaths(s, root, spec.linux.readonlyPaths);
  maskPaths(s, root, spec.linux.maskedPaths);
  makeReadOnly(s, late);
  closeRoot(s, plan, root);
  const inUserNamespace = namespaces.user || namespaces.join.some(({ type }) => type === 'user');
  joinKeyring(s, plan.keyring, inUserNamespace ? 'others' : 'user');
  limitsAndPriorities(s, plan.process);
  closeOthers(s, plan.process.preserveFds, [fds.parent, fds.state, fds.status, fds.reaper]);
  enterDirectory(s, plan.process, () => {
    becomeUser(s, plan.process);
    // the change of user has taken the wish back: prctl(2), PR_SET_PDEATHSIG
    dieWithParent(s);
    leaveIfAlone(s, fds.parent);
  });
  const executable = findExecutable(s, plan.process);
  s.b.section('start');
  s.call('umask', [plan.process.umask]);
  s.b.goto(null, {
    label: 'created',
    hold: true,
    say: { en: 'everything is in place: the container is created', zh: '一切就绪：容器已创建' },
  });
  s.call('prctl', [PR.SET_PDEATHSIG, 0], {
    say: { en: 'from here it lives on when whoever made it ends', zh: '从这里起，创建者结束后它仍然活着' },
  });
  s.b.goto(null, { label: 'start', hold: true, say: { en: 'wait for `start`', zh: '等待 start' } });
  // before the hooks: they are the container's already, and so are its bounds
  confine(s, plan.process);
  containerHooks(s, 'startContainer', plan.hooks.startContainer, {
    stateFd: fds.state,
    directory: null,
    env: plan.hooks.env,
  });
  s.b.goto(null, { label: 'hooked', say: { en: 'nothing but the program itself is left', zh: '只剩下程序本身了' } });
  become(s, plan.process, executable, { tell: true, reaper: fds.reaper });
  const program = s.build();
  return {
    program,
    failures: s.failures,
    masterAt: master === null ? null : dataAt(program) + master.data.offset + master.at,
  };
}

function inherited(plan: ContainerPlan): number[] {
  const { fds } = plan;
  return [
    fds.region,
    fds.parent,
    fds.state,
    fds.status,
    fds.console,
    fds.shimConsole,
    fds.exit,
    fds.reaper,
    ...(fds.output === null
      ? []
      : [fds.output.spool, fds.output.stdout, fds.output.stderr, fds.output.stdin, fds.output.control]),
    plan.birthGroup ?? -1,
    plan.guard?.pipe ?? -1,
    ...plan.groups.map((group) => group.fd),
    ...plan.namespaces.join.map((one) => one.fd),
    ...plan.mounts.flatMap((mount) => ('tree' in mount && mount.tree !== null ? [mount.tree] : [])),
  ];
}

/** The wish to die with the parent comes too late when it is dead already: ask once. */
export function leaveIfAlone(s: Steps, parentPidfd: number): void {
  const pollfd = Buffer.alloc(8);
  pollfd.writeInt32LE(parentPidfd, 0);
  pollfd.writeInt16LE(POLLIN, 4);
  const alive = s.label('alive');
  s.call('ppoll', [s.b.bytes(pollfd, '{engine, POLLIN}'), 1, s.b.words([0, 0], '{0 s}'), 0, 0], {
    jumpIfZero: alive,
    say: { en: 'ask once whether it was already gone before that', zh: '再确认一次：在这之前它是否已经不在了' },
  });
  s.call('exit_group', [125], { say: { en: 'it was: leave', zh: '已经不在：退出' } });
  s.b.goto(null, { label: alive });
}

/** A process that moves itself waits for nobody: `0` stands for the writer. cgroups(7) */
export function joinGroups(
  s: Steps,
  plan: Pick<ContainerPlan, 'groups'> & { namespaces: { cgroup: boolean } },
  adding = 'unable to apply cgroup configuration',
): void {
  if (plan.groups.length > 0) s.b.section('cgroups');
  const self = s.b.bytes(Buffer.from('0'), '"0"');
  for (const { path, fd } of plan.groups)
    s.call('write', [fd, self, 1], {
      failure: `${adding}: failed to write to ${path}`,
      command: `echo 0 > ${path}`,
      say: {
        en: 'move into the group: its limits hold from the next instruction on',
        zh: '把自己放进这个 cgroup：从下一条指令起受它限制',
      },
    });
  if (plan.namespaces.cgroup)
    s.call('unshare', [CLONE.NEWCGROUP], {
      failure: 'failed to unshare cgroup namespace',
      command: 'unshare --cgroup',
      say: {
        en: 'from here on its own groups look like the top of the tree',
        zh: '从此它自己的 cgroup 看上去就是整棵树的顶端',
      },
    });
  s.b.section('init');
}

function personality(s: Steps, plan: ContainerPlan): void {
  if (plan.spec.linux.personality === undefined) return;
  s.call('personality', [plan.spec.linux.personality.domain === 'LINUX32' ? PERSONALITY_LINUX32 : 0], {
    failure: 'unable to set personality',
  });
}

/**
 * A session keyring of its own: keys of the engine's user are none of the container's business. keyrings(7)
 *
 * @param permissions who may search it besides; null: it is the container's already
 */
export function joinKeyring(s: Steps, name: string | null, permissions: 'user' | 'others' | null): void {
  if (name === null || !guard('keyring')) return;
  s.b.section('keyring');
  const none = s.label('no-keyring');
  const keyring = s.slot('keyring');
  s.call('keyctl', [KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0], {
    storeAt: keyring.data,
    accept: ['ENOSYS', 'EOPNOTSUPP'],
    jumpIfError: none,
    failure: 'unable to join session keyring',
    say: {
      en: 'a keyring of its own: keys of the machine stay out of reach',
      zh: '自己的会话密钥环：碰不到机器上的密钥',
    },
  });
  if (permissions !== null)
    s.call(
      'keyctl',
      [KEYCTL_SETPERM, keyring, permissions === 'others' ? PERM_OTHERS_SEARCH : PERM_USER_SEARCH, 0, 0],
      {
        failure: 'unable to mod keyring permissions',
        say: {
          en: 'let its user (in a user namespace: root of it) find it again',
          zh: '让它的用户（在 user 命名空间里则是其中的 root）还能再找到它',
        },
      },
    );
  s.b.goto(null, { label: none });
}

/** A standard stream that is the machine's null device becomes the container's own. */
function ownNullDevice(s: Steps, root: SlotValue, streams: readonly number[]): void {
  if (streams.length === 0) return;
  const nothing = s.slot('/dev/null');
  const failure = 'error reopening /dev/null inside container';
  openInRoot(s, root, '/dev/null', O.RDWR, nothing, { failure });
  seeThatItIsNull(s, nothing, failure);
  for (const target of streams) s.call('dup3', [nothing, target, 0], { failure });
}
