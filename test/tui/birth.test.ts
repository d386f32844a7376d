import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Birth } from '../../src/birth/birth.js';
import { picturePanels } from '../../src/tui/picture/index.js';
import { BirthLab } from '../helpers/birth-lab.js';
import { ScriptedSession } from '../helpers/fake-lab.js';
import { type RunningApp, startApp, wrongCells } from './oracle.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function born(press: (birth: Birth) => void, lab = new BirthLab()): Promise<{ birth: Birth; asked: number[] }> {
  const asked: number[] = [];
  const birth: Birth = new Birth(() => {
    if (birth.phase !== 'asking') return;
    asked.push(birth.current?.index ?? -1);
    press(birth);
  });
  await birth.run(lab);
  return { birth, asked };
}

describe('a birth', () => {
  it('asks before every record of the container, and not for the process that stands by', async () => {
    const { birth, asked } = await born((one) => one.next());
    assert.deepEqual(asked, [0, 1, 2, 6, 4, 5]);
    assert.equal(birth.phase, 'born');
    assert.deepEqual(
      birth.rows().map(({ record }) => record.index),
      [0, 7, 1, 2, 6, 4, 5],
    );
    assert.deepEqual(birth.progress, { done: 5, total: 5 });
  });

  it('walks a section with its side roads', async () => {
    assert.deepEqual((await born((one) => one.section())).asked, [0, 2, 5]);
  });

  it('goes on to the end, stops, and tells why it failed', async () => {
    assert.deepEqual((await born((one) => one.rest())).asked, [0]);
    const stopped = await born((one) => (one.current?.index === 2 ? one.stop() : one.next()));
    assert.equal(stopped.birth.phase, 'undone');
    const lab = new BirthLab();
    lab.failure = new Error('no room');
    const failed = await born((one) => one.next(), lab);
    assert.equal(failed.birth.phase, 'failed');
    assert.equal(failed.birth.error, lab.failure);
  });

  it('lists what lies ahead without marks and side roads', async () => {
    const birth: Birth = new Birth(() => undefined);
    const running = birth.run(new BirthLab());
    await turn();
    assert.deepEqual(
      birth.rows().map(({ record, state }) => [record.index, state]),
      [
        [0, 'current'],
        [1, 'next'],
        [2, 'next'],
        [4, 'next'],
        [5, 'next'],
      ],
    );
    birth.stop();
    await running;
  });
});

interface Shown {
  readonly app: RunningApp;
  readonly lab: BirthLab;
}

async function show(columns: number, rows: number, lang: 'en' | 'zh'): Promise<Shown> {
  const session = new ScriptedSession();
  const lab = new BirthLab(session);
  const app = await startApp(columns, rows, { lab, lang, panels: picturePanels(), birth: true });
  await app.until((text) => text.includes('dup3(4, 0, 0)'), 'the first record');
  return { app, lab };
}

describe('the screen of a birth', () => {
  for (const [columns, rows] of [
    [80, 24],
    [120, 36],
    [64, 20],
    [40, 12],
  ] as const)
    for (const lang of ['en', 'zh'] as const)
      it(`${columns}x${rows} ${lang}`, async (t) => {
        const { app, lab } = await show(columns, rows, lang);
        t.after(() => app.close());
        await app.until((text) => text.includes(lang === 'en' ? 'why dup3' : '为何 dup3'), 'its sentence');
        assert.deepEqual(wrongCells(app.screen, app.out), []);
        await app.type('\r');
        await app.until((text) => text.includes(lang === 'en' ? 'why close' : '为何 close'), 'the second');
        assert.deepEqual(lab.issued.slice(0, 1), [0]);
        await app.type('s');
        await app.until((text) => text.includes(lang === 'en' ? 'why openat2' : '为何 openat2'), 'the next section');
        await app.type(' ');
        await app.until((text) => text.includes('ENOENT') || rows < 20, 'what was answered');
        await app.until((text) => text.includes('mkdir -p /proc'), 'the command of the side road');
        await app.type('\r');
        if (rows >= 20 && columns >= 64)
          await app.until((text) => text.includes(lang === 'en' ? '[Mounts]' : '[挂载]'), 'the tab of the mounts');
        await app.type('c');
        await app.until((text) => text.includes(lang === 'en' ? 'is born: it runs' : '容器已诞生'), 'the end');
        assert.deepEqual(wrongCells(app.screen, app.out), []);
        await app.type('\r');
        await app.until((text) => !text.includes(lang === 'en' ? 'is born: it runs' : '容器已诞生'), 'the shell');
        assert.equal(app.app.view.focus, 'shell');
      });

  it('q undoes, Enter leads to the shell, the palette begins another', async (t) => {
    const { app, lab } = await show(100, 30, 'en');
    t.after(() => app.close());
    await app.type('q');
    await app.until((text) => text.includes('everything is undone'), 'the end');
    assert.deepEqual(lab.issued, []);
    await app.type('\r');
    assert.equal(app.app.view.birth, null);
    await app.type('\u0007B');
    await app.until((text) => text.includes('why dup3'), 'another birth');
  });
});
