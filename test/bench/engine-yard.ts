import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../helpers/docker/fences.js';
import { makeArchives } from '../helpers/tour/archive.js';
import type { Yard } from '../helpers/tour/yard.js';

const CHUNK = 1 << 20;

/** A file that nothing can compress. */
export function randomFile(path: string, megabytes: number): string {
  const fd = openSync(path, 'w');
  for (let n = 0; n < megabytes; n++) writeSync(fd, randomBytes(CHUNK));
  closeSync(fd);
  return path;
}

/** The tour's image, and one that has a layer of so many megabytes more below another name, as `docker save` writes them. */
export function benchArchives(place: string, megabytes: number): { readonly small: string; readonly big: string } {
  const small = makeArchives(place).image;
  const big = makeArchives(place, { name: 'big:1', file: randomFile(join(place, 'payload'), megabytes) }).image;
  rmSync(join(place, 'payload'));
  return { small, big };
}

export interface Weight {
  readonly daemons: number;
  readonly shims: number;
  readonly rssMiB: number;
  readonly pssMiB: number;
  readonly cpuTicks: number;
}

/**
 * What the processes of an engine hold: all that are in the yard's own pid namespace, which those of containers are not, but for
 * the yard's pid 1. A shim is one that is there for a container: its parent is not the engine.
 */
export function weigh(yard: Yard): Weight {
  const namespace = readlinkSync(`/proc/${yard.pid}/ns/pid`);
  let [daemons, shims, rss, pss, cpuTicks] = [0, 0, 0, 0, 0];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== yard.pid)) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) continue;
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, parent = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
      rss += kib('Rss');
      pss += kib('Pss');
      cpuTicks += Number(fields[9]) + Number(fields[10]);
      if (Number(parent) === yard.pid && !/shim/.test(stat)) daemons++;
      else shims++;
    } catch (error) {
      // it has ended between two looks
      if (!['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return { daemons, shims, rssMiB: rss / 1024, pssMiB: pss / 1024, cpuTicks };
}

/** The docker command in a yard. */
export function docker(yard: Yard, program: string, ...args: string[]): string {
  return must(...yard.inside(program, args));
}
