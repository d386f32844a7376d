import type { Attached, LogLine, OutputChunk } from '../../../engine/container/types.js';
import { EngineError } from '../../../engine/kernel/errors.js';
import { Queue } from './queue.js';

/** A program of a fake container: `echo WORDS`, `both`, `cat`, `sleep`, `flood MIB`, `exit CODE`. */
export class FakeProcess {
  readonly log: LogLine[] = [];
  readonly readers = new Set<Queue<OutputChunk>>();
  /** What came in, for tests to look at. */
  readonly input: Buffer[] = [];
  inputEnded = false;
  readonly tty: boolean;
  readonly #argv: readonly string[];
  readonly ended: Promise<number>;
  #exit: (code: number) => void = () => undefined;
  isOver = false;

  constructor(argv: readonly string[], tty: boolean) {
    this.#argv = argv;
    this.tty = tty;
    this.ended = new Promise((resolve) => (this.#exit = resolve));
  }

  run(): void {
    const [program, ...words] = this.#argv;
    if (program === 'echo') {
      this.say('stdout', `${words.join(' ')}\n`);
      this.exit(0);
    } else if (program === 'both') {
      this.say('stdout', 'out\n');
      this.say('stderr', 'err\n');
      this.exit(3);
    } else if (program === 'exit') this.exit(Number(words[0]));
    else if (program === 'flood') void this.#flood(Number(words[0]));
    else if (program !== 'cat' && program !== 'sleep') this.exit(127);
  }

  async #flood(mebibytes: number): Promise<void> {
    const block = Buffer.alloc(1 << 16, 'x');
    for (let n = 0; n < mebibytes * 16 && !this.isOver; n++) {
      for (const reader of this.readers) reader.push({ stream: 'stdout', bytes: block });
      await Promise.all([...this.readers].map((reader) => reader.drained()));
      await new Promise(setImmediate);
    }
    this.exit(0);
  }

  say(stream: 'stdout' | 'stderr', text: string): void {
    const bytes = Buffer.from(text);
    this.log.push({ stream, bytes, time: new Date().toISOString().replace('Z', '000000Z') });
    for (const reader of this.readers) reader.push({ stream, bytes });
  }

  exit(code: number): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const reader of this.readers) reader.end();
    this.#exit(code);
  }

  attach(what: { logs: boolean; stream: boolean; stdout: boolean; stderr: boolean }): Attached {
    const output = new Queue<OutputChunk>();
    const wanted = (chunk: OutputChunk): boolean => (chunk.stream === 'stdout' ? what.stdout : what.stderr);
    if (what.logs) for (const line of this.log) if (wanted(line)) output.push(line);
    if (!what.stream || this.isOver) output.end();
    else this.readers.add(output);
    return {
      tty: this.tty,
      output,
      write: async (bytes) => {
        if (this.isOver) throw new EngineError('FailedPrecondition', 'the process takes no input');
        this.input.push(Buffer.from(bytes));
        if (this.#argv[0] === 'cat') this.say('stdout', Buffer.from(bytes).toString());
      },
      closeInput: () => {
        this.inputEnded = true;
        if (this.#argv[0] === 'cat') this.exit(0);
      },
      close: () => {
        this.readers.delete(output);
        output.end();
      },
    };
  }
}
