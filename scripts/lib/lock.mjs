import { appendFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './say.mjs';

/** `pid startTime` names a process for ever; a pid alone is reused (proc_pid_stat(5), field 22). */
function processName(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}

/**
 * Run `work` while no other set-up of this tree runs. A lock left by a process that is gone is taken over, so that
 * nothing has to be cleaned by hand after a kill. The lock appears with its content in one act (link(2)), and who took
 * one over looks again a moment later, since another may have removed the same dead lock at the same time.
 * `work` is given a function that adds a child to the holders: npm goes on when we are killed, and is waited for then.
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  const me = processName(process.pid);
  let told = false;
  let takingOver = false;
  for (;;) {
    if (tryLock(path, me)) {
      if (!takingOver) break;
      await sleep(100);
      if (readHolder(path) === me) break;
    }
    const holder = readHolder(path);
    if (holder === null) continue;
    if (!holder.split('\n').some(isAlive)) {
      rmSync(path, { force: true });
      takingOver = true;
      continue;
    }
    if (!told) {
      told = true;
      const pid = holder.split('\n').find(isAlive)?.split(' ')[0] ?? '?';
      say({
        en: `Another set-up of this folder is running (process ${pid}); waiting for it.`,
        zh: `本目录正由另一个进程（${pid}）准备，等待其结束。`,
      });
    }
    await sleep(200);
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work((pid) => appendFileSync(path, `\n${processName(pid) ?? me}`));
  } finally {
    release();
    process.removeListener('exit', release);
  }
}

function tryLock(path, me) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, me);
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whether the process that this line of the lock names still runs. */
function isAlive(name) {
  return name !== '' && processName(Number.parseInt(name, 10)) === name;
}

/** What the lock file says; null when there is none. */
function readHolder(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
