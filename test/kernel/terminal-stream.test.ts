/** The master side of a terminal as a stream: what was written before the other side was closed is read, all of it. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readlinkSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { O, TIOC } from '../../engine/kernel/constants.js';
import { check, realKernel } from '../../engine/kernel/kernel.js';
import { rawModes, setTerminalModes, terminalModes } from '../../engine/kernel/pty.js';
import { TerminalStream } from '../../engine/kernel/terminal-stream.js';

function terminal(): { stream: TerminalStream; slave: number; master: number } {
  const master = openSync('/dev/ptmx', O.RDWR | O.NOCTTY | O.CLOEXEC);
  check(realKernel, 'ioctl', [master, TIOC.SPTLCK, Buffer.alloc(4)]);
  const slave = check(realKernel, 'ioctl', [master, TIOC.GPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC]);
  setTerminalModes(realKernel, slave, rawModes(terminalModes(realKernel, slave) as Buffer));
  return { stream: new TerminalStream(realKernel, master), slave, master };
}

/** More than a terminal gives at once, less than it keeps. */
const TEXT = Array.from({ length: 1200 }, (_, n) => `line ${n}\n`).join('');

async function readAll(stream: TerminalStream, pauseMs = 0): Promise<string> {
  let text = '';
  for await (const bytes of stream) {
    text += String(bytes);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return text;
}

for (const [how, pauseMs] of [
  ['at once', 0],
  ['slowly', 5],
] as const)
  test(`what was written before the terminal was hung up is read, all of it, ${how}`, {
    timeout: 600_000,
  }, async () => {
    for (let round = 0; round < 10; round++) {
      const { stream, slave, master } = terminal();
      writeSync(slave, TEXT);
      closeSync(slave);
      assert.equal(await readAll(stream, pauseMs), TEXT);
      assert.equal(stream.destroyed, true, 'it did not close itself');
      assert.throws(() => readlinkSync(`/proc/self/fd/${master}`), { code: 'ENOENT' });
    }
  });

test('who types at a terminal that was hung up loses nothing of what it printed', { timeout: 600_000 }, async () => {
  const { stream, slave } = terminal();
  writeSync(slave, TEXT);
  closeSync(slave);
  const written = new Promise<unknown>((resolve) => void stream.write('typed', resolve));
  assert.equal(await readAll(stream), TEXT);
  assert.equal((await written) ?? null, null);
});

test('it goes on while the other side is open, in both directions', { timeout: 600_000 }, async () => {
  const { stream, slave } = terminal();
  const text = readAll(stream);
  for (const word of ['one ', 'two ', 'three']) {
    writeSync(slave, word);
    await sleep(20);
  }
  await new Promise((resolve) => void stream.write('typed', resolve));
  const typed = Buffer.alloc(5);
  assert.equal(realKernel.call('read', slave, typed, 5), 5);
  assert.equal(typed.toString(), 'typed');
  closeSync(slave);
  assert.equal(await text, 'one two three');
});
