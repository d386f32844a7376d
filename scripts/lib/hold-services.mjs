import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** invoke-rc.d(8), deb-systemd-invoke(1p): asked before a service is started. */
const POLICY = '/usr/sbin/policy-rc.d';

/** When a process started, in clock ticks since boot: with its number it names one process for ever (proc_pid_stat(5)). */
function startOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** Answers 101, "don't", while this process lives. One that outlives it, because that was killed, removes itself. */
const script = (pid) => `#!/bin/sh
# Put here by Glassbox while its set-up, process ${pid}, installs packages: they must not start services.
set -- $(sed 's/.*) //' /proc/${pid}/stat 2>/dev/null)
[ "\${20:-}" = ${startOf(pid)} ] && exit 101
rm -f "$0"
exit 0
`;

/**
 * Run an installation during which no service is started. A policy that the machine has already is its own business and
 * stays as it is.
 * @template T @param {() => Promise<T>} action @returns {Promise<T>}
 */
export async function holdServices(action, path = POLICY) {
  try {
    writeFileSync(path, script(process.pid), { flag: 'wx', mode: 0o755 });
  } catch (error) {
    if (error.code === 'EEXIST') return action();
    throw error;
  }
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}
