/** A lesson of three steps for tests of the view: its goals are met when the test says so. */
import type { Bilingual } from '../../engine/api/types.js';
import type { ActionAnswer, LessonGoal, LessonHost, LessonPage, LessonView } from '../../src/tui/lesson-view.js';
import type { FinishedCommand } from '../../src/tui/terminal-pane/shell-integration.js';

const same = (text: string): Bilingual => ({ en: text, zh: text });

const BODY: Bilingual = {
  en: `A **namespace** wraps a global resource. Run:

\`\`\`bash
unshare --uts bash
hostname inside
\`\`\`

- the *hostname* of the host stays
- \`readlink /proc/$$/ns/uts\` shows another number

| kind | what |
|---|---|
| uts | host name |
| pid | process numbers |`,
  zh: `**命名空间**把一个全局系统资源包装成抽象，使得其中的进程看起来拥有自己独立的实例。运行：

\`\`\`bash
unshare --uts bash
hostname inside
\`\`\`

- 宿主机的*主机名*保持不变
- \`readlink /proc/$$/ns/uts\` 会显示另一个编号

| 种类 | 隔离什么 |
|---|---|
| uts | 主机名 |
| pid | 进程号 |`,
};

export class FakeLesson implements LessonView {
  readonly calls: string[] = [];
  readonly commands: FinishedCommand[] = [];
  host: LessonHost | null = null;
  step = 0;
  goals: LessonGoal[] = [
    {
      id: 'made',
      text: { en: 'there is a second uts namespace', zh: '出现第二个 UTS 命名空间' },
      state: 'notYet',
      because: { en: 'expected 2, observed 1 (/proc/*/ns/uts)', zh: '应为 2，实为 1（/proc/*/ns/uts）' },
    },
    { id: 'named', text: { en: 'its host name is inside', zh: '其中的主机名是 inside' }, state: 'notYet' },
  ];
  hints: Bilingual[] = [];
  chosen: number | null = null;
  given: string | null = null;
  #listeners = new Set<() => void>();

  page(): LessonPage {
    const titles: Bilingual[] = [
      { en: 'Your own host name', zh: '自己的主机名' },
      { en: 'What will hostname print?', zh: 'hostname 会显示什么？' },
      { en: 'The number', zh: '编号' },
    ];
    return {
      lessonId: 'uts',
      lessonTitle: { en: 'A process and its names', zh: '进程与它的名字' },
      stepId: `step-${this.step}`,
      stepTitle: titles[this.step]!,
      stepKind: (['do', 'predict', 'answer'] as const)[this.step]!,
      steps: titles.map((title, index) => ({
        id: `step-${index}`,
        title,
        state: index < this.step ? 'done' : index === this.step ? 'current' : 'open',
      })),
      body: BODY,
      goals: this.step === 0 ? this.goals : [],
      question:
        this.step === 1
          ? {
              kind: 'predict',
              prompt: { en: 'And outside?', zh: '外面呢？' },
              options: [same('inside'), same('glassbox')],
              chosen: this.chosen,
              truth: this.chosen === null ? null : 1,
            }
          : this.step === 2
            ? {
                kind: 'answer',
                prompt: { en: 'Which number has it?', zh: '它的编号是多少？' },
                given: this.given,
                verdict: this.given === null ? null : this.given === '42' ? 'right' : 'wrong',
              }
            : null,
      hints: [...this.hints],
      hintsLeft: 3 - this.hints.length,
      ghosts: [],
      complete: this.step === 0 && this.goals.every((goal) => goal.state === 'met'),
    };
  }

  readonly actions = {
    next: async () => this.#did('next', () => (this.step = Math.min(2, this.step + 1))),
    previous: async () => this.#did('previous', () => (this.step = Math.max(0, this.step - 1))),
    hint: async () => this.#did('hint', () => this.hints.push({ en: 'use `unshare`', zh: '使用 `unshare`' })),
    reset: async () => this.#did('reset'),
    undo: async () => this.#did('undo'),
    answer: async (text: string) => this.#did(`answer ${text}`, () => (this.given = text)),
    predict: async (option: number) => this.#did(`predict ${option}`, () => (this.chosen = option)),
    jump: async (stepId: string) => this.#did(`jump ${stepId}`, () => (this.step = Number(stepId.slice(5)))),
  };

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attach(host: LessonHost): void {
    this.host = host;
  }

  onCommand(command: FinishedCommand): void {
    this.commands.push(command);
  }

  meet(id: string): void {
    this.goals = this.goals.map((goal) => (goal.id === id ? { id, text: goal.text, state: 'met' } : goal));
    this.#changed();
  }

  #did(call: string, change?: () => unknown): ActionAnswer {
    this.calls.push(call);
    change?.();
    this.#changed();
    return undefined;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
