#!/usr/bin/env node
/**
 * `npm test [-- SUITE… | FILE…]`: all set-up, then lint, types, and every suite; ends with the skips and one line of
 * totals. Exit status 0 when nothing failed, 1 when something did, 2 for a suite that does not exist.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { LAB_PACKAGES, TEST_PACKAGES } from './lib/host-packages.mjs';
import { offerPackages } from './lib/packages.mjs';
import { run } from './lib/run.mjs';
import { describeFailure, SetupError } from './lib/say.mjs';
import { ROOT, requireNode, setUp } from './lib/setup.mjs';
import { partsOf, SUITES, suiteFiles } from './lib/suites.mjs';

const totals = { passed: 0, failed: 0, skipped: 0 };
const skips = [];
const failures = [];
const print = (line = '') => process.stdout.write(`${line}\n`);

function count(result, name, reason) {
  totals[result] += 1;
  if (result === 'skipped') skips.push(`${name}: ${reason || 'no reason given'}`);
  if (result === 'failed') failures.push(name);
}

/** One check of the whole tree, counted as one test. */
async function check(name, command) {
  const begun = Date.now();
  const { code, output } = await run(process.execPath, command, { cwd: ROOT, capture: true });
  print(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  if (code !== 0) print(output.trimEnd());
  count(code === 0 ? 'passed' : 'failed', name);
}

/** Run one suite: first the files that run alone, then the others side by side. False when the user has ended it. */
async function runSuite(suite, files, scratch) {
  const { name } = suite;
  print(`\n== ${name} (${files.length} files)`);
  const begun = Date.now();
  const before = { ...totals };
  const inSandboxes = join(scratch, 'sandboxes');
  mkdirSync(inSandboxes, { recursive: true });
  const { alone, together } = partsOf(suite, files);
  const parts = [
    { jobs: 1, files: alone },
    { jobs: suite.jobs, files: together },
  ].filter((part) => part.files.length > 0);
  const until = begun + suite.minutes * 60_000;
  for (const [number, part] of parts.entries()) {
    const results = join(scratch, `results-${number}.jsonl`);
    const failed = totals.failed;
    const { code, tooLong } = await runFiles(part, results, inSandboxes, Math.max(1000, until - Date.now()));
    readResults(results, () => true);
    if (tooLong) count('failed', `suite ${name} took longer than ${suite.minutes} minutes`);
    else if (code !== 0 && totals.failed === failed) count('failed', `suite ${name} ended with ${code ?? 'a signal'}`);
    if (tooLong || process.exitCode === 130) break;
  }
  // a file that runs again in a sandbox is one test here; what it skips there is told too
  for (const one of readdirSync(inSandboxes).sort())
    readResults(join(inSandboxes, one), ({ result }) => result === 'skipped');
  print(
    `== ${name}: ${totals.passed - before.passed} passed, ${totals.failed - before.failed} failed, ${totals.skipped - before.skipped} skipped in ${((Date.now() - begun) / 1000).toFixed(0)} s`,
  );
  return process.exitCode !== 130;
}

/** Run files in a process group of their own, which is ended when it takes longer than the bound. */
async function runFiles({ jobs, files }, results, inSandboxes, milliseconds) {
  const args = [
    '--import',
    'tsx',
    '--test',
    `--test-concurrency=${jobs}`,
    `--test-timeout=${milliseconds}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(ROOT, 'scripts', 'lib', 'report.mjs')}`,
    `--test-reporter-destination=${results}`,
    ...files,
  ];
  // the tests reach no other machine, and reading certificates would take each of their thousands of processes 40 ms
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...env, GLASSBOX_TEST_ROWS: inSandboxes },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  let tooLong = false;
  const bound = setTimeout(() => {
    tooLong = true;
    end('SIGTERM');
    setTimeout(() => end('SIGKILL'), 5000).unref();
  }, milliseconds);
  const forward = (signal) => {
    end(signal);
    process.exitCode = 130;
  };
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  process.off('SIGINT', forward).off('SIGTERM', forward);
  clearTimeout(bound);
  return { code, tooLong };
}

/** Read what the reporter wrote. Files without a test count as failed: they look like proof and are none. */
function readResults(results, isCounted) {
  if (!existsSync(results)) return;
  // what stands behind the last end of a line was cut off when the suite was ended
  for (const line of readFileSync(results, 'utf8').split('\n').slice(0, -1)) {
    const row = JSON.parse(line);
    if (!isCounted(row)) continue;
    const { name, file, result, empty, reason } = row;
    const label = `${relative(ROOT, file)}: ${name}`;
    if (empty) count('failed', `${relative(ROOT, file)} holds no test`);
    else count(result, label, reason);
  }
}

/** Which suites, and which files of them, the arguments ask for. */
function choose(words) {
  const known = SUITES.map((suite) => suite.name);
  const chosen = [];
  for (const word of words) {
    const suite = SUITES.find((one) => one.name === word || word.startsWith(`test/${one.name}/`));
    const files =
      suite === undefined
        ? []
        : word === suite.name
          ? suiteFiles(ROOT, word)
          : existsSync(join(ROOT, word))
            ? [word]
            : [];
    if (suite === undefined || (word !== suite.name && files.length === 0)) {
      throw new SetupError(
        {
          en: `no suite or test file ${word}: the suites are ${known.join(', ')}`,
          zh: `没有名为 ${word} 的测试组或测试文件；测试组有：${known.join('、')}`,
        },
        2,
      );
    }
    chosen.push({ suite, files });
  }
  return words.length > 0 ? chosen : SUITES.map((suite) => ({ suite, files: suiteFiles(ROOT, suite.name) }));
}

async function main() {
  requireNode();
  const words = process.argv.slice(2).filter((word) => word !== '--yes');
  const all = words.length === 0;
  const chosen = choose(words);
  const yes = process.env.CI === 'true' || process.argv.includes('--yes');
  await setUp({ build: false });
  if (all || chosen.some(({ suite }) => suite.name !== 'unit')) {
    await offerPackages([...LAB_PACKAGES, ...TEST_PACKAGES], {
      memory: join(ROOT, '.glassbox', 'test-packages-declined'),
      yes,
    });
  }
  const tool = (...path) => join(ROOT, 'node_modules', ...path);
  if (all) {
    await check('lint (biome)', [tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.']);
    await check('lint (eslint)', [tool('eslint', 'bin', 'eslint.js'), '.']);
  }
  try {
    await setUp();
    count('passed', 'types and build');
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    print(error.message);
    count('failed', 'types and build');
  }
  if (all)
    await check('types of the tests', [
      tool('typescript', 'bin', 'tsc'),
      '-p',
      join('test', 'tsconfig.json'),
      '--noEmit',
    ]);

  const scratch = mkdtempSync(join(tmpdir(), 'glassbox-test-'));
  try {
    for (const { suite, files } of chosen) {
      if (files.length === 0) continue;
      if (!(await runSuite(suite, files, mkdtempSync(join(scratch, `${suite.name}-`))))) break;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }

  print();
  if (skips.length > 0) print(`Skipped:\n${skips.map((line) => `  ${line}`).join('\n')}`);
  if (failures.length > 0) print(`Failed:\n${failures.map((line) => `  ${line}`).join('\n')}`);
  print(`${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`);
  process.exitCode ||= totals.failed > 0 ? 1 : 0;
}

main().catch((error) => {
  const { message, exitCode } = describeFailure(error);
  process.stderr.write(`npm test: ${message}\n`);
  process.exitCode = exitCode;
});
