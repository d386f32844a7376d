import { type Bundle, type How, type Ran, run } from './attack.js';

/** `run` of many bundles, one after the other. */
export function manyRuns(targets: readonly Bundle[], how: How): Promise<Ran[]> {
  return Promise.resolve(targets.map((target) => run(target, how)));
}
