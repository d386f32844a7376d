import { connectEngine } from '../engine-client.js';
import { measureAbilities } from '../lesson/abilities.js';
import type { Feature } from '../lesson/types.js';
import type { LabTrial } from './types.js';

/** What the lessons name: measured inside the lab, where they will be needed. */
export interface LabWishes {
  readonly features: readonly Feature[];
  readonly tools: readonly string[];
}

/** Make a lab, run `true` in it, measure what lessons need, end it. Failing is an answer, not an error. */
export async function tryLab(wishes: LabWishes): Promise<LabTrial> {
  try {
    const engine = await connectEngine();
    try {
      const lab = await engine.createLab({ hostname: 'doctor' });
      const { exitCode, stderr } = await lab.exec({ argv: ['true'] });
      if (exitCode !== 0) throw new Error(`true ended with ${exitCode} in the lab: ${stderr.trim()}`);
      const snapshot = await lab.snapshot();
      const abilities = await measureAbilities(lab, snapshot, wishes);
      const writable = snapshot.cgroups.hierarchies.filter((hierarchy) => hierarchy.writable);
      return {
        ran: true,
        readyMs: lab.info.readyMs,
        mode: lab.info.mode,
        cgroupMode: lab.info.cgroupMode,
        weaknesses: lab.info.weaknesses,
        cgroupControllers: [...new Set(writable.flatMap((hierarchy) => hierarchy.controllers))],
        features: [...abilities.features],
        tools: [...abilities.tools],
      };
    } finally {
      await engine.close();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ran: false, reason: { en: message, zh: message } };
  }
}
