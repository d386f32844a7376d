import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLACE } from './fences.js';
import { givenRuntime, type Slot } from './slots.js';

/** A script in the words of prelude.sh. What it prints must be the same with both runtimes. */
export interface Check {
  readonly name: string;
  readonly script: string;
  /** What runc's report must hold: the proof that the script measures what it says. */
  readonly expect: readonly (string | RegExp)[];
  /** Where the machine or the engine cannot do it, so that there is nothing to compare: said as the test's skip. */
  readonly unless?: () => string | null;
}

export interface Engine {
  readonly name: string;
  readonly command: readonly string[];
  readonly image: string;
  /** The name of the cgroup that all its containers are in. */
  readonly group: string;
  /** How the runtime is chosen: a flag of `run`, or of the engine. */
  runFlags(slot: Slot): string;
  engineFlags(slot: Slot): string;
}

const PRELUDE = readFileSync(new URL('./prelude.sh', import.meta.url), 'utf8');
const TERMINAL = fileURLToPath(new URL('./terminal.py', import.meta.url));
const LIMIT_MS = 100_000;

/** Run after each script, however it ended. A container that cannot be removed is part of the report. */
const CLEAN = `
left=$(d ps -aq --filter "name=^$P")
[ -z "$left" ] || d rm -f -v $left 2>&1 >/dev/null | sed 's/^/not removed: /'
`;

let scripts = 0;

/** What a script in the words of the prelude prints; it is ended when it takes too long, with all the processes of its group. */
function runScript(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', `exec 2>&1\n${PRELUDE}\n${script}`], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    const bound = setTimeout(() => {
      text += `\ntook longer than ${LIMIT_MS / 1000} s\n`;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, LIMIT_MS);
    child.on('error', reject).on('close', () => {
      clearTimeout(bound);
      resolve(text);
    });
  });
}

/**
 * What a check's script prints, each line, with names and ids that differ from run to run replaced. With `kept`, a prefix
 * of the caller's own, the containers are not removed.
 */
export async function report(engine: Engine, slot: Slot, check: Check, kept?: string): Promise<string[]> {
  const prefix = kept ?? `s${++scripts}${slot}-`;
  const work = join(PLACE, 'work', prefix);
  mkdirSync(work, { recursive: true });
  const env = {
    ...process.env,
    ENGINE: `${engine.command.join(' ')} ${engine.engineFlags(slot)}`,
    RUNTIME: engine.runFlags(slot),
    P: prefix,
    WORK: work,
    IMAGE: engine.image,
    GROUP: engine.group,
    TERMINAL,
    HOME: work,
    LC_ALL: 'C',
  };
  let text = await runScript(check.script, work, env);
  if (kept === undefined) text += await runScript(CLEAN, work, env);
  return normalise(text.replaceAll(`/${slot}/`, '/SLOT/'), prefix, work, engine)
    .trimEnd()
    .split('\n');
}

/**
 * The words before the reason of an error are runc's own way to say where in its program it was: what is compared is what
 * was done, to what, and the reason.
 */
const OWN_WORDS: readonly [RegExp, string][] = [
  [/\b(runc|glassbox-runtime)(?= (create|exec|run|start|kill) failed)/g, 'RUNTIME'],
  [/\/\S*\/runc(?=: )/g, 'RUNTIME'],
  [/error during container init: /g, ''],
  [/(error mounting "[^"]*" to rootfs at "[^"]*"): mount [^:]*:\S+ \(via [^)]*\), flags: 0x[0-9a-f]+: /g, '$1: '],
  [/mount ([^:]*):\S+ \(via [^)]*\), flags: 0x[0-9a-f]+: /g, '$1: '],
  [/write sysctl key [\w.]+: /g, ''],
];

function normalise(text: string, prefix: string, work: string, engine: Engine): string {
  const said = OWN_WORDS.reduce((result, [words, instead]) => result.replace(words, instead), text);
  return said
    .replaceAll(work, 'WORK')
    .replaceAll(prefix, '')
    .replaceAll(engine.group, 'GROUP')
    .replace(/\b[0-9a-f]{64}\b/g, 'ID')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/\b[A-Z0-9]{26}\b/g, 'LAYER')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)/g, 'TIME');
}

/** Where our runtime means to do other than runc 1.1: what it must show instead of what runc shows. */
const MEANT: readonly { runc: RegExp; ours: string; reason: string }[] = [
  {
    runc: /^(\|? ?\/ \/sys\/fs\/cgroup) rw,(.* - tmpfs .*\n.* \/sys\/fs\/cgroup\/\S+ ro,)/gm,
    ours: '$1 ro,$2',
    reason: 'asked for read-only cgroups, runc leaves the tmpfs around the v1 hierarchies writable',
  },
  {
    runc: /^(\|? ?drwxrwxrwt 0:)65534(?= 0,0 \/dev\/mqueue$)/gm,
    ours: '$10',
    reason: 'runc makes the ipc namespace after it became user 0 of a user namespace and before it became its group 0',
  },
];

/** What is missing in the reference's report, so that it is no measure. */
export function unmet(check: Check, lines: readonly string[]): string[] {
  const text = lines.join('\n');
  return check.expect
    .filter((wanted) => (typeof wanted === 'string' ? !text.includes(wanted) : !wanted.test(text)))
    .map(String);
}

/** The lines that differ, as `diff -u` shows them; none when both say the same. */
export function differences(expected: readonly string[], found: readonly string[]): string[] {
  const [a, b] = [join(PLACE, `expected-${scripts}`), join(PLACE, `found-${scripts}`)];
  writeFileSync(a, `${expected.join('\n')}\n`);
  writeFileSync(b, `${found.join('\n')}\n`);
  const done = spawnSync('diff', ['-U2', a, b], { encoding: 'utf8' });
  if (done.status !== 0 && done.status !== 1) throw new Error(`diff: ${done.stderr}`);
  return done.stdout.split('\n').slice(2).filter(Boolean);
}

/** What is expected of the runtime under test, given runc's report. */
export function underTest(reference: readonly string[]): string[] {
  if (givenRuntime() !== null) return [...reference];
  return MEANT.reduce((text, { runc, ours }) => text.replace(runc, ours), reference.join('\n')).split('\n');
}

/** A race inside the engine that is the measure shows now and then; what a runtime does otherwise shows every time. */
const LOOKS = 3;

/** Run a check with both runtimes at once; the runtime under test must do what runc does. */
export async function compareRuntimes(engine: Engine, check: Check, tell: (message: string) => void): Promise<void> {
  for (let look = 1; ; look += 1) {
    const [expected, found] = await Promise.all([report(engine, 'reference', check), report(engine, 'subject', check)]);
    if (process.env['GLASSBOX_SHOW_REPORTS'] === '1') console.log(`== ${check.name}\n${expected.join('\n')}`);
    const missing = unmet(check, expected);
    const lines = differences(underTest(expected), found);
    if (missing.length === 0 && lines.length === 0) return;
    const said =
      missing.length > 0
        ? `runc's report is no measure: it lacks ${missing.join(', ')}\n${expected.join('\n')}`
        : `${engine.name}: runc (-) and the runtime under test (+) differ:\n${lines.join('\n')}`;
    assert.ok(look < LOOKS, said);
    tell(`looked again (${look}): ${said}`);
  }
}
