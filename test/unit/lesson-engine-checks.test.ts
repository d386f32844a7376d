import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, ExecRequest, ExecResult } from '../../engine/api/types.js';
import { evaluate } from '../../src/lesson/checks/evaluate.js';
import type { Check, CheckResult } from '../../src/lesson/types.js';
import { lab, layer, type SnapshotBuilder } from '../helpers/snapshot-builder.js';

const said = (stdout: string, exitCode = 0, stderr = ''): ExecResult => ({
  exitCode,
  signal: null,
  stdout,
  stderr,
  timedOut: false,
  truncated: false,
});

const engine = { comm: 'node', argv: ['node', '/usr/lib/glassbox', 'engine', '-H', 'fd://0'] };
const running = (): SnapshotBuilder =>
  lab()
    .process(9, engine)
    .process(72, { comm: 'sleep', argv: ['sleep', '700'], nspid: [72, 1] });

async function look(
  builder: SnapshotBuilder,
  check: Check,
  exec: (request: ExecRequest) => ExecResult,
): Promise<CheckResult> {
  const result = await evaluate(check, {
    snapshot: builder.build(),
    exec: async (request) => exec(request),
    memory: new Map(),
    now: () => 0,
  });
  for (const { en, zh } of [result.expected, result.observed])
    assert.ok(en !== '' && zh !== '' && !/%|undefined/.test(en + zh), `a sentence in both languages: ${en} / ${zh}`);
  return result;
}

const BOX = '["/box","busybox","sleep",["700"],"running",0,72,null]\n';
const KIND = '["/kind","mine:2","sh",["-c","exit 3"],"exited",3,0,true]\n';

test('a container is asked for by what the engine says and by the process that the kernel has', async () => {
  const check = async (container: object, answer = BOX + KIND): Promise<string> =>
    (await look(running(), { container }, () => said(answer))).result;
  assert.equal(await check({ name: 'box', state: 'running', image: 'busybox', runs: 'sleep 700' }), 'passed');
  assert.equal(await check({ name: 'box', process: { argv: 'sleep 700', pidInside: 1 } }), 'passed');
  assert.equal(await check({ name: 'box', process: { argv: 'sleep 701' } }), 'notYet');
  assert.equal(await check({ name: 'kind', state: 'exited', exitCode: 3, init: true }), 'passed');
  assert.equal(await check({ name: 'kind', exitCode: { min: 4 } }), 'notYet');
  assert.equal(await check({ name: 'box', init: true }), 'notYet');
  assert.equal(await check({ state: 'paused' }), 'notYet');
  assert.equal(await check({ name: 'box' }, ''), 'notYet');
  assert.equal(await check({ name: 'box' }, '["/box",1,"sleep"]\n'), 'couldNotMeasure');
  const seen = await look(running(), { container: { name: 'box', state: 'paused' } }, () => said(BOX + KIND));
  assert.equal(seen.observed.en, 'there is box: busybox sleep 700, running, pid 72');
  const down = await look(running(), { container: { name: 'box' } }, () => said('', 9, 'Cannot connect'));
  assert.deepEqual([down.result, down.observed.en], ['couldNotMeasure', 'Cannot connect']);
});

test('changes are lines of docker diff, asked for of the container that fits', async () => {
  const asked: string[][] = [];
  const exec = (request: ExecRequest): ExecResult => {
    asked.push([...request.argv]);
    return request.argv[0] === 'docker' ? said('C /etc\nD /etc/draft\nA /etc/notes\n') : said(BOX);
  };
  const check = async (changes: readonly string[]): Promise<string> =>
    (await look(running(), { container: { name: 'box', changes } }, exec)).result;
  assert.equal(await check(['A /etc/notes', 'D /etc/draft']), 'passed');
  assert.deepEqual(asked.at(-1), ['docker', 'diff', 'box']);
  assert.equal(await check(['A /etc/draft']), 'notYet');
  assert.equal(await check(['A /etc/notes', 'A /etc/draft']), 'notYet', 'one of two is not both');
});

test('a check starts no engine: where none runs there is nothing, and nothing is asked', async () => {
  const never = (): ExecResult => assert.fail('the engine was asked, which would have started it');
  for (const check of [{ container: { name: 'box' } }, { image: { name: 'busybox' } }] as const) {
    const result = await look(lab(), check, never);
    assert.equal(result.result, 'notYet');
    assert.match(result.observed.en, /the engine does not run/);
    assert.equal((await look(lab(), { not: check }, never)).result, 'passed');
  }
});

test('an image is asked for by its layers and by the digest of a file', async () => {
  const [one, two] = ['a'.repeat(64), 'b'.repeat(64)];
  const layers = `sha256:${one}\nsha256:${two}\n\n`;
  const check = async (image: object, answer: ExecResult): Promise<CheckResult> =>
    look(running(), { image: { name: 'mine:2', ...image } }, () => answer);
  assert.equal((await check({ layers: 2 }, said(layers))).result, 'passed');
  assert.equal((await check({ layers: 1 }, said(layers))).result, 'notYet');
  assert.equal((await check({ layerOf: '/l1' }, said(`${layers}${two}  -\n`))).result, 'passed');
  assert.equal((await check({ layerOf: '/l1' }, said(`${layers}${'c'.repeat(64)}  -\n`))).result, 'notYet');
  assert.equal((await check({ layerOf: '/l1' }, said(layers, 8, 'No such file'))).result, 'notYet');
  const absent = 'Error response from daemon: No such image: mine:2';
  assert.equal((await check({}, said('', 9, absent))).result, 'notYet');
  assert.equal((await check({}, said('', 9, 'Cannot connect'))).result, 'couldNotMeasure');
});

test('the overlay of a container is found by the container, wherever it is mounted', async () => {
  const id = 'f'.repeat(64);
  const layers = [layer('upper', '/u', ['etc/notes']), layer('lower', '/l')];
  const snapshot = {
    ...running().overlay('/var/lib/x/merged', layers, { container: id }).build(),
    containers: [{ id, name: 'box' } as Container],
  };
  const see = async (container: string, path = 'etc/notes'): Promise<string> => {
    const check: Check = { layer: { container, lowers: 1, has: [{ layer: 'upper', path, type: 'file' }] } };
    const exec = async (): Promise<ExecResult> => said('');
    return (await evaluate(check, { snapshot, exec, memory: new Map(), now: () => 0 })).result;
  };
  assert.equal(await see('box'), 'passed');
  assert.equal(await see('box', 'etc/draft'), 'notYet');
  assert.equal(await see('other'), 'notYet');
});
