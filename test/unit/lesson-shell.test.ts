import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Session } from '../../engine/api/types.js';
import { OscParser, plainOutput, type ShellMark } from '../../src/lesson/shell/osc.js';
import { shellRc } from '../../src/lesson/shell/rc.js';
import { ShellSession } from '../../src/lesson/shell/shell-session.js';

function marks(chunks: readonly string[]): { marks: ShellMark[]; text: string } {
  const parser = new OscParser();
  const parts = chunks.flatMap((chunk) => parser.feed(chunk));
  return {
    marks: parts.flatMap((part) => ('mark' in part ? [part.mark] : [])),
    text: parts.map((part) => ('text' in part ? part.text : '')).join(''),
  };
}

const STREAM =
  'a\u001b]633;E;ls \\x3b pwd;beef\u0007\u001b]133;C\u0007out\r\n\u001b]0;title\u0007\u001b]133;D;3\u001b\\\u001b]133;A\u0007lab$ \u001b]133;B\u0007';

test('marks are found wherever the stream is cut', () => {
  const whole = marks([STREAM]);
  assert.deepEqual(
    whole.marks.map((mark) => mark.kind),
    ['command', 'output-start', 'done', 'prompt-start', 'prompt-end'],
  );
  assert.deepEqual(whole.marks[0], { kind: 'command', line: 'ls ; pwd', nonce: 'beef' });
  assert.deepEqual(whole.marks[2], { kind: 'done', exitCode: 3 });
  for (let cut = 1; cut < STREAM.length; cut += 1) {
    const both = marks([STREAM.slice(0, cut), STREAM.slice(cut)]);
    assert.deepEqual(both.marks, whole.marks, `cut at ${cut}`);
    assert.equal(both.text, whole.text, `cut at ${cut}`);
  }
});

test('no stream makes the parser throw, lose text or hold more than its bound', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('\u001b', ']', '\u0007', '\\', '1', '3', ';', 'E', 'x', '中') })),
      (chunks) => {
        marks(chunks);
      },
    ),
    { numRuns: 500 },
  );
  const parser = new OscParser();
  parser.feed('\u001b]');
  let passed = 0;
  for (let index = 0; index < 40; index += 1) passed += parser.feed('x'.repeat(4096)).length;
  assert.ok(passed > 0, 'an endless sequence is let through');
});

test('plain output: escapes go, carriage returns and backspaces overwrite', () => {
  assert.equal(plainOutput('\u001b[31mred\u001b[0m\r\n10%\r50%\r\nab\bc\u001b]0;t\u0007!'), 'red\n50%\nac!');
});

/** A session whose program is the test. */
class FakeSession implements Session {
  readonly id = 's';
  #data: (bytes: Uint8Array) => void = () => undefined;
  written = '';
  onWrite: (text: string) => void = () => undefined;
  onData(listener: (bytes: Uint8Array) => void): void {
    this.#data = listener;
  }
  onExit(): void {
    return;
  }
  say(text: string): void {
    this.#data(Buffer.from(text));
  }
  write(bytes: Uint8Array | string): void {
    const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    this.written += text;
    this.onWrite(text);
  }
  resize(): void {
    return;
  }
  pause(): void {
    return;
  }
  resume(): void {
    return;
  }
  close(): void {
    return;
  }
}

const PROMPT = '\u001b]133;A\u0007$ \u001b]133;B\u0007';
const ran = (line: string, output: string, exit: number, nonce = 'beef'): string =>
  `\u001b]633;E;${line};${nonce}\u0007\u001b]133;C\u0007${output}\u001b]133;D;${exit}\u0007${PROMPT}`;

test('commands of the learner are told with output and status; lines of the lesson are not', async () => {
  const raw = new FakeSession();
  const shell = new ShellSession(raw);
  const told: string[] = [];
  shell.onCommand((command) => told.push(`${command.line} ${command.exitCode} ${command.output}`));
  raw.say(PROMPT);
  raw.onWrite = (text) => raw.say(ran(text.trim(), 'hello\r\n', 0));
  assert.deepEqual(await shell.run('setup'), { exitCode: 0, output: 'hello', timedOut: false, ended: false });
  assert.deepEqual(told, []);
  assert.equal((await shell.run('mine', { asLearner: true })).output, 'hello');
  assert.deepEqual(told, ['mine 0 hello']);
});

test('a program that prints marks of its own is not believed without the nonce', async () => {
  const raw = new FakeSession();
  const shell = new ShellSession(raw);
  const told: string[] = [];
  shell.onCommand((command) => told.push(command.line));
  raw.say(PROMPT);
  raw.say(ran('true', '', 0));
  raw.say(ran('cat evil', '\u001b]633;E;rm -rf ~;dead\u0007\u001b]133;C\u0007', 0));
  assert.deepEqual(told, ['true', 'cat evil']);
});

test('a shell without command marks still gives its output, without the echo', async () => {
  const raw = new FakeSession();
  const shell = new ShellSession(raw);
  raw.say(PROMPT);
  raw.onWrite = (text) => raw.say(`${text.trim()}\r\n/bin\r\n\u001b]133;D;0\u0007${PROMPT}`);
  assert.deepEqual(await shell.run('ls'), { exitCode: 0, output: '/bin', timedOut: false, ended: false });
});

test('a line that never ends is interrupted', async () => {
  const raw = new FakeSession();
  const shell = new ShellSession(raw);
  raw.say(PROMPT);
  raw.onWrite = (text) => {
    if (text === '\u0003') raw.say(`^C\u001b]133;D;130\u0007${PROMPT}`);
  };
  const result = await shell.run('sleep 999', { timeoutMs: 50 });
  assert.deepEqual([result.timedOut, result.exitCode], [true, 130]);
});

test('the view gets what was printed before it came, and nothing while muted', () => {
  const raw = new FakeSession();
  const shell = new ShellSession(raw);
  raw.say('early');
  shell.mute(true);
  raw.say('hidden');
  shell.mute(false);
  let seen = '';
  shell.view().onData((bytes) => (seen += Buffer.from(bytes).toString()));
  raw.say('late');
  assert.equal(seen, 'earlylate');
});

test('the start-up file takes a hexadecimal nonce and nothing else', () => {
  assert.match(shellRc('0123456789abcdef'), /__glassbox_nonce=0123456789abcdef\n/);
  assert.throws(() => shellRc('$(reboot)'));
});
