/**
 * `glassbox learn LESSON --plain`: the lesson as a line-oriented dialogue. What the learner types goes to one shell of the lab; lines that
 * begin with `:` are for the lesson. Nothing is drawn, nothing is overwritten: fit for screen readers, logs and pipes.
 */
import { createInterface } from 'node:readline';
import {
  because,
  goalLabel,
  type MarkdownLines,
  plainMarkdown,
  renderGoals,
  renderStep,
  renderVerdict,
  word,
} from './plain-text.js';
import type { LessonSession } from './session.js';
import type { Bilingual, Language } from './types.js';

export interface PlainIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: { write(text: string): unknown };
  readonly language: Language;
  /** How Markdown is shown; as it is, without marks, where nothing is given. */
  readonly markdown?: MarkdownLines;
}

/** A command in plain mode may take this long before it is interrupted. */
const COMMAND_MS = 60_000;

const HELP: Bilingual = {
  en: `Type commands: they run in the lab. For the lesson:
  :text   show this step again          :goals   what is met and what is missing
  :hint   the next hint                 :next    the next step     :back   the one before
  :a      choose option a (b, c …)      :answer TEXT   answer the question
  :reset  begin this step anew          :undo    take back the last command
  :steps  list the steps                :jump N  go to step N
  :lang en|zh                           :quit    leave (your progress is kept)`,
  zh: `直接输入命令，它们会在实验室中执行。课程命令：
  :text   重新显示本步骤                :goals   已达成与仍缺少的目标
  :hint   下一条提示                    :next    下一步            :back   上一步
  :a      选择选项 a（b、c ……）         :answer 文字   回答问题
  :reset  重新开始本步骤                :undo    撤销上一条命令
  :steps  列出所有步骤                  :jump N  跳到第 N 步
  :lang en|zh                           :quit    离开（进度会保留）`,
};

export class PlainDialogue {
  readonly #session: LessonSession;
  readonly #io: PlainIo;
  readonly #markdown: MarkdownLines;
  #language: Language;
  #states = new Map<string, string>();
  #closing = false;
  #announced = new Set<string>();

  constructor(session: LessonSession, io: PlainIo) {
    this.#session = session;
    this.#io = io;
    this.#markdown = io.markdown ?? plainMarkdown;
    this.#language = io.language;
  }

  /** Speak until `:quit`, the end of input, or the end of the shell. Answers the exit status. */
  async run(): Promise<number> {
    const session = this.#session;
    await session.ensureShell(100, 30);
    this.#print(this.#markdown(session.lesson.text[this.#language].intro));
    this.#print(HELP[this.#language]);
    await this.#showStep();
    const lines = createInterface({ input: this.#io.stdin, terminal: false });
    try {
      for await (const line of lines) {
        if (line.startsWith(':')) {
          if (await this.#lessonCommand(line.slice(1).trim())) return 0;
        } else if (line.trim() !== '') await this.#shellLine(line);
        if (this.#closing) return 0;
      }
    } finally {
      // Leaving the loop alone would keep the process waiting for the end of its input.
      lines.close();
    }
    return 0;
  }

  #print(text: string): void {
    if (text !== '') this.#io.stdout.write(`${text}\n`);
  }

  #tell(text: Bilingual | null): void {
    if (text) this.#print(`* ${text[this.#language]}`);
  }

  async #showStep(): Promise<void> {
    await this.#session.settle();
    this.#states = new Map(this.#session.goals.map((goal) => [`${goal.step}/${goal.id}`, goal.state]));
    this.#io.stdout.write('\n');
    this.#print(renderStep(this.#session, this.#language, this.#markdown));
    this.#announceComplete();
  }

  /** Run one line in the lab's shell, show what it prints, then what changed of the goals. */
  async #shellLine(line: string): Promise<void> {
    const shell = await this.#session.ensureShell();
    const result = await shell.run(line, { timeoutMs: COMMAND_MS, asLearner: true });
    this.#print(result.output);
    if (result.timedOut)
      this.#tell({ en: `interrupted after ${COMMAND_MS / 1000} s`, zh: `已运行 ${COMMAND_MS / 1000} 秒，已被中断` });
    else if (result.exitCode !== null && result.exitCode !== 0)
      this.#tell({ en: `exit status ${result.exitCode}`, zh: `退出状态 ${result.exitCode}` });
    if (result.ended) {
      this.#tell({ en: 'the shell has ended; a new one begins', zh: 'shell 已结束；正在启动新的 shell' });
      this.#session.forgetShell();
      await this.#session.ensureShell(100, 30);
    }
    await this.#ticks();
  }

  /** Say which goals changed their state since the last time. */
  async #ticks(): Promise<void> {
    const session = this.#session;
    await session.settle();
    for (const goal of session.goals) {
      const key = `${goal.step}/${goal.id}`;
      if (this.#states.get(key) === goal.state) continue;
      this.#states.set(key, goal.state);
      this.#print(`${word(goal.state, this.#language)} ${goalLabel(session, goal)[this.#language]}`);
      const why = because(goal);
      if (why && goal.state !== 'notYet') this.#print(`    ${why[this.#language]}`);
    }
    this.#announceComplete();
  }

  #announceComplete(): void {
    const session = this.#session;
    if (!session.complete || this.#announced.has(session.step.id)) return;
    this.#announced.add(session.step.id);
    if (session.step.goal.length > 0) {
      const engine = session.text((text) => text.engine)[this.#language];
      this.#tell({ en: 'this step is done', zh: '本步骤已完成' });
      if (engine !== '') this.#print(`${word('engine', this.#language)}:\n${this.#markdown(engine)}`);
    }
    this.#tell({ en: ':next leads on; you may also stay and try things', zh: '输入 :next 继续；也可以留下来继续尝试' });
  }

  /** @returns true when the dialogue is over */
  async #lessonCommand(command: string): Promise<boolean> {
    const session = this.#session;
    const [name, ...rest] = command.split(/\s+/);
    const argument = rest.join(' ');
    switch (name) {
      case 'quit':
      case 'q':
      case 'exit':
        return true;
      case 'help':
      case 'h':
      case '?':
      case '':
        this.#print(HELP[this.#language]);
        return false;
      case 'text':
        await this.#showStep();
        return false;
      case 'goals':
        await session.settle();
        this.#print(renderGoals(session, this.#language).join('\n'));
        return false;
      case 'hint': {
        const before = session.hintsGiven.length;
        this.#tell(await session.hint());
        for (const hint of session.hintsGiven.slice(before))
          this.#print(`${word('hint', this.#language)}: ${this.#markdown(session.hintText(hint)[this.#language])}`);
        return false;
      }
      case 'next': {
        await session.settle();
        const before = session.stepIndex;
        this.#tell(await session.next());
        if (session.stepIndex !== before) await this.#showStep();
        else if (!session.complete) this.#print(renderGoals(session, this.#language).join('\n'));
        return false;
      }
      case 'back': {
        this.#tell(await session.previous());
        await this.#showStep();
        return false;
      }
      case 'reset':
      case 'undo':
        this.#tell(name === 'reset' ? await session.reset() : await session.undo());
        this.#tell(session.takeNotice());
        await this.#ticks();
        return false;
      case 'steps':
        session.steps.forEach((step, index) => {
          const mark = index === session.stepIndex ? '>' : session.isMet(step.id) ? '+' : ' ';
          this.#print(
            `${mark} ${index + 1}. ${session.text((text) => text.title, step.id)[this.#language]} (${step.id})`,
          );
        });
        return false;
      case 'jump':
        this.#tell(await session.jump(argument));
        this.#tell(session.takeNotice());
        await this.#showStep();
        return false;
      case 'answer':
        this.#tell(await session.answer(argument));
        this.#print(renderVerdict(session, this.#language, this.#markdown).join('\n').trim());
        this.#announceComplete();
        return false;
      case 'lang':
        if (argument === 'en' || argument === 'zh') this.#language = argument;
        await this.#showStep();
        return false;
      default:
        return this.#other(name ?? '');
    }
  }

  async #other(name: string): Promise<boolean> {
    const session = this.#session;
    const letter = 'abcdefgh'.indexOf(name);
    if (name.length === 1 && letter >= 0 && session.step.predict) {
      this.#tell(await session.predict(letter));
      this.#print(renderVerdict(session, this.#language, this.#markdown).join('\n').trim());
      this.#announceComplete();
      return false;
    }
    this.#tell({ en: `no lesson command :${name}; :help lists them`, zh: `没有课程命令 :${name}；:help 列出全部命令` });
    return false;
  }
}
