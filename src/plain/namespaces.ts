/** Namespaces and processes, said in lines. */
import type { Lang } from '../tui/panel.js';
import { counted, more, problemText, word } from '../tui/picture/words.js';
import { placeText } from '../tui/viewmodels/containers.js';
import { ISOLATES } from '../tui/viewmodels/namespace-detail.js';
import {
  mapText,
  type NamespaceNode,
  type NamespacesInput,
  namespacesModel,
  type ProcessNode,
} from '../tui/viewmodels/namespaces.js';
import { visible } from '../tui/viewmodels/safe-text.js';
import { holderText, keptAlive } from '../tui/viewmodels/wiring-detail.js';
import { enumerated, indented, labelled, listed, marked } from './say.js';

/** By kind, each namespace with its owner, members and what keeps it alive. */
export function plainNamespaces(input: NamespacesInput, lang: Lang): string[] {
  const model = namespacesModel(input);
  const lines = input.snapshot.problems
    .filter((problem) => problem.part === 'namespaces')
    .map((problem) => problemText(visible(problem.reason), lang));
  for (const { kind, nodes } of model.byKind) {
    lines.push(labelled(kind, ISOLATES[kind][lang], lang));
    const put = (node: NamespaceNode, depth: number): void => {
      lines.push(indented(depth, namespaceLine(node, lang)));
      for (const child of node.children) put(child, depth + 1);
    };
    for (const node of nodes) put(node, 1);
  }
  if (model.hidden > 0) lines.push(more(model.hidden, lang));
  return lines;
}

function namespaceLine(node: NamespaceNode, lang: Lang): string {
  const zh = lang === 'zh';
  const parts: string[] = [];
  if (node.shared === 'lab') parts.push(zh ? '实验主机' : 'lab host');
  if (node.shared === 'machine') parts.push(zh ? '与整机共享' : 'shared with the machine');
  if (node.containers.length > 0) parts.push(`${word('container', lang)} ${enumerated(node.containers, lang)}`);
  if (node.name !== '') parts.push(placeText(node.name, lang));
  if (node.ns !== null) parts.push(counted(node.members.length, lang, ['process', 'processes'], '个进程'));
  if (node.shared === null && node.ns?.owner != null)
    parts.push(zh ? `属于 ${node.ns.owner}` : `owned by ${node.ns.owner}`);
  if (node.holders.length > 0) {
    const holders = enumerated(
      node.holders.map((holder) => holderText(holder, lang)),
      lang,
    );
    parts.push(keptAlive(holders, lang));
  }
  if (node.uidMap.length > 0) parts.push(`uid ${mapText(node.uidMap)}`);
  return marked(labelled(node.id, listed(parts, lang), lang), node.mark, lang);
}

/** The process tree: pids from the lab host inwards, the namespaces in which a process differs from the lab host, its command. */
export function plainProcesses(input: NamespacesInput, lang: Lang): string[] {
  const model = namespacesModel(input);
  const lines = input.snapshot.problems
    .filter((problem) => problem.part === 'processes')
    .map((problem) => problemText(visible(problem.reason), lang));
  const zh = lang === 'zh';
  const put = (node: ProcessNode, depth: number): void => {
    const parts = [node.command];
    if (node.container !== null) parts.push(`${word('container', lang)} ${node.container.name}`);
    const inside = node.pids.slice(1);
    if (inside.length > 0) parts.push(zh ? `内部进程号 ${inside.join(' → ')}` : `pid inside ${inside.join(' → ')}`);
    if (node.differs.length > 0)
      parts.push(zh ? `独立的命名空间：${enumerated(node.differs, lang)}` : `own ${enumerated(node.differs, lang)}`);
    if (node.process.state === 'Z') parts.push(zh ? '僵尸进程' : 'zombie');
    lines.push(indented(depth, marked(labelled(String(node.process.pid), listed(parts, lang), lang), node.mark, lang)));
    for (const child of node.children) put(child, depth + 1);
  };
  for (const node of model.processes) put(node, 0);
  return lines;
}
