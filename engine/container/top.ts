import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { EngineError } from '../kernel/errors.js';

export interface Top {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/** Of a machine with very many processes. */
const MAX_BYTES = 16 << 20;
const TIMEOUT_MS = 10_000;
const MAX_ARGS = 4096;

/** The machine's own ps, by its path: nothing of a container is looked for or run (CVE-2019-14271 is of that kind). */
const PS = ['/usr/bin/ps', '/bin/ps'];

/**
 * `docker top`: the machine's ps, and of its lines those of the container.
 *
 * @param pids of the container's processes, in our own pid namespace
 */
export async function top(psArgs: readonly string[], pids: readonly number[]): Promise<Top> {
  const args = psArgs.length === 0 ? ['-ef'] : psArgs.flatMap((one) => one.split(' ')).filter((one) => one !== '');
  verifyPsArgs(args.join(' '));
  // some options (f) cannot be used together with a list of processes
  const output = await ps([...args, `-q${pids.join(',')}`]).catch(() => ps(args));
  return parsePs(output, new Set(pids));
}

/** `-o pid=NAME` would hide which column is the PID: moby, daemon/top_unix.go. */
export function verifyPsArgs(args: string): void {
  if (args.length > MAX_ARGS || args.includes('\0')) throw new EngineError('InvalidArgument', 'ps: arguments too long');
  for (const [, key = '', value = ''] of args.matchAll(/\s+([^\s=]*)=\s*(PID\S*)/g))
    if (key !== 'pid') throw new EngineError('InvalidArgument', `specifying "${key}=${value}" is not allowed`);
}

/** The lines of `pids`, and of their threads (`-`); what exceeds the titles belongs to the last column. */
export function parsePs(output: string, pids: ReadonlySet<number>): Top {
  const [first = '', ...lines] = output.split('\n');
  const fieldsOf = (line: string): string[] => line.split(/[ \t\v\f\r]+/).filter((field) => field !== '');
  const Titles = fieldsOf(first);
  const column = Titles.indexOf('PID');
  if (column < 0) throw new EngineError('Internal', "Couldn't find PID field in ps output");
  const Processes: string[][] = [];
  let inside = false;
  for (const line of lines) {
    if (line === '') continue;
    const fields = fieldsOf(line);
    const pid = fields[column] ?? '';
    if (pid !== '-') {
      if (!/^\d+$/.test(pid))
        throw new EngineError('Internal', `Unexpected pid '${pid}': strconv.Atoi: parsing "${pid}": invalid syntax`);
      inside = pids.has(Number(pid));
    }
    if (!inside) continue;
    const last = Titles.length - 1;
    Processes.push([...fields.slice(0, last), fields.slice(last).join(' ')]);
  }
  return { Titles, Processes };
}

function ps(args: readonly string[]): Promise<string> {
  const program = PS.find((path) => existsSync(path));
  if (program === undefined)
    return Promise.reject(new EngineError('Internal', 'ps: exec: "ps": executable file not found in $PATH'));
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      {
        encoding: 'utf8',
        maxBuffer: MAX_BYTES,
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const [line = ''] = stderr.split('\n', 1);
        reject(new EngineError('Internal', `ps: ${line === '' ? error.message : line}`, { cause: error }));
      },
    );
  });
}
