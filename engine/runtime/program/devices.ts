import { AT, O, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, RESOLVE, S_IF } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import type { DevicePlan } from '../plan.js';
import { openTarget } from './in-root.js';
import { attach } from './mounts.js';
import { HOW_SIZE, type Steps } from './steps.js';

const TYPES = { c: S_IF.CHR, b: S_IF.BLK, p: S_IF.FIFO } as const;

/** Links of runtime-spec's "Default Filesystems". */
const LINKS = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
] as const;

/** makedev(3) as the kernel's syscalls take it: 12 bits of major, 20 of minor. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The nodes and links of /dev. `hasKcore`: /proc/kcore is there, to which /dev/core leads. */
export function makeDevices(s: Steps, root: SlotValue, devices: readonly DevicePlan[], hasKcore: boolean): void {
  s.b.section('devices');
  const dev = s.slot('/dev');
  openTarget(s, root, '/dev', dev, { kind: 'directory', failure: 'error creating device nodes' });
  for (const device of devices) makeDevice(s, root, dev, device);
  s.call('unlinkat', [dev, 'ptmx', 0], { accept: ['ENOENT'], failure: 'error setting up ptmx' });
  s.call('symlinkat', ['pts/ptmx', dev, 'ptmx'], {
    failure: 'error setting up ptmx',
    command: 'ln -s pts/ptmx /dev/ptmx',
  });
  for (const [name, target] of [...LINKS, ...(hasKcore ? ([['core', '/proc/kcore']] as const) : [])])
    s.call('symlinkat', [target, dev, name], {
      accept: ['EEXIST'],
      failure: 'error setting up /dev symlinks',
      command: `ln -s ${target} /dev/${name}`,
    });
}

function makeDevice(s: Steps, root: SlotValue, dev: SlotValue, device: DevicePlan): void {
  const failure = `error creating device nodes: ${device.path}`;
  const name = /^\/dev\/([^/]+)$/.exec(device.path)?.[1];
  let parent = dev;
  if (name === undefined) {
    parent = s.slot('directory');
    openTarget(s, root, device.path.slice(0, device.path.lastIndexOf('/')) || '/', parent, {
      kind: 'directory',
      failure,
    });
  }
  const base = device.path.slice(device.path.lastIndexOf('/') + 1);
  if (device.bind) {
    bindDevice(s, parent, base, device, failure);
    return;
  }
  s.call('mknodat', [parent, base, TYPES[device.type] | device.mode, deviceNumber(device.major, device.minor)], {
    accept: ['EEXIST'],
    failure,
    command: `mknod -m ${device.mode.toString(8)} ${device.path} ${device.type} ${device.major} ${device.minor}`,
  });
  s.call('fchownat', [parent, base, device.uid, device.gid, AT.SYMLINK_NOFOLLOW], { failure });
}

/** In a user namespace a node would be useless (mknod(2), EPERM): the machine's own appears instead. */
function bindDevice(s: Steps, parent: SlotValue, base: string, device: DevicePlan, failure: string): void {
  const tree = s.slot(device.path);
  const target = s.slot('node');
  s.call('open_tree', [AT.FDCWD, device.path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], { storeAt: tree.data, failure });
  s.call('mknodat', [parent, base, S_IF.REG | 0o644, 0], { accept: ['EEXIST'], failure });
  s.call('openat2', [parent, base, s.how(O.PATH, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS), HOW_SIZE], {
    storeAt: target.data,
    failure,
  });
  attach(s, tree, target, { failure, command: `mount --bind ${device.path} ${device.path}` });
}
