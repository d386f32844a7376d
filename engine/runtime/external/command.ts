import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';

/** Questions are answered at once or something is wrong. */
const QUESTION_MS = 30_000;
const MAX_ANSWER = 64 << 20;
/** sd_listen_fds(3), sd_notify(3): what is meant for us is not for a container, and a runtime would hand it on. */
const NOT_FOR_CONTAINERS = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET'];

/** The program of an OCI runtime with its state directory. Errors are EngineErrors in the program's own words. */
export class RuntimeCommand {
  readonly program: string;
  /** Its directory of states, ours around it: its `list` would stumble over files that are not its own. */
  readonly #state: string;

  constructor(program: string, root: string) {
    this.program = program;
    this.#state = join(root, 'state');
  }

  /** Where the program keeps a container: there is one as long as this exists. */
  stateOf(id: string): string {
    return join(this.#state, id);
  }

  /** Run a command to its end. Its descriptors are those of ours: the container's process gets them. */
  run(args: readonly string[], stdio: readonly (number | 'ignore')[], log: string): Promise<void> {
    return this.called(args, log, async (line, ended) => ended(await this.#spawn(line, [...stdio])));
  }

  /**
   * As `run`, where somebody else starts the program: with these words, and `ended` throws its error if it ended with one.
   *
   * @param log a file that the program may make
   */
  async called<T>(
    args: readonly string[],
    log: string,
    call: (line: readonly string[], ended: (how: number | string) => void) => Promise<T>,
  ): Promise<T> {
    try {
      return await call(this.#line(['--log', log, '--log-format', 'json', ...args]), (how) => {
        if (how !== 0) throw this.#failure(args, how, loggedError(log));
      });
    } finally {
      rmSync(log, { force: true });
    }
  }

  /** Run a command that gets no descriptor of ours, with a text on its standard input. */
  async tell(args: readonly string[], input = ''): Promise<void> {
    const child = spawn(this.program, this.#line(args), { stdio: ['pipe', 'ignore', 'pipe'], env: environment() });
    const errors: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    // a program that refuses without reading everything says why on its standard error
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') errors.push(Buffer.from(error.message));
    });
    child.stdin.end(input);
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', (error) => reject(this.#unable(error)));
      child.once('close', (exit, signal) => resolve(exit ?? `signal ${signal}`));
    });
    if (code !== 0) throw this.#failure(args, code, lastError(Buffer.concat(errors).toString()));
  }

  /** What a command prints. Blocks: only for those that read state. */
  ask(args: readonly string[]): string {
    const done = spawnSync(this.program, this.#line(args), {
      encoding: 'utf8',
      timeout: QUESTION_MS,
      maxBuffer: MAX_ANSWER,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (done.error !== undefined) throw this.#unable(done.error);
    if (done.status !== 0) throw this.#failure(args, done.status ?? `signal ${done.signal}`, lastError(done.stderr));
    return done.stdout;
  }

  #line(args: readonly string[]): string[] {
    return ['--root', this.#state, ...args];
  }

  #spawn(args: readonly string[], stdio: (number | 'ignore')[]): Promise<number | string> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.program, args, { stdio, env: environment() });
      child.once('error', (error) => reject(this.#unable(error)));
      child.once('exit', (exit, signal) => resolve(exit ?? `signal ${signal}`));
    });
  }

  #unable(error: Error): EngineError {
    const { code } = error as NodeJS.ErrnoException;
    return new EngineError('FailedPrecondition', `cannot run ${this.program}: ${code ?? error.message}`, {
      cause: error,
    });
  }

  #failure(args: readonly string[], code: number | string, said: string): EngineError {
    const text = said === '' ? `${args[0]} ended with ${code} and no word` : said.replace(PREAMBLE, '');
    return new EngineError(codeOf(text), text, {
      details: { runtime: this.program, command: args[0], exit: code, said },
    });
  }
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_FOR_CONTAINERS.includes(name)));
}

/** The last error of a log file in JSON lines, as containerd's go-runc reads it. */
function loggedError(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  const lines = text.split('\n').filter((line) => line.includes('"level":"error"'));
  const last = lines.at(-1);
  return last === undefined ? '' : String((JSON.parse(last) as { msg?: unknown }).msg ?? '');
}

/** The last error that was printed: logrus's text format (`level=error msg="…"`), or plain words. */
function lastError(text: string): string {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  return quoted === undefined ? (/\bmsg=(\S+)/.exec(line)?.[1] ?? line) : String(JSON.parse(quoted));
}

/** What runc's command says before the error itself: who asks knows what was asked. */
const PREAMBLE = /^(runc (create|run) failed: |exec failed: )?(unable to start container process: )?/;

/** What kind of failure the program tells of: its words are all that it gives. */
const CODES: readonly (readonly [ErrorCode, RegExp])[] = [
  ['AlreadyExists', /already exists/i],
  ['NotFound', /container .*does not exist|no such container/i],
  ['FailedPrecondition', /not running|stopped container|has stopped|already running|paused|not stopped|hybrid mode/i],
  ['NotFound', /no such file or directory|not found/i],
  ['PermissionDenied', /permission denied|operation not permitted/i],
  ['InvalidArgument', /invalid|must |cannot /i],
];

function codeOf(text: string): ErrorCode {
  return CODES.find(([, pattern]) => pattern.test(text))?.[0] ?? 'Internal';
}
