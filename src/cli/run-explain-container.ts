import type { ExplainedProgram } from '../../engine/api/types.js';
import type { Bilingual } from '../i18n/text.js';
import { type Context, complain, say } from './context.js';
import { nearest } from './nearest.js';
import { explained } from './run-explain.js';
import { askRuntime, type RuntimeAnswer } from './runtime-command.js';
import type { Invocation } from './spec.js';

const SAID = {
  none: { en: 'there is no container {id}{where}', zh: '没有名为 {id} 的容器{where}' },
  guess: { en: '; did you mean {guess}?', zh: '；是否想说 {guess}？' },
  others: { en: '; there are: {ids}', zh: '；现有容器：{ids}' },
  empty: {
    en: ': there are none. glassbox-runtime, or an engine that uses it, makes them; glassbox explain --birth shows one being made',
    zh: '：目前一个也没有。容器由 glassbox-runtime（或使用它的引擎）创建；glassbox explain --birth 可观看创建过程',
  },
  failed: { en: 'the container cannot be explained: {reason}', zh: '无法说明该容器：{reason}' },
  left: {
    en: '\n{count} records were jumped over and are left out; --json has them all',
    zh: '\n另有 {count} 条记录被跳过，未列出；--json 可输出全部',
  },
} as const satisfies Record<string, Bilingual>;
/** So many ids are named before the rest is left out. */
const MOST_NAMED = 8;

/** `glassbox explain CONTAINER [--root DIR] [--json]`. */
export async function explainContainer(id: string, { options }: Invocation, context: Context): Promise<number> {
  const { root } = options;
  const globals = typeof root === 'string' ? ['--root', root] : [];
  const list = await askRuntime([...globals, 'list', '--quiet']);
  if (list.exitCode !== 0) return failed(list, context);
  const ids = list.stdout.split('\n').filter((line) => line !== '');
  if (!ids.includes(id)) {
    complain(context, missing(id, ids, typeof root === 'string' ? root : null));
    return 1;
  }
  const answer = await askRuntime([...globals, 'explain', '--json', id]);
  if (answer.exitCode !== 0) return failed(answer, context);
  const program = JSON.parse(answer.stdout) as ExplainedProgram;
  if (options['json'] !== undefined) {
    context.stdout.write(`${JSON.stringify(program, null, 2)}\n`);
    return 0;
  }
  const { read, left } = readable(program);
  context.stdout.write(explained(read, context.language));
  if (left > 0) say(context, SAID.left, { count: left });
  return 0;
}

/** Without the marks that only carry a jump, and without what was jumped over. */
function readable(program: ExplainedProgram): { read: ExplainedProgram; left: number } {
  const calls = program.records.filter((record) => record.syscall !== 'none');
  const records = calls.filter((record) => record.state !== 'skipped');
  return { read: { ...program, records }, left: calls.length - records.length };
}

function missing(id: string, ids: readonly string[], root: string | null): Bilingual {
  const guess = nearest(id, ids);
  const named = ids.slice(0, MOST_NAMED).join(', ') + (ids.length > MOST_NAMED ? ' …' : '');
  const sentence = (lang: keyof Bilingual): string => {
    const where = root === null ? '' : lang === 'zh' ? `（${root}）` : ` in ${root}`;
    const more = ids.length === 0 ? SAID.empty : guess !== null ? SAID.guess : SAID.others;
    const values: Record<string, string> = { id, where, guess: guess ?? '', ids: named };
    return (SAID.none[lang] + more[lang]).replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
  };
  return { en: sentence('en'), zh: sentence('zh') };
}

/** The runtime's last line says why. */
function failed({ stderr }: RuntimeAnswer, context: Context): number {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  const quoted = /msg=(".*")$/.exec(line)?.[1];
  complain(context, SAID.failed, { reason: quoted === undefined ? line : (JSON.parse(quoted) as string) });
  return 1;
}
