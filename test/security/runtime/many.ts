import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { F } from '../../../engine/kernel/constants.js';
import { check, realKernel } from '../../../engine/kernel/kernel.js';
import { Runtime } from '../../../engine/runtime/runtime.js';
import { readSpecFile } from '../../../engine/runtime/spec/parse.js';
import { type Bundle, type How, isOurs, run, STATE } from './attack.js';

/** What a run ended with, and what it printed; `stderr` also has the failure of a start that was refused. */
export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * `run` of many bundles, one after the other. A race needs hundreds of starts: of our runtime they are all made by one process,
 * this file, which inherits the descriptors and the guards as the command line does.
 */
export async function manyRuns(targets: readonly Bundle[], how: How): Promise<readonly Result[]> {
  if (!isOurs) return targets.map((target) => run(target, how));
  const jobs = '/run/attack/jobs.json';
  writeFileSync(jobs, JSON.stringify(targets));
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(import.meta.url), jobs, String(how.descriptors?.length ?? 0)],
    {
      stdio: ['ignore', 'ignore', 'inherit', ...(how.descriptors ?? [])],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, GLASSBOX_TEST_GUARDS_OFF: (how.off ?? []).join(',') },
    },
  );
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(code, 0, `the process that starts them ended with ${code ?? signal}`);
  return JSON.parse(readFileSync(`${jobs}.done`, 'utf8')) as Result[];
}

async function one(runtime: Runtime, { id, directory }: Bundle): Promise<Result> {
  const nothing = openSync('/dev/null', 'r');
  const output = join(directory, 'output');
  const out = openSync(output, 'a');
  const answer = (status: number | null, stderr: string): Result => ({
    status,
    stdout: readFileSync(output, 'utf8'),
    stderr,
  });
  try {
    const spec = readSpecFile(join(directory, 'config.json'));
    const running = await runtime.create({ id, bundle: directory, spec, stdio: [nothing, out, out] });
    try {
      await runtime.start(id);
      return answer(await running.wait(), '');
    } finally {
      running.dispose();
      await runtime.delete(id, { force: true });
    }
  } catch (error) {
    return answer(1, error instanceof Error ? error.message : String(error));
  } finally {
    closeSync(nothing);
    closeSync(out);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , jobs = '', inherited = '0'] = process.argv;
  // Node marks what it inherits to be closed; a library that opens files of its own need not
  for (let fd = 3; fd < 3 + Number(inherited); fd++) check(realKernel, 'fcntl', [fd, F.SETFD, 0]);
  const runtime = new Runtime({ root: STATE });
  const results: Result[] = [];
  for (const target of JSON.parse(readFileSync(jobs, 'utf8')) as Bundle[]) results.push(await one(runtime, target));
  writeFileSync(`${jobs}.done`, JSON.stringify(results));
  runtime.close();
}
