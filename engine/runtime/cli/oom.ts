import { closeSync, openSync, writeFileSync } from 'node:fs';
import { O } from '../../kernel/constants.js';
import { check, type Kernel, realKernel } from '../../kernel/kernel.js';
import { readProc } from '../../kernel/procfs/read.js';
import { Reactor } from '../../kernel/reactor.js';
import type { ContainerGroups } from './container-groups.js';

const EFD_CLOEXEC = 0o2000000;
const IN_MODIFY = 2;
const IN_DELETE_SELF = 0x400;

/**
 * Tells when a container runs out of memory, and when its group is gone. cgroup v1: an eventfd registered with
 * memory.oom_control (Documentation/admin-guide/cgroup-v1/memory.rst, section 10); v2: a change of `oom_kill` in memory.events.
 */
export class OomWatch {
  readonly #kernel: Kernel = realKernel;
  readonly #reactor = new Reactor();
  readonly #fds: number[] = [];

  /** `onOom` each time; `onGone` once, when there is no group any more. */
  constructor(groups: ContainerGroups, onOom: () => void, onGone: () => void) {
    const v1 = groups.v1('memory');
    const v2 = groups.v2();
    if (v1 !== null) this.#watchV1(v1, onOom, onGone);
    else if (v2 !== null) this.#watchV2(v2, onOom, onGone);
  }

  close(): void {
    this.#reactor.close();
    for (const fd of this.#fds.splice(0)) this.#kernel.call('close', fd);
  }

  #watchV1(directory: string, onOom: () => void, onGone: () => void): void {
    const event = check(this.#kernel, 'eventfd2', [0, EFD_CLOEXEC | O.NONBLOCK], { while: 'watching for OOM' });
    this.#fds.push(event);
    const control = openSync(`${directory}/memory.oom_control`, 'r');
    try {
      writeFileSync(`${directory}/cgroup.event_control`, `${event} ${control}`);
    } finally {
      closeSync(control);
    }
    this.#reactor.watch(event, () => {
      this.#kernel.call('read', event, Buffer.alloc(8), 8);
      // the removal of the group counts as an event, too
      if (readProc(`${directory}/memory.oom_control`) === null) onGone();
      else onOom();
    });
  }

  #watchV2(directory: string, onOom: () => void, onGone: () => void): void {
    const file = `${directory}/memory.events`;
    const killed = (): string | null => /^oom_kill (\d+)$/m.exec(readProc(file) ?? '')?.[1] ?? null;
    const inotify = check(this.#kernel, 'inotify_init1', [EFD_CLOEXEC | O.NONBLOCK], { while: 'watching for OOM' });
    this.#fds.push(inotify);
    check(this.#kernel, 'inotify_add_watch', [inotify, file, IN_MODIFY | IN_DELETE_SELF], {
      while: 'watching for OOM',
    });
    let before = killed();
    this.#reactor.watch(inotify, () => {
      this.#kernel.call('read', inotify, Buffer.alloc(4096), 4096);
      const now = killed();
      if (now === null) return onGone();
      if (now !== before) onOom();
      before = now;
    });
  }
}
