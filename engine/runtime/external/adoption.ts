import { check, type Kernel } from '../../kernel/kernel.js';

const PR_SET_CHILD_SUBREAPER = 36;
const PR_GET_CHILD_SUBREAPER = 37;

let running = 0;
let before = 0;

/**
 * Run something during which the orphans among our descendants become our children, PR_SET_CHILD_SUBREAPER of prctl(2): a
 * runtime's program that creates a container ends and leaves the container's process, whose exit only a parent can learn. It is
 * an attribute of the whole process, so it holds until the last of those that run at once is over, and no longer: what else
 * is orphaned later goes to whoever reaps on this machine.
 */
export async function adopting<T>(kernel: Kernel, run: () => Promise<T>): Promise<T> {
  if (running++ === 0) {
    before = isSubreaper(kernel);
    set(kernel, 1);
  }
  try {
    return await run();
  } finally {
    if (--running === 0) set(kernel, before);
  }
}

function isSubreaper(kernel: Kernel): number {
  const answer = Buffer.alloc(4);
  check(kernel, 'prctl', [PR_GET_CHILD_SUBREAPER, answer, 0, 0, 0]);
  return answer.readInt32LE(0);
}

function set(kernel: Kernel, value: number): void {
  check(kernel, 'prctl', [PR_SET_CHILD_SUBREAPER, value, 0, 0, 0], { while: 'adopting the processes of a runtime' });
}
