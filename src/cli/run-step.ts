import { createInterface } from 'node:readline';
import { connectEngine, hasCode } from '../engine-client.js';
import { pick } from '../i18n/text.js';
import type { Context } from './context.js';
import { outcome } from './run-explain.js';

const PROMPT = {
  en: '[Enter] issue it  [r] run the rest  [q] undo everything > ',
  zh: '[回车] 执行  [r] 执行其余全部  [q] 撤销一切 > ',
};
const READY = { en: 'the lab host runs: its pid 1 is ', zh: '实验主机已运行：它的 1 号进程在机器上的 PID 是 ' };
const UNDONE = { en: 'stopped; everything is undone', zh: '已停止；一切都已撤销' };

/** `glassbox explain --single-step`: a lab host is born one system call at a time; standard input says when. */
export async function runStep(context: Context): Promise<number> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const say = (text: string): void => void context.stdout.write(text);
  const engine = await connectEngine();
  try {
    if (engine.stepLab === undefined) throw new Error('this engine cannot step');
    let section = '';
    const lab = await engine.stepLab({}, async ({ record, total, previous }) => {
      if (previous !== null) say(`      = ${outcome(previous, context.language)}\n`);
      if (record.section !== section) {
        section = record.section;
        say(`\n[${pick(record.heading, context.language)}]\n`);
      }
      say(
        `${String(record.index + 1).padStart(4)}/${total}  ${record.call}  ${record.man}\n      ${pick(record.explanation, context.language)}\n`,
      );
      if (record.command !== null) say(`      $ ${record.command}\n`);
      say(`      ${pick(PROMPT, context.language)}`);
      const answer = await lines.next();
      say('\n');
      if (answer.done === true || answer.value.trim() === 'q') return 'stop';
      return answer.value.trim() === 'r' ? 'run' : 'next';
    });
    say(`${pick(READY, context.language)}${lab.info.initHostPid}\n`);
    return 0;
  } catch (error) {
    if (!hasCode(error, 'Aborted')) throw error;
    say(`${pick(UNDONE, context.language)}\n`);
    return 0;
  } finally {
    await engine.close();
  }
}
