/** All fourteen points for one lesson. */
import type { Engine } from '../../../engine/api/types.js';
import type { Catalogue } from '../catalogue.js';
import { renderStep } from '../plain-text.js';
import { LessonNeeds, LessonSession } from '../session.js';
import type { LessonSource } from '../source.js';
import type { Feature } from '../types.js';
import { benchOf, closeLab, describeGoals } from './bench.js';
import type { Findings } from './findings.js';
import { Gate, proveStep } from './prove-step.js';
import { proveTaught, proveWidth } from './prove-text.js';
import { type HeldNamespaces, labNamespaces, machineState, residue } from './residue.js';

export interface LessonProof {
  readonly engine: Engine;
  readonly source: LessonSource;
  readonly catalogue: Catalogue;
  readonly findings: Findings;
  readonly seeds: readonly string[];
  /** Only these steps; all when empty. */
  readonly steps: readonly string[];
  /** Without mutations, wrong answers and kills: a quick look while writing. */
  readonly quick: boolean;
  /** Plays the demo unattended at full speed; resolves with the lines that went wrong. */
  readonly playDemo?: (source: LessonSource, engine: Engine) => Promise<string[]>;
}

/** What is limited in figures. */
const MEASURED: ReadonlySet<Feature> = new Set(['cgroup-memory', 'cgroup-cpu', 'cgroup-cpuset', 'cgroup-pids']);

export async function proveLesson(proof: LessonProof): Promise<void> {
  const { source, findings } = proof;
  findings.add({
    point: 1,
    lesson: source.id,
    step: null,
    what: 'files are valid, complete in both languages and fresh',
    ok: true,
  });
  proveWidth(source, findings);
  try {
    for (const [index, seed] of proof.seeds.entries()) await proveWithSeed(proof, seed, index > 0 || proof.quick);
    if (proof.playDemo && !proof.quick) {
      const wrong = await proof.playDemo(source, proof.engine);
      findings.add({
        point: 12,
        lesson: source.id,
        step: null,
        what: 'the demo plays unattended at full speed',
        ok: wrong.length === 0,
        ...(wrong.length > 0 ? { detail: wrong.join('\n') } : {}),
      });
    }
  } catch (error) {
    if (!(error instanceof LessonNeeds)) throw error;
    findings.add({
      point: 3,
      lesson: source.id,
      step: null,
      what: 'can be taken in this lab',
      ok: true,
      skipped: true,
      detail: error.message,
    });
  }
}

async function proveWithSeed(proof: LessonProof, seed: string, brief: boolean): Promise<void> {
  const { engine, source, findings } = proof;
  const before = machineState();
  const lab = await engine.createLab();
  let namespaces: HeldNamespaces = { names: [], fds: [] };
  let session: LessonSession | null = null;
  try {
    namespaces = labNamespaces(lab.info);
    session = await LessonSession.start({ lab, source, seed });
    if (!brief || proof.quick) proveTaught(source, proof.catalogue, session.steps, findings);
    await straightThrough(proof, session, seed);
  } finally {
    await session?.close();
    await closeLab(lab);
  }
  const left = await residue(before, namespaces);
  findings.add({
    point: 11,
    lesson: source.id,
    step: null,
    what: `nothing is left (seed ${seed})`,
    ok: left.length === 0,
    ...(left.length > 0 ? { detail: left.join('; ') } : {}),
  });
  if (brief && !proof.quick) return;
  // Limits are measured by the machine's processors: tries beside each other would spoil the figures.
  const gate = new Gate(source.needs.features.some((feature) => MEASURED.has(feature)) ? 1 : 3);
  const pending: Promise<void>[] = [];
  for (const step of session.steps) {
    if (proof.steps.length > 0 && !proof.steps.includes(step.id)) continue;
    proveStep({ engine, source, seed, findings, brief: proof.quick, gate, machine: before, pending }, session, step);
  }
  await Promise.all(pending);
}

/** The whole lesson in one lab, as a learner goes through it: also checks that plain mode tells the same facts. */
async function straightThrough(proof: LessonProof, session: LessonSession, seed: string): Promise<void> {
  const { source, findings } = proof;
  const bench = benchOf(session.lab, session, await session.ensureShell());
  for (let index = 0; index < session.steps.length; index += 1) {
    const { step } = session;
    const base = { point: 10, lesson: source.id, step: step.id, what: `goes through with seed ${seed}` };
    if (step.predict) await session.predict(0);
    else if (step.answer) await session.answer((await session.measure(step.answer.truth)) ?? '');
    else if (step.goal.length > 0) {
      const wrong = await bench.type(session.solution() ?? []);
      const goals = await bench.goals('met');
      const facts = provePlain(session);
      findings.add({
        point: 13,
        lesson: source.id,
        step: step.id,
        what: 'plain mode tells the same facts',
        ok: facts.length === 0,
        ...(facts.length > 0 ? { detail: facts.join('; ') } : {}),
      });
      if (!session.complete) {
        const kept = session.goals.filter((goal) => goal.kept && goal.state !== 'met');
        findings.add({
          ...base,
          ok: false,
          detail: [...wrong, describeGoals([...goals.filter((goal) => goal.state !== 'met'), ...kept])].join('\n'),
        });
        return;
      }
    }
    if (!session.complete) {
      findings.add({ ...base, ok: false, detail: 'the step is not complete' });
      return;
    }
    findings.add({ ...base, ok: true });
    await session.next();
  }
}

/** Everything that the page of this step says must be in the lines of plain mode. */
function provePlain(session: LessonSession): string[] {
  const missing: string[] = [];
  for (const language of ['en', 'zh'] as const) {
    const text = renderStep(session, language);
    for (const goal of session.goals) {
      const label =
        session.text((prose) => prose.goals[goal.id] ?? '', goal.step)[language] ||
        (goal.result?.expected[language] ?? '');
      if (!text.includes(label)) missing.push(`${language}: goal ${goal.id}`);
    }
  }
  return missing;
}
