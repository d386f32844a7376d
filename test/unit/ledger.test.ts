import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, type LedgerNote } from '../../engine/kernel/ledger.js';
import { ProgramBuilder } from '../../engine/kernel/program/builder.js';
import { RunningProgram } from '../../engine/kernel/program/running.js';

const note = (act: string): LedgerNote => ({
  actor: 'engine',
  domain: 'file',
  subject: 'test',
  act,
  command: null,
  man: null,
  explanation: { en: 'e', zh: '中' },
  result: { ok: true },
});

test('entries are numbered in order and heard as they come', () => {
  const ledger = new Ledger();
  const heard: number[] = [];
  const stop = ledger.watch(({ seq }) => heard.push(seq));
  ledger.note(note('a'));
  // a caller's own number must not win: since() would skip or repeat entries
  ledger.note({ ...note('b'), seq: 99 } as LedgerNote);
  stop();
  ledger.note(note('c'));
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(
    ledger.since(1).map(({ seq, act }) => [seq, act]),
    [
      [2, 'b'],
      [3, 'c'],
    ],
  );
});

test('it forgets the oldest, never the newest', () => {
  const ledger = new Ledger();
  for (let i = 0; i < 45_000; i++) ledger.note(note(String(i)));
  const kept = ledger.since(0);
  assert.ok(kept.length >= 20_000 && kept.length <= 22_000, `${kept.length} entries are kept`);
  assert.equal(kept.at(-1)?.act, '44999');
});

test('a program is written down record by record, the parent in between, unissued records not at all', () => {
  const b = new ProgramBuilder('test');
  b.call('umask', [0o22], { label: 'first' })
    .call('chdir', ['/no'], { label: 'second', ignore: true })
    .call('exit_group', [0])
    .call('getpid', []);
  const running = RunningProgram.start(b.build());
  running.wait();
  const ledger = new Ledger();
  ledger.program(running, 'lab host', { before: (label) => label === 'second' && ledger.note(note('parent')) });
  running.dispose();
  const entries = ledger.since(0);
  assert.deepEqual(
    entries.map(({ act }) => act),
    ['umask(022)', 'parent', 'chdir("/no")', 'exit_group(0)'],
  );
  assert.deepEqual([entries[2]?.man, entries[2]?.result], ['chdir(2)', { ok: true, value: -2, errno: 'ENOENT' }]);
});
