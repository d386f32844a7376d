import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where all of a test's files are: on the sandbox's own /run. */
export const PLACE = '/run/glassbox-conformance';

/** A command that must succeed. */
export function must(program: string, args: readonly string[], input?: Buffer): string {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 600_000,
    ...(input === undefined ? {} : { input }),
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${done.status}: ${done.stderr}`);
  return done.stdout;
}

/**
 * Inside the sandbox: an /etc whose changes are not the machine's (dockerd writes a key there, a user namespace needs
 * the subordinate ids that nobody gets), an empty /var/lib for what has no option of its own, loopback up. Then PLACE exists and is empty.
 */
export function raiseFences(): void {
  const layers = join(PLACE, 'etc');
  mkdirSync(join(layers, 'upper'), { recursive: true });
  mkdirSync(join(layers, 'work'));
  const options = `lowerdir=/etc,upperdir=${layers}/upper,workdir=${layers}/work`;
  must('mount', ['-t', 'overlay', 'overlay', '-o', options, '/etc']);
  for (const file of ['/etc/subuid', '/etc/subgid']) writeFileSync(file, 'nobody:300000:65536\n');
  must('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/var/lib']);
  must('ip', ['link', 'set', 'lo', 'up']);
}

function hierarchies(): string[] {
  const top = '/sys/fs/cgroup';
  if (!existsSync(top)) return [];
  if (existsSync(join(top, 'cgroup.controllers'))) return [top];
  return readdirSync(top, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(top, entry.name));
}

/** Every cgroup of this name and below it, deepest first, in every hierarchy: also the ones that only v2 has. */
export function groupsBelow(name: string): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory()) walk(join(path, entry.name));
    found.push(path);
  };
  for (const top of hierarchies()) if (existsSync(join(top, name))) walk(join(top, name));
  return found;
}

/** Remove them; a hierarchy that is mounted twice shows each group twice, so one that is gone already is fine. */
export function removeGroups(name: string): void {
  for (const path of groupsBelow(name)) if (statSync(path, { throwIfNoEntry: false }) !== undefined) rmdirSync(path);
}
