import { saveConfig } from '../i18n/config.js';
import { type Bilingual, LANGUAGE_NAMES, LANGUAGES, pick } from '../i18n/text.js';
import { type Choice, type Chooser, lineChooser, listChooser } from './chooser.js';
import { COMMAND_LINE } from './commands.js';
import { type Context, complain } from './context.js';

const MENU = {
  title: { en: 'What would you like to do?', zh: '想做什么？' },
  learn: { en: 'Learn', zh: '学习' },
  learnMore: { en: 'take a lesson; progress is kept', zh: '学习课程；自动保存进度' },
  play: { en: 'Play', zh: '自由探索' },
  playMore: { en: 'a lab to try anything in', zh: '可以随意尝试的实验室' },
  demo: { en: 'Demo', zh: '演示' },
  demoMore: { en: 'present a lesson to others', zh: '向他人演示课程' },
  doctor: { en: 'Doctor', zh: '体检' },
  doctorMore: { en: 'what this machine offers, and what to do about the rest', zh: '本机具备什么、欠缺的如何补上' },
  language: { en: 'Language / 语言', zh: '语言 / Language' },
  leave: { en: 'Leave', zh: '退出' },
  whichLesson: { en: 'Which lesson?', zh: '选择哪一课？' },
  goOn: { en: 'Go on where I stopped', zh: '从上次停下处继续' },
  whichLanguage: { en: 'Language', zh: '语言' },
  noTerminal: { en: 'there is no terminal for the menu; name a command', zh: '没有可显示菜单的终端；请指定命令' },
  notSaved: { en: 'the choice holds for now but could not be saved: {path}', zh: '选择本次有效，但未能保存：{path}' },
} as const satisfies Record<string, Bilingual>;

/** One lesson as the menu offers it. */
export interface MenuLesson {
  readonly id: string;
  readonly number: number;
  readonly title: Bilingual;
}

export interface MenuParts {
  readonly lessons: () => Promise<readonly MenuLesson[]>;
  /** Whether one of these lessons was begun: only then is there something to go on with. */
  readonly begun?: (lessons: readonly string[]) => boolean;
  /** Run a command as if it had been typed; the menu has let go of the terminal by then. */
  readonly run: (words: readonly string[], context: Context) => Promise<number>;
  readonly chooser?: (context: Context) => Chooser;
}

/** Exit status of a program ended by Ctrl-C: 128 + SIGINT. */
const INTERRUPTED = 130;

/**
 * `glassbox` without a command: choose, do, come back. The question is over, and the terminal free, before anything
 * else uses it.
 */
export async function runMenu(given: Context, parts: MenuParts): Promise<number> {
  if (given.stdin.isTTY !== true || given.stdout.isTTY !== true) {
    const { helpText } = await import('./help.js');
    complain(given, MENU.noTerminal);
    given.stderr.write(helpText(COMMAND_LINE, COMMAND_LINE.commands[0]!, given.language));
    return 2;
  }
  const makeChooser = parts.chooser ?? chooserFor;
  let context = given;
  for (;;) {
    const t = (text: Bilingual) => pick(text, context.language);
    const chooser = makeChooser(context);
    const choice = await chooser.choose(t(MENU.title), [
      { value: 'learn', name: t(MENU.learn), description: t(MENU.learnMore) },
      { value: 'play', name: t(MENU.play), description: t(MENU.playMore) },
      { value: 'demo', name: t(MENU.demo), description: t(MENU.demoMore) },
      { value: 'doctor', name: t(MENU.doctor), description: t(MENU.doctorMore) },
      { value: 'language', name: t(MENU.language) },
      { value: 'leave', name: t(MENU.leave) },
    ] as const);
    if (choice === null) return INTERRUPTED;
    if (choice === 'leave') return 0;
    if (choice === 'language') {
      context = await chooseLanguage(context, chooser);
      continue;
    }
    const words =
      choice === 'learn' || choice === 'demo' ? await lessonWords(choice, context, chooser, parts) : [choice];
    if (words !== null) await parts.run(words, context);
  }
}

/** The words of `learn` or `demo` for the chosen lesson; null when none was chosen. */
async function lessonWords(
  command: 'learn' | 'demo',
  context: Context,
  chooser: Chooser,
  parts: MenuParts,
): Promise<readonly string[] | null> {
  const lessons = await parts.lessons();
  const choices: Choice<readonly string[]>[] = lessons.map(({ id, number, title }) => ({
    value: [command, id],
    name: `${number}. ${pick(title, context.language)}`,
  }));
  const goOn: Choice<readonly string[]> = { value: ['learn'], name: pick(MENU.goOn, context.language) };
  const begun = command === 'learn' && parts.begun?.(lessons.map(({ id }) => id)) !== false;
  return chooser.choose(pick(MENU.whichLesson, context.language), begun ? [goOn, ...choices] : choices);
}

async function chooseLanguage(context: Context, chooser: Chooser): Promise<Context> {
  const language = await chooser.choose(
    pick(MENU.whichLanguage, context.language),
    LANGUAGES.map((value) => ({ value, name: LANGUAGE_NAMES[value] })),
  );
  if (language === null) return context;
  try {
    saveConfig(context.env, { language });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    complain({ ...context, language }, MENU.notSaved, { path: error.message });
  }
  return { ...context, language };
}

/** Arrow keys where the cursor can be moved, else numbered lines. */
function chooserFor({ stdin, stdout, env, plain, language }: Context): Chooser {
  const streams = { input: stdin, output: stdout };
  const canMove = env['TERM'] !== undefined && env['TERM'] !== '' && env['TERM'] !== 'dumb';
  return plain || !canMove ? lineChooser(streams, language) : listChooser(streams, language);
}
