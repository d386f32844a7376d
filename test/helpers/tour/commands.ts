import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { must } from '../docker/fences.js';
import { findProgram } from '../docker/programs.js';

/** A docker command, by the name `docker` in a directory of its own. */
export interface DockerCommand {
  readonly directory: string;
  /** The command itself, which nothing ends. */
  readonly program: string;
  readonly major: number;
  readonly version: string;
}

/**
 * The docker commands that the machine has, the oldest first; or the one in GLASSBOX_TOUR_CLI. One that hangs is ended, so that
 * the rest of its group is still seen.
 */
export function dockerCommands(place: string): readonly DockerCommand[] {
  const given = process.env['GLASSBOX_TOUR_CLI'];
  const there = (process.env['PATH'] ?? '').split(delimiter).flatMap((directory) => {
    const path = findProgram('docker', [directory]);
    return path === null ? [] : [realpathSync(path)];
  });
  const programs = given === undefined ? [...new Set(there)] : [given];
  return programs
    .map((program, index) => {
      const directory = join(place, `bin${index}`);
      mkdirSync(directory);
      writeFileSync(join(directory, 'docker'), `#!/bin/sh\nexec timeout --foreground -k 2 25 ${program} "$@"\n`);
      chmodSync(join(directory, 'docker'), 0o755);
      const [, version = '', major = ''] = /version ((\d+)\.[^,\s]*)/.exec(must(program, ['--version'])) ?? [];
      return { directory, program, version, major: Number(major) };
    })
    .sort((one, other) => one.major - other.major);
}
