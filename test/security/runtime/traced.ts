/** Calls that change what the caller's paths and names mean: nothing that is Node may make them. */
const ENTERS = /^(setns|unshare|chroot|pivot_root|mount|umount2|move_mount)\(/;
/** What a child may do before it executes: its descriptors, its signals, its own attributes. No name of a file occurs in any. */
const BEFORE_IMAGE =
  /^(dup2|dup3|fcntl|close|close_range|rt_sigprocmask|rt_sigaction|prctl|setsid|setpgid|getppid|getpid|gettid|exit_group|exit|mmap|munmap|mprotect|futex|set_robust_list|rseq|sched_yield)\(/;

/** Lines of the log with what was cut in two put together, where it began: a parent that waits for its child resumes after it. */
function calls(log: string): { pid: string; call: string }[] {
  const whole: { pid: string; call: string }[] = [];
  const unfinished = new Map<string, { pid: string; call: string }>();
  for (const line of log.split('\n')) {
    const [, pid, text] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || text === undefined) continue;
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
    const begun = unfinished.get(pid);
    if (resumed !== undefined && begun !== undefined) {
      begun.call += resumed;
      unfinished.delete(pid);
      continue;
    }
    const entry = { pid, call: text.replace(/ <unfinished \.\.\.>$/, '') };
    whole.push(entry);
    if (entry.call !== text) unfinished.set(pid, entry);
  }
  return whole;
}

/**
 * Read what `strace -f -o` wrote about a command: how many processes (not threads) its first program made, and the calls
 * that neither it, its threads, nor those processes before they execute should make.
 */
export function strangeCalls(log: string): { children: number; strange: string[] } {
  const lines = calls(log);
  const starters = new Set([lines[0]?.pid ?? '']);
  const children = new Set<string>();
  for (const { pid, call } of lines) {
    const newborn = /^(?:clone3?|v?fork)\(.*= (\d+)$/.exec(call)?.[1];
    if (newborn === undefined || !starters.has(pid)) continue;
    (call.includes('CLONE_THREAD') ? starters : children).add(newborn);
  }
  const executed = new Set<string>();
  const strange: string[] = [];
  for (const { pid, call } of lines) {
    if (starters.has(pid) && ENTERS.test(call)) strange.push(`the starter: ${call}`);
    if (!children.has(pid) || executed.has(pid)) continue;
    if (/^execve(at)?\(/.test(call)) executed.add(pid);
    else if (/^[a-z]/.test(call) && !BEFORE_IMAGE.test(call)) strange.push(`before it executed: ${call}`);
  }
  return { children: children.size, strange };
}
