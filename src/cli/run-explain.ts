import type { ExplainedProgram, ExplainedRecord } from '../../engine/api/types.js';
import { type Bilingual, type Language, pick } from '../i18n/text.js';
import type { Context } from './context.js';
import { type Invocation, UsageError } from './spec.js';
import { withLab } from './with-lab.js';

const STATES: Readonly<Record<ExplainedRecord['state'], Bilingual>> = {
  pending: { en: 'not yet', zh: '尚未执行' },
  held: { en: 'held', zh: '暂停' },
  done: { en: 'done', zh: '完成' },
  failed: { en: 'FAILED', zh: '失败' },
  skipped: { en: 'skipped', zh: '跳过' },
};

/**
 * `glassbox explain [N | NAME | --last | --birth | --single-step | --lab] [--json]`. Where an engine of ours answers: what requests
 * made it do. Else a container of the runtime, or without a name a new lab, system call by system call.
 */
export async function runExplain(invocation: Invocation, context: Context): Promise<number> {
  const { options, words, command } = invocation;
  const asked = [words[0], options['last'], options['birth'], options['single-step'], options['lab']].filter(
    (one) => one !== undefined,
  );
  if (asked.length > 1)
    throw new UsageError(
      {
        en: 'explain one thing: N, NAME, --last, --birth, --single-step or --lab',
        zh: '一次只能说明一项：N、NAME、--last、--birth、--single-step 或 --lab',
      },
      command,
    );
  const isOther = ['root', 'birth', 'single-step', 'lab'].some((name) => options[name] !== undefined);
  if (isOther && (options['host'] !== undefined || options['limit'] !== undefined))
    throw new UsageError({ en: '--host and --limit are about an engine', zh: '--host 与 --limit 只用于引擎' }, command);
  if (!isOther) {
    const status = await (await import('./run-explain-calls.js')).explainCalls(invocation, context);
    if (status !== null) return status;
  }
  if (words[0] !== undefined)
    return (await import('./run-explain-container.js')).explainContainer(words[0], invocation, context);
  if (options['root'] !== undefined)
    throw new UsageError({ en: '--root needs NAME', zh: '--root 需要同时指定 NAME' }, command);
  if (options['birth'] !== undefined) return (await import('./run-birth.js')).runBirth(context);
  if (options['single-step'] !== undefined) return (await import('./run-step.js')).runStep(context);
  const programs = await withLab({}, (lab) => lab.explain());
  const json = options['json'] !== undefined;
  context.stdout.write(
    json
      ? `${JSON.stringify(programs, null, 2)}\n`
      : programs.map((program) => explained(program, context.language)).join('\n'),
  );
  return 0;
}

/** A numbered line for each call with its result, and below it what it is for. */
export function explained(program: ExplainedProgram, language: Language): string {
  const lines = [program.name];
  let section = '';
  for (const record of program.records) {
    if (record.section !== section) {
      section = record.section;
      lines.push('', `[${pick(record.heading, language)}]`);
    }
    lines.push(`${String(record.index).padStart(4)}  ${record.call} = ${outcome(record, language)}`);
    lines.push(`      ${record.man}  ${pick(record.explanation, language)}`);
    if (record.command !== null) lines.push(`      $ ${record.command}`);
  }
  return `${lines.join('\n')}\n`;
}

export function outcome(record: ExplainedRecord, language: Language): string {
  const state = pick(STATES[record.state], language);
  if (record.state !== 'done' && record.state !== 'failed') return `(${state})`;
  const result = record.errno ?? String(record.result ?? 0);
  const time = record.durationNs === null ? '' : ` ${(record.durationNs / 1000).toFixed(1)} µs`;
  return record.state === 'failed' ? `${result} (${state})${time}` : `${result}${time}`;
}
