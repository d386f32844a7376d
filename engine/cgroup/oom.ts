import { closeSync, existsSync, openSync } from 'node:fs';
import { check, type Kernel, realKernel } from '../kernel/kernel.js';
import type { Reactor } from '../kernel/reactor.js';
import { readControlIfThere, refusal, writeControl } from './control-file.js';
import { parseKeyedNumbers } from './files.js';

/** EFD_CLOEXEC | EFD_NONBLOCK, IN_CLOEXEC | IN_NONBLOCK. */
const CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const IN_MODIFY = 2;

/**
 * Be told when a v1 group runs out of memory: an eventfd registered for memory.oom_control. The kernel also signals it when
 * the group is removed; then the watch ends by itself. Returns what ends it earlier.
 * Documentation/admin-guide/cgroup-v1/memory.rst, section 10.
 */
export function watchOomV1(
  directory: string,
  reactor: Reactor,
  onOom: () => void,
  kernel: Kernel = realKernel,
): () => void {
  const eventfd = check(kernel, 'eventfd2', [0, CLOEXEC_NONBLOCK], { while: 'watching for a lack of memory' });
  const close = (): void => {
    kernel.call('close', eventfd);
  };
  const control = `${directory}/cgroup.event_control`;
  try {
    const path = `${directory}/memory.oom_control`;
    let oomControl: number;
    try {
      oomControl = openSync(path, 'r');
    } catch (error) {
      throw refusal('openat', path, error);
    }
    try {
      writeControl(control, `${eventfd} ${oomControl}`);
    } finally {
      closeSync(oomControl);
    }
  } catch (error) {
    close();
    throw error;
  }
  const count = Buffer.alloc(8);
  return watchUntilGone(reactor, eventfd, close, () => {
    kernel.call('read', eventfd, count, 8);
    if (!existsSync(control)) return false;
    onOom();
    return true;
  });
}

/**
 * The same on v2: memory.events changes, and its count of OOM kills is larger than before. It ends by itself when
 * nobody is left in the group. Documentation/admin-guide/cgroup-v2.rst, memory.events and cgroup.events.
 */
export function watchOomV2(
  directory: string,
  reactor: Reactor,
  onOom: () => void,
  kernel: Kernel = realKernel,
): () => void {
  const inotify = check(kernel, 'inotify_init1', [CLOEXEC_NONBLOCK], { while: 'watching for a lack of memory' });
  const close = (): void => {
    kernel.call('close', inotify);
  };
  try {
    for (const file of ['memory.events', 'cgroup.events'])
      check(kernel, 'inotify_add_watch', [inotify, `${directory}/${file}`, IN_MODIFY]);
  } catch (error) {
    close();
    throw error;
  }
  const kills = (): number => countIn(`${directory}/memory.events`, 'oom_kill');
  let before = kills();
  const events = Buffer.alloc(4096);
  return watchUntilGone(reactor, inotify, close, () => {
    kernel.call('read', inotify, events, events.length);
    const now = kills();
    if (now > before) onOom();
    before = now;
    return countIn(`${directory}/cgroup.events`, 'populated') > 0;
  });
}

function countIn(path: string, key: string): number {
  return parseKeyedNumbers(readControlIfThere(path) ?? '').get(key) ?? 0;
}

/** Watch a descriptor until `react` answers false or the returned function is called; `close` runs once. */
function watchUntilGone(reactor: Reactor, fd: number, close: () => void, react: () => boolean): () => void {
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    stop();
    close();
  };
  const stop = reactor.watch(fd, () => {
    if (open && !react()) end();
  });
  return end;
}
