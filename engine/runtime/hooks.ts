import { spawn } from 'node:child_process';
import { EngineError } from '../kernel/errors.js';
import type { SpecHook } from './spec/types.js';
import type { ContainerState } from './types.js';

/** What is kept of a hook's output, for its error. */
const OUTPUT = 64 << 10;

/** Hooks that run here, in the runtime's namespaces: one after the other, the state on standard input; the first that fails ends it. */
export async function runHooks(hooks: readonly SpecHook[], state: ContainerState): Promise<void> {
  const text = hookState(state);
  for (const [index, hook] of hooks.entries()) await runHook(hook, index, text, state.bundle);
}

/** What hooks read: runtime-spec's state without what runc adds in its own listing. */
export function hookState({ ociVersion, id, status, pid, bundle, annotations }: ContainerState): string {
  return JSON.stringify({
    ociVersion,
    id,
    status,
    ...(pid === 0 ? {} : { pid }),
    bundle,
    ...(annotations === undefined ? {} : { annotations }),
  });
}

/** runtime-spec config.md "POSIX-platform Hooks": `args` with the program's name first, `env` and nothing else, `timeout` seconds. */
function runHook(hook: SpecHook, index: number, state: string, bundle: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new EngineError('FailedPrecondition', `error running hook #${index}: ${why}`));
    const child = spawn(hook.path, hook.args.slice(1), {
      argv0: hook.args[0] ?? hook.path,
      cwd: bundle,
      env: hook.env === undefined ? process.env : environmentOf(hook.env),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] = (output[name] + text).slice(0, OUTPUT);
      });
    let late = false;
    const timer =
      hook.timeout === undefined || hook.timeout <= 0
        ? undefined
        : setTimeout(() => {
            late = true;
            child.kill('SIGKILL');
          }, hook.timeout * 1000);
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(
        `fork/exec ${hook.path}: ${error.code === 'ENOENT' ? 'no such file or directory' : error.code === 'EACCES' ? 'permission denied' : error.message}`,
      );
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (late) fail(`hook ran past specified timeout of ${hook.timeout}.0s`);
      else if (code === 0) resolve();
      else
        fail(
          `error running hook: ${signal === null ? `exit status ${code}` : `signal: ${SIGNAL_WORDS[signal] ?? signal}`}, stdout: ${output.stdout}, stderr: ${output.stderr}`,
        );
    });
    // a hook that does not read its state is no failure
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') fail(error.message);
    });
    child.stdin.end(state);
  });
}

function environmentOf(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    env.map((line) => {
      const equals = line.indexOf('=');
      return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}

/** As Go prints them. */
const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGKILL: 'killed',
  SIGTERM: 'terminated',
  SIGSEGV: 'segmentation fault',
};
