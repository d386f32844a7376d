import type { BirthWatcher, BornContainer, ExplainedRecord } from '../../engine/api/types.js';
import { FakeLab } from './fake-lab.js';

function record(
  index: number,
  section: string,
  syscall: string,
  call: string,
  command: string | null = null,
): ExplainedRecord {
  return {
    index,
    section,
    heading: { en: section, zh: section },
    syscall,
    call,
    man: syscall === 'none' ? '' : `${syscall}(2)`,
    explanation: { en: `why ${syscall}`, zh: `为何 ${syscall}` },
    command,
    state: 'pending',
    result: null,
    errno: null,
    durationNs: null,
  };
}

/** A short list with everything that a real one has: two sections, a mark, a side road, a process beside it. */
export const RECORDS: readonly ExplainedRecord[] = [
  record(0, 'birth', 'dup3', 'dup3(4, 0, 0)'),
  record(1, 'birth', 'close', 'close(18)'),
  record(2, 'mounts', 'openat2', 'openat2(<root>, "proc", {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT}, 24)'),
  record(3, 'mounts', 'none', '(nothing: a mark)'),
  record(
    4,
    'mounts',
    'move_mount',
    'move_mount(<mount>, "", </proc>, "", MOVE_MOUNT_T_EMPTY_PATH)',
    'mount -t proc proc /proc',
  ),
  record(5, 'become', 'execve', 'execve(<executable>, ["sh"], [])'),
  record(6, 'aside', 'mkdirat', 'mkdirat(<root>, "proc", 0755)', 'mkdir -p /proc'),
  record(7, 'stand-by', 'read', 'read(20, one byte, 1)'),
];
/** In the order in which the kernel is asked; the last one is not answered. */
const WALK = [0, 7, 1, 2, 6, 4, 5];

/** A lab that bears a container of `RECORDS`. */
export class BirthLab extends FakeLab {
  readonly issued: number[] = [];
  failure: Error | null = null;

  async birth(watcher: BirthWatcher): Promise<BornContainer> {
    watcher.planned({ name: 'container newborn', records: RECORDS });
    let asking = true;
    for (const index of WALK) {
      const answer = asking ? await watcher.held(index) : 'next';
      if (answer === 'stop') throw new Error('stopped');
      if (answer === 'run') asking = false;
      if (this.failure !== null && index === 4) throw this.failure;
      this.issued.push(index);
      const errno = index === 2 ? 'ENOENT' : null;
      if (index !== 5)
        watcher.answered({ ...RECORDS[index]!, state: 'done', result: errno === null ? 0 : -2, errno, durationNs: 10 });
    }
    return { id: 'newborn', bundle: '/run/bundle' };
  }
}
