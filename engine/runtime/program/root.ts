import { AT, MNT_DETACH, MOUNT_ATTR, MOVE_MOUNT_F_EMPTY_PATH, MS, O } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import type { ContainerPlan } from '../plan.js';
import { setAttributes } from './go-between.js';
import type { StepOptions, Steps } from './steps.js';

const JAIL = 'error jailing process inside rootfs';
const NAMES: Readonly<Record<number, string>> = {
  [MS.SHARED]: 'shared',
  [MS.SLAVE]: 'slave',
  [MS.PRIVATE]: 'private',
  [MS.UNBINDABLE]: 'unbindable',
};

/**
 * Mount the container's root on its own directory: from here on its mounts have a place, and hooks that enter this mount namespace
 * find it where the state says (runtime-spec, "createRuntime"). Where a user namespace may not go there it is laid over the machine's.
 */
export function layRoot(s: Steps, plan: ContainerPlan, root: SlotValue): void {
  s.b.section('root');
  const flags =
    plan.propagation === 0 || (plan.propagation & MS.UNBINDABLE) !== 0 ? MS.SLAVE | MS.REC : plan.propagation;
  const name = NAMES[flags & (MS.SHARED | MS.SLAVE | MS.PRIVATE)] ?? 'slave';
  s.call('mount', [0, '/', 0, flags, 0], {
    command: `mount --make-${(flags & MS.REC) === 0 ? '' : 'r'}${name} /`,
    failure: JAIL,
    say: { en: 'no mount of the container may travel back to the machine', zh: '容器里的挂载不许传播回机器' },
  });
  // pivot_root(2) refuses a root whose parent is shared, and on a shared one the root would show on the machine
  const shared = (flags & MS.SHARED) !== 0;
  for (const place of new Set([
    ...(shared ? ['/'] : []),
    ...(shared || (flags & MS.REC) === 0 ? [plan.rootParent] : []),
  ]))
    s.call('mount', [0, place, 0, MS.PRIVATE, 0], { command: `mount --make-private ${place}`, failure: JAIL });
  const inPlace = s.label('root-in-place');
  const place = (at: string, options: StepOptions): void => {
    s.call('move_mount', [root, '', AT.FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH], {
      failure: JAIL,
      command: `mount --rbind ${plan.rootfs} ${at}`,
      say: {
        en: "put the container's root there: it is a mount now, as pivot_root demands",
        zh: '把容器的根放到那里：它成了一个挂载点（pivot_root 的要求）',
      },
      ...options,
    });
  };
  const over = s.label('root-over');
  place(plan.rootfs, { accept: ['EACCES', 'EPERM', 'ENOENT'], jumpIfError: over });
  s.later(() => {
    s.b.goto(null, { label: over });
    place('/', { jump: inPlace });
  });
  s.b.goto(null, { label: inPlace });
}

/**
 * Without pivot_root the machine's mounts stay in this mount namespace, and with a whole proc or sysfs among them the kernel would let
 * a user namespace of the container mount another one, without the container's masks: mount_too_revealing(), libcontainer msMoveRoot.
 */
function hideMachine(s: Steps, plan: ContainerPlan): void {
  for (const place of plan.wholeKernelMounts) {
    const [next, cover] = [s.label('hidden'), s.label('cover')];
    s.call('mount', [0, place, 0, MS.SLAVE | MS.REC, 0], {
      accept: ['ENOENT', 'EINVAL', 'EACCES'],
      jumpIfError: next,
      failure: JAIL,
      command: `mount --make-rslave ${place}`,
    });
    s.call('umount2', [place, MNT_DETACH], {
      accept: ['EINVAL', 'EPERM'],
      jumpIfError: cover,
      failure: JAIL,
      command: `umount -l ${place}`,
      say: {
        en: 'no whole proc or sysfs of the machine may stay behind the root',
        zh: '根的背后不许留下机器上完整的 proc 或 sysfs',
      },
    });
    s.b.goto(null, { label: next });
    s.later(() => {
      s.call('mount', ['tmpfs', place, 'tmpfs', 0, 0], {
        label: cover,
        failure: JAIL,
        command: `mount -t tmpfs tmpfs ${place}`,
      });
      s.b.goto(next);
    });
  }
}

/** Make the container's root the root of this process and let go of the machine's. pivot_root(2), "pivot_root(".", ".")". */
export function enterRoot(s: Steps, plan: ContainerPlan, root: SlotValue): void {
  s.b.section('enter');
  s.call('fchdir', [root], { failure: JAIL });
  if (plan.pivot === 'chroot') {
    hideMachine(s, plan);
    // an initial ramfs cannot be swapped: the root is laid over it. ELOOP: it lies there already
    s.call('move_mount', [root, '', AT.FDCWD, '/', MOVE_MOUNT_F_EMPTY_PATH], {
      accept: ['ELOOP'],
      failure: JAIL,
      command: `mount --move ${plan.rootfs} /`,
    });
    s.call('chroot', ['.'], { failure: JAIL, command: 'chroot .' });
  } else {
    const machine = s.slot('old root');
    s.call('openat', [AT.FDCWD, '/', O.PATH | O.DIRECTORY | O.CLOEXEC, 0], { storeAt: machine.data, failure: JAIL });
    s.call('pivot_root', ['.', '.'], {
      command: 'pivot_root . .',
      failure: `${JAIL}: pivot_root`,
      say: {
        en: 'swap the root mount: the old one now lies on top of the new',
        zh: '交换根挂载：旧的根此刻叠在新的根上面',
      },
    });
    s.call('fchdir', [machine], { failure: JAIL });
    s.call('mount', [0, '.', 0, MS.SLAVE | MS.REC, 0], {
      failure: JAIL,
      command: 'mount --make-rslave .',
      say: {
        en: 'so that letting go of it does not unmount anything of the machine',
        zh: '这样放开它时不会卸掉机器上的任何挂载',
      },
    });
    s.call('umount2', ['.', MNT_DETACH], {
      failure: JAIL,
      command: 'umount -l .',
      say: {
        en: "let go of the machine's root: from here no path leads back",
        zh: '放开机器的根：从这里起没有任何路径能回去',
      },
    });
  }
  s.call('chdir', ['/'], { failure: JAIL });
}

/** What is closed once everything has its place: a read-only root, a root that cannot be bound. */
export function closeRoot(s: Steps, plan: ContainerPlan, root: SlotValue): void {
  if (plan.spec.root.readonly !== true) return;
  s.b.section('read-only root');
  setAttributes(
    s,
    root,
    { set: MOUNT_ATTR.RDONLY, clear: 0, recursive: false },
    { failure: 'error setting rootfs as readonly', command: 'mount -o remount,bind,ro /' },
  );
}
