import type { Bilingual } from '../i18n/text.js';
import { type Catalogue, findLesson, loadCatalogue } from '../lesson/catalogue.js';
import { Journal, journalFile, loadJournal, setAside, stateDirectory } from '../lesson/journal.js';
import { PlainDialogue, type PlainIo } from '../lesson/plain.js';
import { LessonNeeds, LessonSession } from '../lesson/session.js';
import type { LessonSource } from '../lesson/source.js';
import { SessionView } from '../lesson/view.js';
import { type Context, complain, say } from './context.js';
import { showScreen, surfaceOf } from './show-screen.js';
import { type Invocation, UsageError } from './spec.js';
import { withLab } from './with-lab.js';

const SAID = {
  none: { en: 'no lesson is installed', zh: '尚未安装课程' },
  allDone: {
    en: 'all lessons are finished; glassbox lesson list names them, glassbox learn LESSON --restart begins one anew',
    zh: '所有课程均已完成；glassbox lesson list 可列出课程，glassbox learn LESSON --restart 可重新开始',
  },
  needs: { en: 'lesson {id} cannot be taken here: {need}', zh: '此处无法学习课程 {id}：{need}' },
  damaged: {
    en: 'lines {lines} of {file} are damaged and were left out; the rest of the progress is there',
    zh: '{file} 的第 {lines} 行已损坏，未予采用；其余进度仍在',
  },
  lines: { en: '{why}; going on in lines', zh: '{why}；改用逐行模式' },
  nothing: { en: '{why}; add --plain to learn without a screen', zh: '{why}；加 --plain 可不用全屏界面学习' },
} as const satisfies Record<string, Bilingual>;

/** `glassbox learn [LESSON] [--restart] [--plain]`. */
export async function runLearn(invocation: Invocation, context: Context): Promise<number> {
  const surface = surfaceOf(context);
  if (!context.plain && surface.kind === 'none') {
    complain(context, SAID.nothing, { why: surface.why[context.language] });
    return 2;
  }
  const directory = stateDirectory({ ...context.env });
  const catalogue = loadCatalogue();
  const [name] = invocation.words;
  const source = name === undefined ? nextLesson(catalogue, directory) : namedLesson(catalogue, name, invocation);
  if (source === null) {
    say(context, catalogue.lessons.length === 0 ? SAID.none : SAID.allDone);
    return catalogue.lessons.length === 0 ? 1 : 0;
  }
  const file = journalFile(source.id, directory);
  if (invocation.options['restart'] !== undefined) setAside(file);
  const { progress, damaged } = loadJournal(file);
  if (damaged.length > 0) complain(context, SAID.damaged, { file, lines: damaged.join(', ') });
  if (!context.plain && surface.kind === 'lines') complain(context, SAID.lines, { why: surface.why[context.language] });
  const onScreen = !context.plain && surface.kind === 'screen';
  return withLab({}, async (lab, close) => {
    try {
      const session = await LessonSession.start({ lab, source, journal: Journal.open(file), progress });
      try {
        if (!onScreen) return await new PlainDialogue(session, await plainIo(context)).run();
        await showScreen({ lab: session.lab, lesson: new SessionView(session), cleanup: close }, context);
        return 0;
      } finally {
        await session.close();
      }
    } catch (error) {
      if (!(error instanceof LessonNeeds)) throw error;
      for (const need of error.needs) complain(context, SAID.needs, { id: source.id, need: need[context.language] });
      return 1;
    }
  });
}

/** Lines for a person at a terminal are rendered and wrapped; what goes to a file or another program is not. */
async function plainIo(context: Context): Promise<PlainIo> {
  const { stdout, color } = context;
  if (stdout.isTTY !== true) return context;
  const render = await (await import('../plain/terminal-markdown.js')).loadTerminalMarkdown();
  return { ...context, markdown: (text) => render(text, { columns: stdout.columns, color }) };
}

/** The lesson that a name, a number or the beginning of a name means. */
export function namedLesson(catalogue: Catalogue, name: string, { command }: Invocation): LessonSource {
  const { lesson, guess } = findLesson(catalogue, name);
  if (lesson !== null) return lesson;
  const hint = guess === null ? { en: '', zh: '' } : { en: `; did you mean ${guess}?`, zh: `；是否想学 ${guess}？` };
  throw new UsageError(
    { en: `there is no lesson ${name}${hint.en}`, zh: `没有名为 ${name} 的课程${hint.zh}` },
    command,
  );
}

/** Where the learner stopped: the first lesson that was begun and not finished, else the first that is not finished. */
function nextLesson({ lessons }: Catalogue, directory: string): LessonSource | null {
  const progress = lessons.map((lesson) => ({
    lesson,
    state: loadJournal(journalFile(lesson.id, directory)).progress,
  }));
  const begun = progress.find(({ state }) => state !== null && !state.finished);
  return (begun ?? progress.find(({ state }) => state === null))?.lesson ?? null;
}
