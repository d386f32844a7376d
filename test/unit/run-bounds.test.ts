/** Programs that others run for us: bounds on time and output, and an answer for each way in which they fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runThrough } from '../../engine/observe/access.js';
import { runBounded } from '../../src/doctor/probe-script.js';

const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C' };

test('a program gets our environment and no other, no input, and its words are kept as they are', async () => {
  assert.deepEqual(await runBounded('sh', ['-c', 'cat; echo out; echo err >&2; exit 4'], env), {
    code: 4,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  process.env['GLASSBOX_TEST_OUTER'] = 'seen';
  const { stdout } = await runBounded('sh', ['-c', 'echo "[$GLASSBOX_TEST_OUTER]"'], { PATH: env['PATH'] });
  delete process.env['GLASSBOX_TEST_OUTER'];
  assert.equal(stdout, '[]\n');
});

test('a program that is not there, takes too long or says too much has no exit status but a reason', async () => {
  const absent = await runBounded('glassbox-no-such-program', [], env);
  assert.equal(absent.code, null);
  assert.match(absent.stderr, /ENOENT/);
  const began = performance.now();
  const slow = await runBounded('sleep', ['20'], env, { milliseconds: 150 });
  assert.ok(performance.now() - began < 19_000, 'it was waited for');
  assert.equal(slow.code, null);
  assert.match(slow.stderr, /timed out after 150/);
  const loud = await runBounded('yes', [], env);
  assert.equal(loud.code, null);
  assert.ok(loud.stdout.length <= 1 << 20);
  assert.match(loud.stderr, /larger than/);
});

test('behind nsenter an exit status passes through; a killed or cut off program is an error', async () => {
  // No option: nsenter enters nothing and becomes the program, which needs no rights.
  assert.deepEqual(await runThrough([], ['sh', '-c', 'echo out; echo err >&2; exit 3']), {
    exitCode: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  assert.equal((await runThrough([], ['glassbox-no-such-program'])).exitCode, 127);
  await assert.rejects(runThrough([], ['sh', '-c', 'kill -9 $$']), { name: 'EngineError', message: /SIGKILL/ });
  await assert.rejects(runThrough([], ['yes']), { name: 'EngineError', message: /larger than/ });
});
