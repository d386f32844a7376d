/** The full-screen view's way to a lesson: pages out, actions in (src/tui/lesson-view.ts). */
import type { Bilingual } from '../../engine/api/types.js';
import type {
  ActionAnswer,
  LessonActions,
  LessonGoal,
  LessonHost,
  LessonPage,
  LessonQuestion,
  LessonView,
} from '../tui/lesson-view.js';
import { ghostsOf } from './ghosts.js';
import { pictureTab } from './picture-tab.js';
import { because, goalLabel } from './plain-text.js';
import type { LessonSession } from './session.js';

const ENGINE: Bilingual = { en: 'What a container engine does in the same place', zh: '容器引擎在同一位置的做法' };

function answer(text: Bilingual | null): ActionAnswer {
  return text ?? undefined;
}

export class SessionView implements LessonView {
  readonly actions: LessonActions;
  readonly #session: LessonSession;
  #host: LessonHost | null = null;
  #stop: (() => void)[] = [];
  #page: LessonPage | null = null;

  constructor(session: LessonSession) {
    this.#session = session;
    const then = async (action: Promise<Bilingual | null>): Promise<ActionAnswer> => {
      const said = await action;
      const notice = session.takeNotice();
      if (notice) this.#host?.toast(notice);
      return answer(said);
    };
    this.actions = {
      next: () => then(session.next()),
      previous: () => then(session.previous()),
      hint: () => then(session.hint()),
      reset: () => then(session.reset()),
      undo: () => then(session.undo()),
      answer: (text) => then(session.answer(text)),
      predict: (option) => then(session.predict(option)),
      jump: (step) => then(session.jump(step)),
    };
  }

  attach(host: LessonHost): void {
    this.#host = host;
    this.#stop.push(this.#session.onLab((lab) => host.setLab(lab)));
  }

  onChange(listener: () => void): () => void {
    return this.#session.onChange(() => {
      this.#page = null;
      listener();
    });
  }

  /** Let go of the host; the session stays. */
  detach(): void {
    for (const stop of this.#stop.splice(0)) stop();
    this.#host = null;
  }

  page(): LessonPage {
    this.#page ??= pageOf(this.#session);
    return this.#page;
  }
}

/** The present page, as an immutable value. */
export function pageOf(session: LessonSession): LessonPage {
  const { step, lesson } = session;
  const goals: LessonGoal[] = session.goals.map((goal) => {
    const why = because(goal);
    return {
      id: goal.kept ? `${goal.step}/${goal.id}` : goal.id,
      text: goalLabel(session, goal),
      state: goal.state,
      ...(why ? { because: why } : {}),
    };
  });
  const picture = pictureTab(session.steps, session.stepIndex);
  return {
    lessonId: lesson.id,
    lessonTitle: lesson.title,
    stepId: step.id,
    stepTitle: session.text((text) => text.title),
    stepKind: step.kind,
    steps: session.steps.map((one, index) => ({
      id: one.id,
      title: session.text((text) => text.title, one.id),
      state: index === session.stepIndex ? 'current' : session.isMet(one.id) ? 'done' : 'open',
    })),
    body: bodyOf(session),
    goals,
    question: questionOf(session),
    hints: session.hintsGiven.map((hint) => session.hintText(hint)),
    hintsLeft: session.hintsLeft,
    ...(picture === null ? {} : { picture }),
    ghosts: ghostsOf(session),
    complete: session.complete,
    ...(session.busy ? { busy: session.busy } : {}),
  };
}

/** The text; after success, what an engine does in the same place. */
function bodyOf(session: LessonSession): Bilingual {
  const body = session.text((text) => text.body);
  if (!session.complete) return body;
  const why =
    session.step.kind === 'predict' || session.step.kind === 'answer'
      ? session.text((text) => text.why)
      : { en: '', zh: '' };
  const engine = session.text((text) => text.engine);
  const one = (language: 'en' | 'zh'): string =>
    [body[language], why[language], engine[language] === '' ? '' : `#### ${ENGINE[language]}\n\n${engine[language]}`]
      .filter((part) => part !== '')
      .join('\n\n');
  return { en: one('en'), zh: one('zh') };
}

function questionOf(session: LessonSession): LessonQuestion | null {
  const { step, question } = session;
  const prompt = session.text((text) => text.question);
  if (step.predict) {
    return {
      kind: 'predict',
      prompt,
      options: step.predict.options.map((option) => session.text((text) => text.options[option.id] ?? '')),
      chosen: question.chosen,
      truth: question.truth,
    };
  }
  if (step.answer) {
    const comment =
      question.verdict === 'right' && question.measured !== null
        ? { en: `measured: ${question.measured}`, zh: `测得：${question.measured}` }
        : null;
    return {
      kind: 'answer',
      prompt,
      given: question.given,
      verdict: question.verdict,
      ...(comment ? { comment } : {}),
    };
  }
  return null;
}
