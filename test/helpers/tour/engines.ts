import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLACE, SOCKET } from './yard.js';

const OWN = fileURLToPath(new URL('../../../bin/glassbox.mjs', import.meta.url));

/** The measure: the machine's dockerd, all its files in the yard. */
export function dockerd(...flags: string[]): string[] {
  return [
    'dockerd',
    ...['--data-root', join(PLACE, 'data'), '--exec-root', join(PLACE, 'exec'), '-p', join(PLACE, 'pid')],
    ...['-H', `unix://${SOCKET}`, '--exec-opt', 'native.cgroupdriver=cgroupfs', ...flags],
  ];
}

/** This project's engine. */
export function ownEngine(...flags: string[]): string[] {
  return [
    ...[process.execPath, OWN, 'engine', '--host', `unix://${SOCKET}`],
    ...['--data-root', join(PLACE, 'data'), '--exec-root', join(PLACE, 'exec'), ...flags],
  ];
}

/** What is compared with dockerd: this project's engine or, to see whether the tour itself is sound, a second dockerd. */
export function subject(): { readonly name: string; readonly command: string[]; readonly own: boolean } {
  const given = process.env['GLASSBOX_TOUR_SUBJECT'] ?? '';
  if (given === 'dockerd') return { name: 'a second dockerd', command: dockerd(), own: false };
  if (given !== '') throw new Error(`GLASSBOX_TOUR_SUBJECT is ${given}: dockerd is the only other one`);
  return { name: 'our engine', command: ownEngine(), own: true };
}
