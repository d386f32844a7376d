import { readdirSync, readFileSync } from 'node:fs';
import { hierarchies, type World } from './world.js';

/** Files whose contents no limit sets: counters, and those that only write. */
const COUNTERS =
  /usage|stat|numa|pressure|failcnt|max_usage|cgroup\.(event_control|procs|threads|controllers|events|type)|^tasks$|force_empty|reset_stats|slabinfo|io_service|io_wait|io_merged|io_queued|pids\.(current|peak|events)|kill$|effective/;

/** The settings of the container's cgroup in each hierarchy, and whether its process is in it. */
export function groupFiles(world: World, pid: string): string[] {
  return hierarchies().flatMap((hierarchy) => {
    const name = hierarchy.split('/').at(-1) ?? '';
    const group = `${hierarchy}${world.cgroup}/one`;
    let files: string[];
    try {
      files = readdirSync(group).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return [`${name}: no group`];
    }
    const member = readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').includes(pid);
    const lines = files
      .filter((file) => !COUNTERS.test(file))
      .map((file) => `${name}/${file}: ${setting(`${group}/${file}`)}`);
    return [`${name}: ${member ? 'the process is in it' : 'the process is not in it'}`, ...lines];
  });
}

function setting(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().replaceAll('\n', ' | ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
