/** The wiring, said in lines: each network namespace, its interfaces, where each wire goes, what is done with packets. */
import type { Bilingual } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { boxTitle } from '../tui/picture/wiring-rows.js';
import { counted, more, problemText, word } from '../tui/picture/words.js';
import { visible } from '../tui/viewmodels/safe-text.js';
import {
  flatPorts,
  type LinkState,
  type WiringBox,
  type WiringInput,
  type WiringModel,
  type WiringPort,
  wiringModel,
} from '../tui/viewmodels/wiring.js';
import { containerText } from '../tui/viewmodels/wiring-detail.js';
import type { NoteKind } from '../tui/viewmodels/wiring-notes.js';
import { enumerated, indented, labelled, listed, marked } from './say.js';

const STATE: Readonly<Record<LinkState, Bilingual>> = {
  up: { en: 'up', zh: '已启用' },
  'no-carrier': { en: 'up without carrier', zh: '已启用但无载波' },
  down: { en: 'down', zh: '停用' },
};

const NOTE: Readonly<Record<NoteKind, Bilingual>> = {
  forward: { en: 'forwarding', zh: '转发' },
  route: { en: 'route', zh: '路由' },
  dnat: { en: 'port mapping', zh: '端口映射' },
  nat: { en: 'source translation', zh: '源地址转换' },
  filter: { en: 'filter', zh: '过滤' },
  listen: { en: 'listening', zh: '监听' },
  other: { en: 'other firewall rules', zh: '其他防火墙规则' },
};

/** Lines that say the wiring. Every namespace and interface has one; what the filter hides is counted. */
export function plainWiring(input: WiringInput, lang: Lang): string[] {
  const model = wiringModel(input);
  const lines: string[] = [];
  for (const problem of input.snapshot.problems) {
    if (problem.part === 'network' || problem.part === 'firewall')
      lines.push(problemText(visible(problem.reason), lang));
  }
  lines.push(labelled(lang === 'zh' ? '网络命名空间' : 'network namespaces', String(model.boxes.length), lang));
  for (const box of model.boxes) lines.push(...boxLines(box, model, lang));
  if (model.hidden > 0) lines.push(more(model.hidden, lang));
  return lines;
}

function boxLines(box: WiringBox, model: WiringModel, lang: Lang): string[] {
  const title = marked(boxTitle(box, lang), box.mark, lang);
  const about = listed(
    [box.ns ?? '', box.network === null ? '' : counted(box.processes, lang, ['process', 'processes'], '个进程')],
    lang,
  );
  const lines = [about === '' ? title : labelled(title, about, lang)];
  for (const { fact, mark } of box.containers)
    lines.push(indented(1, marked(labelled(word('container', lang), containerText(fact, lang), lang), mark, lang)));
  if (box.loopback !== null) lines.push(indented(1, portLine(box.loopback, null, model, lang)));
  const tree = (ports: readonly WiringPort[], parent: WiringPort | null): void => {
    for (const port of ports) {
      lines.push(indented(1, portLine(port, parent, model, lang)));
      tree(port.children, port);
    }
  };
  tree(box.ports, null);
  for (const note of box.notes) {
    const value = note.kind === 'other' ? String(note.count ?? 0) : note.text;
    lines.push(indented(1, marked(labelled(NOTE[note.kind][lang], value, lang), note.mark, lang)));
  }
  return lines;
}

function portLine(port: WiringPort, parent: WiringPort | null, model: WiringModel, lang: Lang): string {
  const zh = lang === 'zh';
  const parts: string[] = [];
  if (port.kind !== 'other') parts.push(port.kind);
  if (port.state !== null) parts.push(STATE[port.state][lang]);
  for (const address of port.addresses) parts.push(marked(address.text, address.mark, lang));
  parts.push(...port.facts);
  if (parent !== null)
    parts.push(
      parent.childrenAre === 'ports'
        ? zh
          ? `网桥 ${parent.name} 的端口`
          : `port of ${parent.name}`
        : zh
          ? `建立在 ${parent.name} 之上`
          : `on top of ${parent.name}`,
    );
  if (port.childrenAre === 'ports' && port.children.length > 0)
    parts.push(
      zh
        ? `端口：${enumerated(
            port.children.map((child) => child.name),
            lang,
          )}`
        : `ports ${enumerated(
            port.children.map((child) => child.name),
            lang,
          )}`,
    );
  parts.push(...wireParts(port, model, lang));
  const name = port.name === '?' ? word('unnamed', lang) : port.name;
  return marked(labelled(zh ? `接口 ${name}` : `interface ${name}`, listed(parts, lang), lang), port.mark, lang);
}

function wireParts(port: WiringPort, model: WiringModel, lang: Lang): string[] {
  const zh = lang === 'zh';
  if (port.farEnd === 'unseen') return [zh ? '对端不可见' : 'other end not visible'];
  const parts: string[] = [];
  for (const wire of model.wires) {
    if (wire.from !== port.id && wire.to !== port.id) continue;
    const far = wire.from === port.id ? wire.to : wire.from;
    for (const box of model.boxes) {
      const end = flatPorts(box.ports).find((one) => one.id === far);
      if (end === undefined) continue;
      const text = zh
        ? `连到${spaced(boxTitle(box, lang))}的 ${end.name}`
        : `wired to ${end.name} in ${boxTitle(box, lang)}`;
      parts.push(wire.mark === 'ghost' ? marked(text, 'ghost', lang) : text);
    }
    if (parts.length === 0 && port.link?.peer?.name != null)
      parts.push(zh ? `连到 ${visible(port.link.peer.name)}` : `wired to ${visible(port.link.peer.name)}`);
  }
  return parts;
}

/** A name within a Chinese sentence: blanks beside Latin letters, none beside Chinese ones. */
function spaced(name: string): string {
  const cjk = /[\u3000-\u30ff\u4e00-\u9fff]/;
  return `${cjk.test(name.at(0) ?? '') ? '' : ' '}${name}${cjk.test(name.at(-1) ?? '') ? '' : ' '}`;
}
