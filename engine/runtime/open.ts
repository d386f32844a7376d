import { requireProgram } from './external/program.js';
import { ExternalRuntime } from './external/runtime.js';
import { Runtime, type RuntimeOptions } from './runtime.js';
import { OWN_RUNTIME, runtimeSetting } from './setting.js';
import type { OciRuntime } from './types.js';

/** What holds a reactor open must be closed, or the process is kept from ending. */
export interface OpenedRuntime extends OciRuntime {
  close(): void;
}

export interface OpenOptions extends RuntimeOptions {
  /** `glassbox`: our own. Else a program with runc's command line: a name in PATH (`runc`, `crun`) or a path. Default: `runtimeSetting()`. */
  readonly runtime?: string;
}

/**
 * The runtime of a name on one state directory. Throws EngineError (FailedPrecondition) when its program is not there, does
 * not run, or is known to refuse this machine. An engine has several at once: engine-runtimes.ts.
 */
export function openRuntime(options: OpenOptions): OpenedRuntime {
  const name = options.runtime ?? runtimeSetting();
  if (name === OWN_RUNTIME) return new Runtime(options);
  requireProgram(name);
  return new ExternalRuntime({
    program: name,
    root: options.root,
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
  });
}
