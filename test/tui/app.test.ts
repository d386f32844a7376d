import assert from 'node:assert/strict';
import test from 'node:test';
import type { LedgerEntry } from '../../engine/api/types.js';
import { LabLink } from '../../src/tui/app/lab-link.js';
import { PANE_ORDER } from '../../src/tui/layout/arrange.js';
import { type AnyPanel, anyPanel, type Panel } from '../../src/tui/panel.js';
import { line, span } from '../../src/tui/text/styled.js';
import { emptySnapshot, FakeLab, ScriptedSession } from '../helpers/fake-lab.js';
import { FakeLesson } from '../helpers/fake-lesson.js';
import { type RunningApp, startApp, wrongCells } from './oracle.js';

/** A panel that shows what it was given. */
function probe(id: string): AnyPanel {
  const panel: Panel<{ readonly keys: string }> = {
    id,
    title: (lang) => (lang === 'zh' ? `标签${id}` : `Tab${id}`),
    keys: [{ key: 'x', text: { en: 'note x', zh: '记下 x' } }],
    initial: () => ({ keys: '' }),
    render: (width, height, input, state) => ({
      lines: [
        line(`${id} ${width}x${height} seq ${input.snapshot?.seq ?? '-'} fresh ${input.fresh.length}`),
        line(span(`filter "${input.filter}" keys ${state.keys}`, 'muted')),
        ...Array.from({ length: 50 }, (_, i) => line(`row ${i} 中文 `, span('▇▇', 'gauge'))),
      ],
    }),
    onKey: (key, state) => (key.name === 'x' ? { keys: `${state.keys}x` } : null),
  };
  return anyPanel(panel);
}

interface Started extends RunningApp {
  readonly session: ScriptedSession;
  readonly lab: FakeLab;
  readonly lesson: FakeLesson;
}

async function start(
  t: { after(work: () => void): void },
  columns: number,
  rows: number,
  lang: 'en' | 'zh' = 'en',
  withLesson = true,
): Promise<Started> {
  const session = new ScriptedSession();
  const lab = new FakeLab(session);
  const lesson = new FakeLesson();
  const app = await startApp(columns, rows, {
    lab,
    lang,
    panels: [probe('A'), probe('B')],
    ...(withLesson ? { lesson } : {}),
  });
  t.after(() => app.close());
  await app.until(() => session.sizes.length > 0, 'the shell');
  session.print('lab$ ');
  await app.until((shown) => shown.includes('lab$'), 'the prompt');
  return { ...app, session, lab, lesson };
}

const ENTRY: LedgerEntry = {
  seq: 1,
  at: 0,
  actor: 'learner',
  domain: 'netlink',
  subject: 'host',
  act: 'RTM_NEWLINK br0',
  command: 'ip link add br0 type bridge',
  man: 'ip-link(8)',
  explanation: { en: 'a bridge appeared', zh: '出现了一个网桥' },
  result: { ok: true },
};

for (const [columns, rows] of [
  [80, 24],
  [120, 36],
  [200, 60],
] as const)
  for (const lang of ['en', 'zh'] as const)
    test(`${columns}x${rows} ${lang}: all panes reachable, 0 wrong cells, no-op 0 bytes, key at most 64 bytes`, async (t) => {
      const app = await start(t, columns, rows, lang);
      app.lab.record(ENTRY);
      await app.until((shown) => columns < 110 || shown.includes('RTM_NEWLINK'), 'the ledger');
      assert.deepEqual(wrongCells(app.screen, app.out), []);
      app.out.takeBytes();
      app.screen.flush();
      app.screen.flush();
      await app.settle();
      assert.equal(app.out.takeBytes(), 0, 'a frame without a change');
      for (const key of 'echo 你x') {
        await app.type(key);
        app.session.print(key);
        await app.settle();
        const bytes = app.out.takeBytes();
        assert.ok(bytes > 0 && bytes <= 64, `${bytes} bytes for the key ${key}`);
      }
      assert.deepEqual(app.session.written.join(''), Buffer.from('echo 你x').toString('utf8'));
      for (const [index, id] of PANE_ORDER.entries()) {
        await app.type(`\x07${index + 1}`);
        assert.equal(app.app.view.focus, id);
        const own = app.app.painter.arrangement.panes.find((pane) => pane.id === id);
        assert.ok(own !== undefined && own.rect.height > 1, `${id} is in sight`);
        const { x, y } = own.rect;
        assert.equal(
          app.screen.cells[y]![x]![1],
          own.frame === 'box' ? '┏' : '━',
          'focus is shown by the weight of the frame',
        );
        await app.type(id === 'shell' ? '\x07z' : 'z');
        assert.equal(app.app.painter.arrangement.panes.length, 1, `${id} zoomed`);
        assert.deepEqual(wrongCells(app.screen, app.out), []);
        await app.type(id === 'shell' ? '\x07z' : 'z');
      }
      assert.deepEqual(wrongCells(app.screen, app.out), []);
    });

test('resize storm, down to 20x6 and 1x1 and back: no crash, 0 wrong cells, nothing drawn outside', async (t) => {
  const app = await start(t, 120, 36, 'zh');
  const sizes = [
    [90, 28],
    [160, 45],
    [20, 6],
    [200, 60],
    [40, 12],
    [39, 12],
    [1, 1],
    [41, 11],
    [64, 20],
    [63, 19],
    [110, 30],
    [109, 29],
    [2, 80],
    [300, 5],
    [80, 24],
  ] as const;
  for (const [columns, rows] of sizes) {
    app.out.resize(columns, rows);
    await app.settle();
    assert.equal(app.screen.cells.length, rows);
    assert.deepEqual(wrongCells(app.screen, app.out), [], `${columns}x${rows}`);
    for (const pane of app.app.painter.arrangement.panes)
      assert.ok(
        pane.rect.x >= 0 && pane.rect.x + pane.rect.width <= columns && pane.rect.y + pane.rect.height <= rows - 1,
        `${pane.id} fits ${columns}x${rows}`,
      );
  }
  app.out.resize(30, 8);
  await app.settle();
  assert.match(app.out.text().join(''), /30x8.*40x12/s);
  for (let i = 0; i < 20; i++) app.out.resize(80 + i, 24 + (i % 7));
  await app.settle();
  assert.deepEqual(wrongCells(app.screen, app.out), []);
  const { width, height } = { width: app.out.columns, height: app.out.rows };
  assert.deepEqual(
    app.session.sizes.at(-1),
    [width, height - 1 - Math.round((height - 1) * 0.6) - 1],
    'the shell knows its size',
  );
});

test('nothing that the shell prints touches anything outside its pane', async (t) => {
  const app = await start(t, 120, 36);
  const shell = app.app.painter.arrangement.panes.find((pane) => pane.id === 'shell')!.rect;
  const outside = (): string =>
    app.out
      .text()
      .map((row, y) => (y < shell.y ? row : [...row].slice(0, shell.x).join('')))
      .join('\n');
  const before = outside();
  app.out.written = '';
  const nasty = [
    '\x1b[2J',
    '\x1b[1;1HXXXX',
    '\x1b[999;999HYYY',
    '\x1b[?1049h',
    '\x1b[?1049l',
    '\x1b[r',
    '\x1b[1;5r',
    '\x1b[!p',
    '\x1bc',
    '\x1b]0;title\x07',
    '\x1b]2;title\x1b\\',
    '\x1b]52;c;aGFjaw==\x07',
    '\x1b]8;;http://x\x07link\x1b]8;;\x07',
    '\x1b]4;1;#ff0000\x07',
    '\x1b]10;?\x07',
    '\x1b]11;#000000\x07',
    '\x1bP$q"p\x1b\\',
    '\x1bPq#0;2;0;0;0~\x1b\\',
    '\x1b_Gf=100;AAAA\x1b\\',
    '\x1b^pm\x1b\\',
    '\x9b31m',
    '\x9d0;c1\x9c',
    '\x90x\x9c',
    '\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?25l\x1b[?7l\x1b[?5h\x1b[?47h\x1b[?3h\x1b[?2026h',
    '\x1b[8;10;10t\x1b[3;0;0t\x1b[21t\x1b[14t',
    '\x1b#8',
    '\x1b(0lqqk\x1b(B',
    '\x0e\x0f',
    '\x07\x07',
    '\u202e\u2066rtl',
    `e${'\u0301'.repeat(500)}`,
    '\r\n'.repeat(200),
    '\x1b[5i\x1b[4i',
    '\x1b[20h',
    '\x1b[?1l\x1b>',
    '🫠🫠🫠 👨‍👩‍👧 ⚠️',
    '\x1b[38;2;1;2;3mtrue\x1b[0m',
    '\xff\xfe',
    '\x1b[1000000@',
    '\x1b[99999999X',
    '\x1b[?69h\x1b[3;9s',
    '\x1b]133;A',
    '\x1b]633;E;rm;nope\x07',
  ];
  for (const bytes of nasty) {
    app.session.print(bytes);
    await app.settle();
  }
  assert.equal(outside(), before);
  assert.deepEqual(wrongCells(app.screen, app.out), []);
  // All that reached the terminal are our own few sequences: styles, cursor moves, cursor visibility, synchronized output.
  const rest = app.out.written.replace(/\x1b\[(?:[0-9;]*[mHGC]|\?25[hl]|\?2026[hl])/g, '').replace(/[\r\b]/g, '');
  assert.equal(
    /\u200d|[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(rest),
    false,
    JSON.stringify(rest.match(/.{0,9}[\x00-\x1f\x7f-\x9f\u202e].{0,9}/)?.[0]),
  );
  assert.equal(app.lesson.commands.length, 0, 'a forged command is not believed');
});

test('answers to queries go to the session, never to the screen', async (t) => {
  const app = await start(t, 80, 24);
  app.session.written.length = 0;
  app.session.print('\x1b[c\x1b[>c\x1b[6n');
  await app.until(() => app.session.written.length >= 3, 'answers');
  assert.match(app.session.written.join(''), /\x1b\[\?[0-9;]+c.*\x1b\[>[0-9;]+c.*\x1b\[1;6R/s);
  // What the outer terminal answers to nobody's question is not typed into the shell.
  app.session.written.length = 0;
  await app.type('\x1b[?62;22c\x1b[5;7R\x1b]11;rgb:0000/0000/0000\x07\x1bP1+r\x1b\\a');
  assert.deepEqual(app.session.written, ['a']);
});

test('the hardware cursor stands where text is typed, for input methods', async (t) => {
  const app = await start(t, 120, 36, 'zh');
  const shell = app.app.painter.arrangement.panes.find((pane) => pane.id === 'shell')!.rect;
  assert.deepEqual(app.out.cursor(), { x: shell.x + 1 + 5, y: shell.y + 1 });
  app.session.print('命名');
  await app.settle();
  assert.deepEqual(app.out.cursor(), { x: shell.x + 1 + 9, y: shell.y + 1 });
  await app.type('\x07/');
  await app.type('空间');
  assert.deepEqual(app.out.cursor(), { x: ' 筛选：'.length + 3 + 4, y: 35 }, 'in the filter');
  await app.type('\r');
  await app.type(':');
  await app.type('主');
  const { x, y } = app.out.cursor();
  const row = app.out.terminal.buffer.active.getLine(y)!;
  assert.equal(row.getCell(x - 2)!.getChars(), '主', 'in the palette the cursor follows the text');
  await app.type('\x1b');
  await app.type('1');
  app.out.written = '';
  await app.type('z');
  assert.equal(app.out.written.includes('\x1b[?25h'), false, 'no cursor where nothing is typed');
});

test('lesson: goals tick live, hints, prediction by one key, answer, jump', async (t) => {
  const app = await start(t, 120, 36);
  await app.until((shown) => shown.includes('[ ] there is a second uts'), 'goals');
  assert.match(app.out.text().join('\n'), /expected 2, observed 1/);
  app.lesson.meet('made');
  await app.until((shown) => shown.includes('[x] there is a second uts'), 'a tick');
  await app.type('\x07h');
  await app.until((shown) => shown.includes('use unshare'), 'a hint');
  app.lesson.meet('named');
  await app.until((shown) => shown.includes('n leads on'), 'the end of the step');
  await app.type('\x07n');
  await app.until((shown) => shown.includes('And outside?'), 'the next step');
  assert.equal(app.app.view.focus, 'lesson', 'a prediction is asked where keys reach it');
  await app.type('a');
  await app.until((shown) => shown.includes('you predicted a'), 'the truth');
  await app.type('n');
  await app.until((shown) => shown.includes('Which number'), 'the question');
  assert.equal(app.app.view.focus, 'shell', 'an answer is found in the shell');
  await app.type('\x07a');
  await app.type('42');
  await app.type('\r');
  await app.until((shown) => shown.includes('✓ right'), 'the verdict');
  await app.type('\x07J');
  await app.until((shown) => shown.includes('step 1: Your own'), 'the list of steps');
  await app.type('\r');
  assert.deepEqual(app.lesson.calls, ['hint', 'next', 'predict 0', 'next', 'answer 42', 'jump step-0']);
});

test('help lists every key, in both languages; the palette finds and runs', async (t) => {
  const app = await start(t, 80, 24);
  await app.type('\x07?');
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) {
    for (const row of app.out.text()) seen.add(row.replace(/[║↓]/g, '').trim());
    await app.type('\x1b[6~');
  }
  const all = [...seen].join('\n');
  for (const words of [
    'Ctrl-G',
    'z +',
    'zoom the pane',
    '] .',
    'palette|all commands',
    'mouse on or off',
    'English / 中文',
    'next theme',
    'draw the screen again',
    'quit',
    'note x',
    'put it at the prompt',
    'undo',
    'reset this step',
  ])
    assert.match(all, new RegExp(words.replace(/[+.\]]/g, '\\$&')), words);
  await app.type('l');
  assert.match(app.out.text().join('\n'), /按键/);
  await app.type('q');
  await app.type('\x07:');
  await app.type('high');
  await app.type('\r');
  assert.equal(app.screen.canvas.palette.theme.id, 'high-contrast');
});

test('language and theme change in place, mouse can be switched off', async (t) => {
  const app = await start(t, 120, 36);
  await app.type('\x07l');
  await app.until((shown) => shown.includes('1 课程') && shown.includes('命名空间把'), 'Chinese');
  assert.deepEqual(wrongCells(app.screen, app.out), []);
  await app.type('\x07l');
  await app.until((shown) => shown.includes('1 Lesson'), 'English');
  app.out.written = '';
  await app.type('\x07t');
  assert.equal(app.screen.canvas.palette.theme.id, 'light');
  assert.match(app.out.written, /48;2;251;251;250/);
  await app.type('\x07m');
  assert.match(app.out.written, /\x1b\[\?1006l.*\x1b\[\?1000l/s);
  await app.type('\x07m');
  assert.match(app.out.written, /\x1b\[\?1000h/);
});

test('picture: tabs, filter, scroll, keys of the panel; a snapshot reaches all tabs', async (t) => {
  const app = await start(t, 120, 36, 'en', false);
  await app.until((shown) => shown.includes('seq 1'), 'the first snapshot');
  app.lab.emit(emptySnapshot(7), [
    { seq: 7, at: 0, kind: 'added', object: 'link', key: 'k', place: 'host', name: 'br0' },
  ]);
  await app.until((shown) => /A \d+x\d+ seq 7 fresh 1/.test(shown), 'a fresh change');
  await app.type('\x073');
  await app.type(']');
  await app.until((shown) => shown.includes('[TabB]') && /B \d+x\d+/.test(shown), 'the second tab');
  await app.type('xx');
  await app.until((shown) => shown.includes('keys xx'), 'keys of the panel');
  await app.type('/');
  await app.type('Br0');
  await app.type('\r');
  await app.until((shown) => shown.includes('filter "br0"') && shown.includes('/br0'), 'the filter');
  await app.type('\x1b');
  await app.until((shown) => shown.includes('filter ""'), 'Esc clears it');
  await app.type('G');
  await app.until((shown) => shown.includes('row 49'), 'the end');
  await app.type('\x1b');
  assert.equal(app.app.view.focus, 'shell', 'Esc leads back to the shell');
});

test('ledger: details, copy by OSC 52, type at the prompt', async (t) => {
  const app = await start(t, 120, 36);
  for (const seq of [1, 2, 3]) app.lab.record({ ...ENTRY, seq, act: `act ${seq}`, command: `ip link set br${seq} up` });
  await app.type('\x074');
  await app.type('k');
  await app.type('\r');
  await app.until((shown) => shown.includes('a bridge appeared') && shown.includes('ip-link(8)'), 'details');
  app.out.written = '';
  await app.type('y');
  assert.ok(app.out.written.includes(`\x1b]52;c;${Buffer.from('ip link set br2 up').toString('base64')}\x07`));
  app.session.written.length = 0;
  await app.type('e');
  assert.deepEqual(app.session.written, ['ip link set br2 up']);
  assert.equal(app.app.view.focus, 'shell');
});

test('mouse: a click focuses, tabs are clicked, the wheel scrolls, a program that asked for the mouse gets it', async (t) => {
  const app = await start(t, 120, 36);
  const { panes } = app.app.painter.arrangement;
  const shell = panes.find((pane) => pane.id === 'shell')!.rect;
  const picture = panes.find((pane) => pane.id === 'picture')!.rect;
  await app.type(`\x1b[<0;${picture.x + 3};${picture.y + 4}M`);
  assert.equal(app.app.view.focus, 'picture');
  const at = app.out.text()[picture.y]!.indexOf('TabB');
  await app.type(`\x1b[<0;${at + 2};${picture.y + 1}M`);
  assert.match(app.out.text().join('\n'), /\[TabB\]/);
  await app.type(`\x1b[<65;${picture.x + 3};${picture.y + 4}M`);
  await app.until((shown) => shown.includes('row 15') && !shown.includes('B 74x'), 'a scrolled picture');
  app.session.print('\x1b[?1002h\x1b[?1006h');
  await app.settle();
  await app.type(`\x1b[<0;${shell.x + 3};${shell.y + 4}M`);
  assert.equal(app.app.view.focus, 'shell');
  app.session.written.length = 0;
  await app.type(`\x1b[<0;${shell.x + 3};${shell.y + 4}M\x1b[<0;${shell.x + 3};${shell.y + 4}m`);
  assert.deepEqual(app.session.written, ['\x1b[<0;2;3M', '\x1b[<0;2;3m']);
  app.session.print('\x1b[?1002l');
  await app.settle();
  app.session.written.length = 0;
  await app.type(`\x1b[<0;${shell.x + 3};${shell.y + 4}M`);
  assert.deepEqual(app.session.written, []);
});

test('function keys of a demo work in the shell pane; others go to the shell', async (t) => {
  const session = new ScriptedSession();
  const ran: string[] = [];
  const commands = [
    { id: 'type', title: { en: 'type next', zh: '输入下一条' }, keys: ['f5'], run: () => void ran.push('f5') },
  ];
  const app = await startApp(80, 24, { lab: new FakeLab(session), lang: 'en', panels: [], commands });
  t.after(() => app.close());
  await app.until(() => session.sizes.length > 0, 'the shell');
  await app.type('\x1b[15~\x1b[17~');
  assert.deepEqual(ran, ['f5']);
  assert.deepEqual(session.written, ['\x1b[17~']);
});

test('shell keys: application mode, paste, CSI-u, prefix twice, scroll back', async (t) => {
  const app = await start(t, 80, 24);
  const typed = async (bytes: string): Promise<string> => {
    app.session.written.length = 0;
    await app.type(bytes);
    return app.session.written.join('');
  };
  assert.equal(await typed('\x1b[A'), '\x1b[A');
  app.session.print('\x1b[?1h');
  await app.settle();
  assert.equal(await typed('\x1b[A'), '\x1bOA');
  assert.equal(await typed('\x1b[13;2u'), '\r');
  assert.equal(await typed('\x07\x07'), '\x07');
  assert.equal(await typed('\x1bb\x1b.'), '\x1bb\x1b.');
  assert.equal(await typed('\x03'), '\x03');
  assert.equal(await typed('\x1b'), '\x1b');
  assert.equal(await typed('\x1b[200~a\nb\x1b[31m\x1b[201~'), 'a\rb[31m');
  app.session.print('\x1b[?2004h');
  await app.settle();
  assert.equal(await typed('\x1b[200~ls\x1b[201~'), '\x1b[200~ls\x1b[201~');
  app.session.print(Array.from({ length: 100 }, (_, i) => `row ${i}\r\n`).join(''));
  await app.until((shown) => shown.includes('row 99'), 'the end');
  await app.type('\x1b[5;2~');
  await app.until((shown) => !shown.includes('row 99') && shown.includes('scrolled up'), 'what scrolled away');
  await app.type('x');
  await app.until((shown) => shown.includes('row 99'), 'the end again');
});

test('the shell ends, and comes back; the lab goes, and a new one comes', async (t) => {
  const session = new ScriptedSession();
  const second = new ScriptedSession();
  const lab = new FakeLab(session, second);
  const app = await startApp(100, 30, { lab, lang: 'en', panels: [] });
  t.after(() => app.close());
  await app.until(() => session.sizes.length > 0, 'the shell');
  session.exit(3);
  await app.until((shown) => shown.includes('exit code 3'), 'the notice');
  await app.type('ls');
  assert.deepEqual(session.written, [], 'nothing is typed into a shell that has ended');
  await app.type('\r');
  await app.until(() => second.sizes.length > 0, 'another shell');
  lab.vanish({ en: 'its pid 1 was killed.', zh: '其 1 号进程被杀死。' });
  await app.until((shown) => shown.includes('its pid 1 was killed'), 'the reason');
  await app.type('\r');
  await app.until((shown) => shown.includes('a new lab is ready'), 'a new lab');
  assert.equal(lab.closed, true);
  assert.equal(second.closed, true);
});

test('quit asks, Esc stays, Enter leaves and restores the terminal', async (t) => {
  const app = await start(t, 80, 24);
  await app.type('\x07q');
  await app.until((shown) => shown.includes('Leave the lab?'), 'the question');
  await app.type('\x1b');
  await app.until((shown) => !shown.includes('Leave the lab?'), 'staying');
  await app.type('\x07q');
  app.out.written = '';
  await app.type('\r');
  await app.closed;
  for (const sequence of ['\x1b[?1049l', '\x1b[?25h', '\x1b[?1000l', '\x1b[?2004l', '\x1b[?7h'])
    assert.ok(app.out.written.includes(sequence), JSON.stringify(sequence));
  assert.equal(app.session.closed, true);
});

test('a ledger entry that arrives while the past ones are fetched is shown once, in its place', async () => {
  const lab = new FakeLab();
  lab.record({ ...ENTRY, seq: 1 });
  lab.record({ ...ENTRY, seq: 2 });
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const past = lab.ledger.bind(lab);
  lab.ledger = async (since) => {
    await held;
    return past(since);
  };
  const seen: number[] = [];
  const link = new LabLink(lab, {
    observed: () => undefined,
    recorded: (entries) => seen.push(...entries.map((entry) => entry.seq)),
    gone: () => undefined,
    failed: (error) => assert.fail(String(error)),
  });
  link.start();
  lab.record({ ...ENTRY, seq: 3 });
  release();
  await new Promise((resolve) => setTimeout(resolve, 10));
  lab.record({ ...ENTRY, seq: 4 });
  assert.deepEqual(seen, [1, 2, 3, 4]);
  link.stop();
  lab.record({ ...ENTRY, seq: 5 });
  assert.deepEqual(seen, [1, 2, 3, 4], 'nothing after the end');
});
