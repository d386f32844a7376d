import type { ExplainedProgram } from '../../api/types.js';
import type { Invocation } from './main.js';
import { checkId } from './start-container.js';
import { answerText, describeRecord, languageOf } from './step.js';

/** `explain ID`: every system call that made a container, in order, with what the kernel answered. */
export async function explain({ args, flags, world, runtime }: Invocation): Promise<void> {
  const [id = ''] = args;
  checkId(id);
  const program = (await runtime()).explain(id);
  world.out(flags.bool('json') ? `${JSON.stringify(program)}\n` : asText(program, languageOf(world.env)));
}

function asText({ name, records }: ExplainedProgram, language: 'en' | 'zh'): string {
  let section = '';
  const lines = [name];
  for (const record of records) {
    if (record.section !== section) {
      section = record.section;
      lines.push('', `[${record.heading[language]}]`);
    }
    lines.push(...describeRecord(record, language), `      = ${answerText(record, language)}`);
  }
  return `${lines.join('\n')}\n`;
}
