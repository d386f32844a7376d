import { spawn } from 'node:child_process';
import { EngineError } from '../../kernel/errors.js';

const TIMEOUT_MS = 20_000;
const MAX_OUTPUT = 16 << 20;
const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Run one of iptables' programs in this process's network namespace; it has no environment but a path. */
function run(program: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH, LC_ALL: 'C' } });
    let output = '';
    let errors = '';
    const bound = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      if (output.length > MAX_OUTPUT) child.kill('SIGKILL');
    });
    child.stderr.on('data', (bytes: Buffer) => {
      if (errors.length < 4096) errors += bytes.toString();
    });
    // it may end before it has read everything: its exit code tells why
    child.stdin.on('error', (error) => {
      errors += error.message;
    });
    child.on('error', (cause) => {
      clearTimeout(bound);
      reject(new EngineError('Unavailable', `run ${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(bound);
      if (code === 0) resolve(output);
      else
        reject(new EngineError('Internal', `${program} ended with ${code ?? signal}: ${errors.trim().slice(0, 500)}`));
    });
    child.stdin.end(input);
  });
}

/** iptables of one IP version. */
export interface Iptables {
  /** `iptables` or `ip6tables` */
  readonly program: string;
  save(): Promise<string>;
  /** Apply lines to the tables that they name, each table wholly or not at all. iptables-restore(8). */
  restore(text: string): Promise<void>;
}

export function iptables(version: 4 | 6): Iptables {
  const name = version === 4 ? 'iptables' : 'ip6tables';
  return {
    program: name,
    save: () => run(`${name}-save`, [], ''),
    restore: async (text) => {
      await run(`${name}-restore`, ['--noflush', '--wait', '10'], text);
    },
  };
}
