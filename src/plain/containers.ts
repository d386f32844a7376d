/** The containers of the lab's engine, said in lines: also those that do not run, which are in no namespace. */
import type { Snapshot } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { more, problemText } from '../tui/picture/words.js';
import { type ContainerFact, containersOf, shortIds } from '../tui/viewmodels/containers.js';
import { visible } from '../tui/viewmodels/safe-text.js';
import { containerText } from '../tui/viewmodels/wiring-detail.js';
import { enumerated, listed } from './say.js';

export function plainContainers(
  input: { readonly snapshot: Snapshot; readonly filter?: string },
  lang: Lang,
): string[] {
  const { snapshot } = input;
  const filter = input.filter ?? '';
  const problems = snapshot.problems.filter(({ part }) => part === 'containers');
  const all = containersOf(snapshot).all;
  const shown = all.filter((fact) => containerText(fact, lang).toLowerCase().includes(filter));
  return [
    ...problems.map(({ reason }) => problemText(visible(reason), lang)),
    ...shown.map((fact) => containerLine(fact, lang)),
    ...(shown.length < all.length ? [more(all.length - shown.length, lang)] : []),
  ];
}

function containerLine(fact: ContainerFact, lang: Lang): string {
  const zh = lang === 'zh';
  const { processes, cgroup } = fact.container;
  const pids = processes.map(String);
  return listed(
    [
      containerText(fact, lang),
      pids.length === 0 ? '' : zh ? `进程 ${enumerated(pids, lang)}` : `processes ${pids.join(' ')}`,
      cgroup === null ? '' : `${zh ? '控制组' : 'cgroup'} ${visible(shortIds(cgroup))}`,
    ],
    lang,
  );
}
