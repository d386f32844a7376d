import type { Bilingual, ExplainedProgram, ExplainedRecord } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';
import { isTerminal, type World } from './world.js';

const PROMPT: Bilingual = {
  en: '[Enter] issue it  [c] go on to the end  [q] undo everything',
  zh: '[回车] 执行  [c] 执行到底  [q] 撤销一切',
};
const UNDONE: Bilingual = { en: 'stopped; everything is undone', zh: '已停止；一切都已撤销' };
const FAILED: Bilingual = { en: 'failed', zh: '失败' };
const SKIPPED: Bilingual = { en: 'skipped', zh: '跳过' };
const NOT_YET: Bilingual = { en: 'not yet', zh: '尚未执行' };
const CTRL_C = '\x03';

/** Language of the locale (locale(7)): the first of the three that is set decides. */
export function languageOf(env: World['env']): keyof Bilingual {
  const locale = [env['LC_ALL'], env['LC_MESSAGES'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale?.toLowerCase().startsWith('zh') === true ? 'zh' : 'en';
}

/** Who is told of each record and decides whether it is issued: a person, or a program. */
export interface StepTeller {
  planned?(program: ExplainedProgram): void;
  before(record: ExplainedRecord): Promise<void>;
  after(record: ExplainedRecord): void;
  sayUndone(): void;
  close(): void;
}

/** The call, what it is for, and the command that would do the same. */
export function describeRecord(record: ExplainedRecord, language: keyof Bilingual): string[] {
  return [
    `${String(record.index + 1).padStart(4)}  ${record.call}  ${record.man}`,
    `      ${record.explanation[language]}`,
    ...(record.command === null ? [] : [`      $ ${record.command}`]),
  ];
}

/** What the kernel answered, and how long it took. */
export function answerText(record: ExplainedRecord, language: keyof Bilingual): string {
  const time = record.durationNs === null ? '' : `  ${(record.durationNs / 1000).toFixed(1)} µs`;
  if (record.state === 'skipped') return SKIPPED[language];
  if (record.state === 'pending' || record.state === 'held') return NOT_YET[language];
  if (record.state === 'failed') return `${record.errno ?? record.result} (${FAILED[language]})${time}`;
  return `${record.errno ?? String(record.result ?? 0)}${time}`;
}

/**
 * `run --step`: tells every system call before it is issued, on standard error, and waits for a key; afterwards its result
 * and time. Without a terminal to press keys on it tells and goes on.
 */
export class Stepper implements StepTeller {
  readonly #say: (text: string) => void;
  readonly #language: keyof Bilingual;
  #section = '';
  #asking: boolean;

  constructor(world: World) {
    this.#say = world.err;
    this.#language = languageOf(world.env);
    this.#asking = isTerminal(0);
    if (this.#asking) process.stdin.setRawMode(true).pause();
  }

  async before(record: ExplainedRecord): Promise<void> {
    if (record.section !== this.#section) {
      this.#section = record.section;
      this.#line(`\n[${record.heading[this.#language]}]`);
    }
    for (const line of describeRecord(record, this.#language)) this.#line(line);
    if (!this.#asking) return;
    this.#say(`      ${PROMPT[this.#language]} `);
    const key = await this.#key();
    this.#line('');
    if (key === 'q' || key === CTRL_C)
      throw new EngineError('Aborted', `stopped before record ${record.index + 1} (${record.syscall})`);
    if (key === 'c') this.close();
  }

  after(record: ExplainedRecord): void {
    this.#line(`${String(record.index + 1).padStart(4)}  = ${answerText(record, this.#language)}`);
  }

  sayUndone(): void {
    this.#line(UNDONE[this.#language]);
  }

  /** From now on nothing is asked, and the terminal is as it was. */
  close(): void {
    if (!this.#asking) return;
    this.#asking = false;
    process.stdin.setRawMode(false).pause();
  }

  #line(text: string): void {
    this.#say(`${text}\n`);
  }

  /** Enter and space go on; other keys are not for us. A terminal that is gone ends it. */
  #key(): Promise<string> {
    const keys = process.stdin;
    return new Promise((resolve) => {
      const read = (bytes: Buffer): void => {
        const key = [...bytes.toString()].find((one) => '\r\n cq\x03'.includes(one));
        if (key !== undefined) done(key);
      };
      const ended = (): void => done('q');
      const done = (key: string): void => {
        keys.off('data', read).off('end', ended).off('error', ended).pause();
        resolve(key);
      };
      keys.on('data', read).on('end', ended).on('error', ended).resume();
    });
  }
}
