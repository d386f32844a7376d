import { createInterface } from 'node:readline';
import type { Lab } from '../../engine/api/types.js';
import { Birth } from '../birth/birth.js';
import type { Bilingual } from '../i18n/text.js';
import { pick } from '../i18n/text.js';
import { plainChange } from '../plain/changes.js';
import { type Context, complain, say } from './context.js';
import { describeError } from './describe-error.js';
import { outcome } from './run-explain.js';
import { showScreen, surfaceOf } from './show-screen.js';
import { withLab } from './with-lab.js';

const SAID = {
  begin: {
    en: 'a container is about to be born in a lab; nothing of it is outside',
    zh: '一个容器即将在实验室中诞生；外面不会留下任何东西',
  },
  prompt: {
    en: '[Enter] issue it  [s] this section  [c] go on to the end  [q] undo everything > ',
    zh: '[回车] 执行  [s] 执行本节  [c] 执行到底  [q] 撤销一切 > ',
  },
  born: {
    en: 'the container {id} was born: {calls} system calls. It ends with the lab, now',
    zh: '容器 {id} 已诞生：共 {calls} 个系统调用。它随实验室一起在此结束',
  },
  undone: { en: 'stopped; everything is undone', zh: '已停止；一切都已撤销' },
  lines: { en: '{why}; showing it in lines', zh: '{why}；改用逐行显示' },
} as const satisfies Record<string, Bilingual>;

/** `glassbox explain --birth`: on the full screen where there is one, else in lines. */
export async function runBirth(context: Context): Promise<number> {
  const surface = surfaceOf(context);
  const onScreen = !context.plain && surface.kind === 'screen';
  if (!context.plain && surface.kind !== 'screen')
    complain(context, SAID.lines, { why: surface.why[context.language] });
  return withLab({}, async (lab, cleanup) => {
    if (!onScreen) return inLines(lab, context);
    await showScreen({ lab, cleanup, birth: true }, context);
    return 0;
  });
}

/** Every record before it is issued, what changed in the kernel after it; a line of standard input says when. */
async function inLines(lab: Lab, context: Context): Promise<number> {
  const { language, stdout } = context;
  const write = (text: string): void => void stdout.write(text);
  const lines = createInterface({ input: context.stdin })[Symbol.asyncIterator]();
  const changes: string[] = [];
  const stop = lab.watch((event) => {
    for (const change of event.changes) if (change.object !== 'process') changes.push(plainChange(change, language));
  });
  let told = 0;
  let section = '';
  /** What was answered since the last look, and what changed meanwhile. */
  const tell = (birth: Birth): void => {
    const done = birth.rows().filter((row) => row.state === 'done');
    for (const { record } of done.slice(told)) {
      if (record.section !== section) write(`\n[${pick(record.heading, language)}]\n`);
      section = record.section;
      write(`${String(record.index + 1).padStart(4)}  ${record.call} = ${outcome(record, language)}\n`);
    }
    told = done.length;
    for (const line of changes.splice(0)) write(`      * ${line}\n`);
  };
  say(context, SAID.begin);
  let asking = false;
  const birth: Birth = new Birth(() => {
    if (birth.phase !== 'asking' || asking) return;
    asking = true;
    void ask().finally(() => {
      asking = false;
    });
  });
  const ask = async (): Promise<void> => {
    await lab.snapshot(); // so that what the last record changed is told before the next
    tell(birth);
    const record = birth.current;
    if (record === null) return;
    const { done, total } = birth.progress;
    write(`\n${done}/${total}  ${record.call}  ${record.man}\n      ${pick(record.explanation, language)}\n`);
    if (record.command !== null) write(`      $ ${record.command}\n`);
    write(`      ${pick(SAID.prompt, language)}`);
    const answer = await lines.next();
    write('\n');
    asking = false;
    const word = answer.done === true ? 'q' : answer.value.trim();
    if (word === 'q') birth.stop();
    else if (word === 'c') birth.rest();
    else if (word === 's') birth.section();
    else birth.next();
  };
  try {
    await birth.run(lab);
    await lab.snapshot();
    tell(birth);
  } finally {
    stop();
    await lines.return?.();
  }
  return conclude(birth, context);
}

function conclude(birth: Birth, context: Context): number {
  if (birth.phase === 'born') {
    say(context, SAID.born, { id: birth.born?.id ?? '', calls: birth.rows().length });
    return 0;
  }
  if (birth.phase === 'undone') {
    say(context, SAID.undone);
    return 0;
  }
  const { text, exitCode } = describeError(birth.error);
  complain(context, text);
  return exitCode;
}
