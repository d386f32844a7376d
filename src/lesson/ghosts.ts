/** What the goals still want, for the wiring picture: from the goals themselves, and from the step's own `ghost`. */
import type { GhostGoal } from '../tui/panel.js';
import type { LessonSession } from './session.js';
import type { Bilingual, Check, CheckSpecs, Ghost, Place } from './types.js';

/** Labels as the observer gives them: `host`, or the name of a namespace. */
function labelOf(place: Place | undefined): string | undefined {
  if (place === undefined) return 'host';
  return typeof place === 'string' && place !== 'any' && place !== 'other' ? place : undefined;
}

/** The outline of one check's object, when it has one. */
function outline(check: Check, text: Bilingual, met: boolean): GhostGoal[] {
  const make = (
    object: string,
    name: string | undefined,
    place: string | undefined,
    peer?: GhostGoal['peer'],
  ): GhostGoal => ({
    text,
    object,
    met,
    ...(name !== undefined ? { name } : {}),
    ...(place !== undefined ? { place } : {}),
    ...(peer ? { peer } : {}),
  });
  const all = check as Partial<{ [K in keyof CheckSpecs]: CheckSpecs[K] }>;
  if (all.all) return all.all.flatMap((one) => outline(one, text, met));
  if (all.namespace?.kind === 'net') return [make('namespace', all.namespace.name, undefined)];
  if (all.link) {
    const peer = labelOf(all.link.peer?.in ?? all.link.peerIn);
    const wired = all.link.peerIn !== undefined || all.link.peer !== undefined;
    return [
      make(
        'link',
        all.link.name,
        labelOf(all.link.in),
        wired
          ? {
              ...(all.link.peer?.name !== undefined ? { name: all.link.peer.name } : {}),
              ...(peer !== undefined ? { place: peer } : {}),
            }
          : undefined,
      ),
    ];
  }
  if (all.bridge) return [make('link', all.bridge.name, labelOf(all.bridge.in))];
  if (all.addr) return [make('address', all.addr.address, labelOf(all.addr.in))];
  if (all.route) return [make('route', all.route.to, labelOf(all.route.in))];
  if (all.cgroup) return [make('cgroup', all.cgroup.path, undefined)];
  if (all.mount) return [make('mount', all.mount.at, undefined)];
  if (all.firewall) return [make('firewall-rule', all.firewall.target, labelOf(all.firewall.in))];
  return [];
}

function explicit(ghost: Ghost, session: LessonSession): GhostGoal[] {
  const { snapshot } = session;
  const network = (label: string): boolean => snapshot?.networks.some((one) => one.label === label) ?? false;
  const link = (place: string, name: string): boolean =>
    snapshot?.networks.some((one) => one.label === place && one.links.some((link) => link.name === name)) ?? false;
  const words = (en: string, zh: string): Bilingual => ({ en, zh });
  return [
    ...ghost.places.map((place) => ({
      text: words(`network namespace ${place}`, `网络命名空间 ${place}`),
      object: 'namespace',
      name: place,
      met: network(place),
    })),
    ...ghost.bridges.map((bridge) => ({
      text: words(`bridge ${bridge.name}`, `网桥 ${bridge.name}`),
      object: 'link',
      name: bridge.name,
      place: bridge.in,
      met: link(bridge.in, bridge.name),
    })),
    ...ghost.links.map((one) => ({
      text: words(
        `${one.name}${one.address ? ` ${one.address}` : ''}`,
        `${one.name}${one.address ? ` ${one.address}` : ''}`,
      ),
      object: 'link',
      name: one.name,
      place: one.in,
      met: link(one.in, one.name),
      ...(one.to ? { peer: { place: one.to.in, ...(one.to.name !== undefined ? { name: one.to.name } : {}) } } : {}),
    })),
  ];
}

export function ghostsOf(session: LessonSession): GhostGoal[] {
  const { step } = session;
  if (step.ghost) return explicit(step.ghost, session);
  return session.goals
    .filter((goal) => !goal.kept)
    .flatMap((goal) =>
      outline(goal.check, goal.result?.expected ?? { en: goal.id, zh: goal.id }, goal.state === 'met'),
    );
}
