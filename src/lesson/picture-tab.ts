/** Which tab of the picture a step is about: read off its goals, so that no author has to say it. */
import type { Check, CheckKind, Step } from './types.js';

export type PictureTab = 'wiring' | 'namespaces' | 'cgroups' | 'layers';

const TABS: Partial<Record<CheckKind, PictureTab>> = {
  link: 'wiring',
  addr: 'wiring',
  route: 'wiring',
  bridge: 'wiring',
  firewall: 'wiring',
  sysctl: 'wiring',
  reach: 'wiring',
  port: 'wiring',
  process: 'namespaces',
  hostname: 'namespaces',
  layer: 'layers',
  cgroup: 'cgroups',
};

/** The tab of one check; null where no tab shows such a thing better than another. */
function tabOf(check: Check): PictureTab | null {
  for (const [key, value] of Object.entries(check) as [string, unknown][]) {
    if (key === 'all' || key === 'any') return firstTab(value as readonly Check[]);
    if (key === 'not') return tabOf(value as Check);
    if (key === 'count') return tabOf((value as { of: Check }).of);
    if (key === 'within' || key === 'hold') return tabOf((value as { check: Check }).check);
    if (key === 'namespace') return (value as { kind: string }).kind === 'net' ? 'wiring' : 'namespaces';
    const tab = TABS[key as CheckKind];
    if (tab !== undefined) return tab;
  }
  return null;
}

function firstTab(checks: readonly Check[]): PictureTab | null {
  for (const check of checks) {
    const tab = tabOf(check);
    if (tab !== null) return tab;
  }
  return null;
}

/** The step's own tab, else that of the step before it, else of the next that has one. */
export function pictureTab(steps: readonly Step[], index: number): PictureTab | null {
  const own = (step: Step | undefined): PictureTab | null =>
    step === undefined ? null : firstTab(step.goal.map((goal) => goal.check));
  for (let at = index; at >= 0; at--) {
    const tab = own(steps[at]);
    if (tab !== null) return tab;
  }
  return (
    steps
      .slice(index + 1)
      .map(own)
      .find((tab) => tab !== null) ?? null
  );
}
