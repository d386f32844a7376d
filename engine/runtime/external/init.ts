import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import { elfImage } from '../../kernel/program/elf.js';
import { planProcess } from '../planning/process.js';
import { REAPER_PATH, reaperProgram } from '../program/reaper.js';
import type { Spec } from '../spec/types.js';
import type { CreateOptions } from '../types.js';

/** Executed by whoever the container's user is, read by nobody but root: the environment is in it. */
const EXECUTABLE_ONLY = 0o711;

/**
 * `docker run --init` with another runtime, as dockerd does it: the reaper is a file that is bound into the container, and
 * what was to be executed stands behind it. moby, daemon/oci_linux.go (WithCommonOptions).
 */
export function withInit({ spec, bundle, stdio }: CreateOptions, file: string): Spec {
  if (spec.process === undefined) throw new EngineError('InvalidArgument', 'process property must not be empty');
  const plan = planProcess(spec.process, {
    root: resolve(bundle, spec.root.path),
    seccomp: undefined,
    setgroups: true,
    preserveFds: 0,
    stdio,
    inUserNamespace: false,
    warn: () => undefined,
  });
  writeFileSync(file, elfImage(reaperProgram(plan)), { mode: EXECUTABLE_ONLY });
  const options = ['bind', 'ro', 'nosuid', 'nodev', 'exec'];
  const mount = { destination: REAPER_PATH, type: 'bind', source: file, options, uidMappings: [], gidMappings: [] };
  return {
    ...spec,
    process: { ...spec.process, args: [REAPER_PATH, '--', ...spec.process.args] },
    mounts: [...spec.mounts, mount],
  };
}
