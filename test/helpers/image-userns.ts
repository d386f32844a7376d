import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';

/**
 * Run a program as root of a new user namespace with 65,536 ids from 1,000,000, and a mount namespace. The maps are written
 * from here, for newuidmap(1) knows only what /etc/subuid says.
 */
export async function asRootOfUserNamespace(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  timeout: number,
): Promise<SpawnSyncReturns<string>> {
  const holder = spawn('unshare', ['--user', '--mount', '--', 'sleep', '1000'], { stdio: 'ignore' });
  try {
    const ours = readlinkSync('/proc/self/ns/user');
    const deadline = performance.now() + 45_000;
    while (readlinkSync(`/proc/${holder.pid}/ns/user`) === ours) {
      if (performance.now() > deadline) throw new Error('unshare made no user namespace');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${holder.pid}/${map}`, '0 1000000 65536\n');
    const enter = ['--user', '--mount', '--target', `${holder.pid}`, '--', ...argv];
    return spawnSync('nsenter', enter, { encoding: 'utf8', env, timeout, maxBuffer: 64 << 20 });
  } finally {
    holder.kill('SIGKILL');
  }
}
