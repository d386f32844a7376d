import { DEFAULT_PATH } from '../../policy/docker-defaults.js';
import type { ContainerConfig } from '../types.js';

/**
 * The environment in Docker's order: PATH, HOSTNAME, TERM, what links give, then the configuration's, which takes the place
 * of an earlier value; a bare name there takes the variable away. HOME is the runtime's. moby, container/env.go.
 */
export function environment(config: ContainerConfig, hostname: string, links: readonly string[] = []): string[] {
  const env = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(config.Tty ? ['TERM=xterm'] : []), ...links];
  const nameOf = (line: string): string => line.split('=', 1)[0] ?? '';
  const gone = new Set<number>();
  const places = new Map(env.map((line, index) => [nameOf(line), index]));
  for (const line of config.Env) {
    const at = places.get(nameOf(line));
    if (!line.includes('=')) {
      if (at !== undefined) gone.add(at);
      continue;
    }
    if (at === undefined) {
      // a name given twice stays twice, as in Docker: the runtime takes the last
      env.push(line);
    } else {
      env[at] = line;
      gone.delete(at);
    }
  }
  return env.filter((_, index) => !gone.has(index));
}
