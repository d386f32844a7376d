/** Control groups, said in lines: one for each group, limits beside what is used. */
import type { Lang } from '../tui/panel.js';
import { more, problemText, word } from '../tui/picture/words.js';
import { type CgroupNode, type CgroupsInput, cgroupsModel } from '../tui/viewmodels/cgroups.js';
import { shortIds, stateText } from '../tui/viewmodels/containers.js';
import { bytes, microseconds, percent } from '../tui/viewmodels/format.js';
import { visible } from '../tui/viewmodels/safe-text.js';
import { enumerated, indented, labelled, listed, marked } from './say.js';

export function plainCgroups(input: CgroupsInput, lang: Lang): string[] {
  const model = cgroupsModel(input);
  const zh = lang === 'zh';
  const lines = input.snapshot.problems
    .filter((problem) => problem.part === 'cgroups')
    .map((problem) => problemText(visible(problem.reason), lang));
  const controllers = model.hierarchies.map((hierarchy) =>
    visible(hierarchy.name === '' ? `v2 (${hierarchy.controllers.join(' ')})` : hierarchy.name),
  );
  lines.push(labelled(zh ? '控制组模式' : 'cgroup mode', listed([model.mode, ...controllers], lang), lang));
  const put = (node: CgroupNode, depth: number): void => {
    lines.push(indented(depth, cgroupLine(node, lang)));
    for (const child of node.children) put(child, depth + 1);
  };
  for (const node of model.roots) put(node, 0);
  if (model.hidden > 0) lines.push(more(model.hidden, lang));
  return lines;
}

function cgroupLine(node: CgroupNode, lang: Lang): string {
  const zh = lang === 'zh';
  const { memory, cpu, pids } = node;
  const of = (used: string, limit: string | null): string =>
    limit === null ? used : zh ? `${used} / 上限 ${limit}` : `${used} of ${limit}`;
  const parts: string[] = [];
  if (node.container !== null)
    parts.push(
      `${word('container', lang)} ${node.container.name}`,
      node.container.image,
      stateText(node.container, lang),
    );
  if (node.freezer?.frozen === true) parts.push(zh ? '已冻结' : 'frozen');
  if (node.procs.length > 0)
    parts.push(zh ? `进程 ${enumerated(node.procs.map(String), lang)}` : `processes ${node.procs.join(' ')}`);
  if (memory !== null) {
    parts.push(
      `${zh ? '内存' : 'memory'} ${of(bytes(memory.usage), memory.limit === null ? null : bytes(memory.limit))}`,
    );
    if (memory.oomKills > 0) parts.push(zh ? `OOM 终止 ${memory.oomKills} 次` : `oom kills ${memory.oomKills}`);
  }
  if (cpu !== null) {
    if (node.cpuShare !== null) parts.push(`cpu ${percent(node.cpuShare)}`);
    if (node.cpuLimit !== null)
      parts.push(zh ? `cpu 上限 ${percent(node.cpuLimit)}` : `cpu limit ${percent(node.cpuLimit)}`);
    if (cpu.shares !== null) parts.push(`cpu.shares ${cpu.shares}`);
    if (cpu.weight !== null) parts.push(`cpu.weight ${cpu.weight}`);
    if (cpu.nrThrottled > 0)
      parts.push(
        zh
          ? `被限流 ${cpu.nrThrottled} 次，共 ${microseconds(cpu.throttledUs)}`
          : `throttled ${cpu.nrThrottled} times, ${microseconds(cpu.throttledUs)} in all`,
      );
  }
  if (pids !== null) {
    parts.push(`${zh ? '进程数' : 'pids'} ${of(String(pids.current), pids.max === null ? null : String(pids.max))}`);
    if (pids.hitMax > 0) parts.push(zh ? `拒绝 fork ${pids.hitMax} 次` : `fork refused ${pids.hitMax} times`);
  }
  if (node.cpuset !== null && node.cpuset.cpus !== '') parts.push(`cpuset ${visible(node.cpuset.cpus)}`);
  return marked(labelled(visible(shortIds(node.path)), listed(parts, lang), lang), node.mark, lang);
}
