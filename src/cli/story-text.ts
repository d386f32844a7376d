import type { Story, StoryCall, StoryEntry, StorySummary } from '../../engine/api/types.js';
import { type Bilingual, type Language, pick } from '../i18n/text.js';
import { visible } from '../tui/viewmodels/safe-text.js';

const SAID = {
  none: {
    en: 'nothing has been asked of this engine yet that changed something',
    zh: '该引擎还没有收到过会改变什么的请求',
  },
  more: {
    en: "'glassbox explain N' tells all of number N, 'glassbox explain NAME' all of a container",
    zh: '“glassbox explain N”讲述第 N 条的全部经过，“glassbox explain NAME”讲述某个容器的全部经过',
  },
  request: { en: 'request: ', zh: '请求：' },
  cause: { en: 'cause: ', zh: '起因：' },
  by: { en: 'sent by {who}', zh: '发送者：{who}' },
  process: { en: 'process {pid} of user {uid}', zh: '用户 {uid} 的进程 {pid}' },
  elsewhere: { en: 'a process outside of this pid namespace', zh: '本 pid 命名空间之外的进程' },
  unknown: { en: 'unknown', zh: '未知' },
  underWay: { en: 'under way', zh: '进行中' },
  nothing: { en: 'nothing was changed', zh: '没有改变任何东西' },
  failed: { en: 'refused: {reason}', zh: '被拒绝：{reason}' },
  failedInside: { en: 'it failed: {reason}', zh: '失败：{reason}' },
  forgotten: { en: '{count} more changes were not kept', zh: '另有 {count} 项改动未保留' },
  undone: { en: 'taken back', zh: '撤销' },
  late: { en: 'after the answer', zh: '应答之后' },
  FAILED: { en: 'FAILED', zh: '失败' },
  in: { en: 'in {place}', zh: '位于 {place}' },
} as const satisfies Record<string, Bilingual>;

/** Parts of the work, as the engine names them. */
const PHASES: Readonly<Record<string, Bilingual>> = {
  'create.record': { en: 'the container gets a record', zh: '为容器建立记录' },
  'create.snapshot': { en: 'its writable layer', zh: '可写层' },
  'create.volumes': { en: 'its volumes', zh: '卷' },
  'create.done': { en: 'it is created', zh: '创建完成' },
  'start.record': { en: 'the start begins', zh: '开始启动' },
  'start.rootfs': { en: 'its root file system', zh: '根文件系统' },
  'start.network': { en: 'its network', zh: '网络' },
  'start.mounts': { en: 'its mounts and files', zh: '挂载与文件' },
  'start.create': { en: 'its limits and its first process', zh: '资源限制与首个进程' },
  'start.start': { en: 'the process is let go', zh: '放行进程' },
  'start.done': { en: 'it runs', zh: '已运行' },
  'stop.runtime': { en: 'its control groups go', zh: '移除控制组' },
  'stop.network': { en: 'its network goes', zh: '移除网络' },
  'stop.rootfs': { en: 'its root file system is unmounted', zh: '卸载根文件系统' },
  'stop.volumes': { en: 'its volumes are let go', zh: '释放卷' },
  'remove.record': { en: 'the removal begins', zh: '开始删除' },
  'remove.volumes': { en: 'volumes that only it had', zh: '仅它使用的卷' },
  'remove.snapshot': { en: 'its writable layer goes', zh: '删除可写层' },
  'remove.done': { en: 'nothing of it is left', zh: '全部清除' },
};

/** A line for each command or cause: its number, when, how many changes, what. */
export function listText(stories: readonly StorySummary[], language: Language): string {
  if (stories.length === 0) return `${SAID.none[language]}\n`;
  const rows = stories.map((story) => {
    const count = story.calls.reduce((sum, call) => sum + call.deeds + call.forgotten, 0);
    const failure = story.calls.some((call) => call.failure !== null) ? ` (${SAID.FAILED[language]})` : '';
    return [
      String(story.number).padStart(5),
      clock(story.calls[0]?.at ?? 0),
      String(count).padStart(5),
      `${visible(pick(story.title, language))}${failure}`,
    ].join('  ');
  });
  return `${rows.join('\n')}\n\n${SAID.more[language]}\n`;
}

/** Everything of a story: each request, and below it what it made the engine do, in order. */
export function storyText(story: Story, language: Language): string {
  const lines = [`${story.number}  ${visible(pick(story.title, language))}`];
  for (const call of story.calls) {
    lines.push('', ...callLines(call, language));
    let place = '';
    let phase = '';
    for (const entry of story.entries.filter((one) => one.call === call.number)) {
      if (entry.phase !== phase) {
        phase = entry.phase;
        place = '';
        lines.push('', `[${phase}]  ${PHASES[phase]?.[language] ?? ''}`.trimEnd());
      }
      if ((entry.place ?? '') !== place) {
        place = entry.place ?? '';
        if (place !== '') lines.push(`  ${pick(SAID.in, language, { place: visible(place) })}`);
      }
      lines.push(...entryLines(entry, language));
    }
    if (call.deeds + call.forgotten === 0) lines.push(`  ${SAID.nothing[language]}`);
    if (call.forgotten > 0) lines.push(`  ${pick(SAID.forgotten, language, { count: call.forgotten })}`);
  }
  return `${lines.join('\n')}\n`;
}

function callLines(call: StoryCall, language: Language): string[] {
  const { origin } = call;
  const took = call.durationMs === null ? SAID.underWay[language] : `${call.durationMs} ms`;
  const answer = call.status === null ? took : `${call.status}, ${took}`;
  const reason = call.failure === null ? null : visible(call.failure);
  if (origin.by === 'engine') {
    const line = `(${call.number}) ${clock(call.at)} ${SAID.cause[language]}${visible(pick(origin.text, language))} (${took})`;
    return reason === null ? [line] : [line, `  ${pick(SAID.failedInside, language, { reason })}`];
  }
  const query = Object.entries(origin.query).map(([name, value]) => `${name}=${value}`);
  const target = query.length === 0 ? origin.path : `${origin.path}?${query.join('&')}`;
  return [
    `(${call.number}) ${clock(call.at)} ${SAID.request[language]}${origin.method} ${visible(target)} -> ${answer}`,
    `  ${pick(SAID.by, language, { who: whoOf(origin.caller, language) })}`,
    ...(origin.body === null ? [] : [`  ${visible(JSON.stringify(origin.body))}`]),
    ...(reason === null ? [] : [`  ${pick(SAID.failed, language, { reason })}`]),
  ];
}

function whoOf(
  { pid, uid, address, agent, command }: Extract<StoryCall['origin'], { by: 'request' }>['caller'],
  language: Language,
): string {
  const where =
    address ??
    (pid === null
      ? SAID.unknown[language]
      : pid === 0
        ? SAID.elsewhere[language]
        : pick(SAID.process, language, { pid, uid: uid ?? '?' }));
  return [where, command, agent].flatMap((part) => (part === null ? [] : [visible(part)])).join(', ');
}

function entryLines(entry: StoryEntry, language: Language): string[] {
  const { result } = entry;
  const marks = [
    ...(result.ok ? [] : [SAID.FAILED[language]]),
    ...(entry.undo ? [SAID.undone[language]] : []),
    ...(entry.late ? [SAID.late[language]] : []),
  ];
  const value = result.errno ?? (result.value === undefined ? '' : String(result.value));
  const time = entry.durationNs === undefined ? '' : ` ${(entry.durationNs / 1000).toFixed(1)} µs`;
  const outcome = `${value === '' ? '' : ` = ${value}`}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}${time}`;
  const man = entry.man === null ? '' : `${entry.man}  `;
  return [
    `${String(entry.seq).padStart(4)}  ${visible(entry.act)}${outcome}`,
    `      ${man}${visible(pick(entry.explanation, language))}`,
    ...(entry.command === null ? [] : [`      $ ${visible(entry.command)}`]),
  ];
}

function clock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
