import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { instantiate } from '../../src/lesson/instantiate.js';
import { digestOf, parseProse, shellLines } from '../../src/lesson/prose.js';
import { LessonError, loadLessonSource } from '../../src/lesson/source.js';
import { chooseVariables, fill, inCidr } from '../../src/lesson/variables.js';
import { cpuTimer } from '../helpers/cpu-time.js';

const guide = readFileSync(new URL('../../docs/lesson-authoring.md', import.meta.url), 'utf8');

/** The guide's worked example: what authors copy must load. */
function example(): { yaml: string; en: string; zh: string } {
  const yaml = /`lessons\/06-veth\/lesson\.yaml`\n\n```yaml\n([\s\S]*?)\n```\n/.exec(guide)![1]!;
  const en = /`lessons\/06-veth\/text\.en\.md`\n\n````markdown\n([\s\S]*?)\n````/.exec(guide)![1]!;
  const zh = /`lessons\/06-veth\/text\.zh\.md`\n\n````markdown\n([\s\S]*?)\n````/.exec(guide)![1]!;
  return { yaml, en, zh: zh.replace(/sha256:0{64}/, `sha256:${digestOf(en)}`) };
}

function withLesson<T>(files: { yaml?: string; en?: string; zh?: string }, use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'lesson-'));
  try {
    const base = example();
    writeFileSync(join(directory, 'lesson.yaml'), files.yaml ?? base.yaml);
    writeFileSync(join(directory, 'text.en.md'), files.en ?? base.en);
    const zh = files.zh ?? (files.en === undefined ? base.zh : base.zh.replace(digestOf(base.en), digestOf(files.en)));
    writeFileSync(join(directory, 'text.zh.md'), zh);
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function problems(files: { yaml?: string; en?: string; zh?: string }): string[] {
  return withLesson(files, (directory) => {
    try {
      loadLessonSource(directory);
      return [];
    } catch (error) {
      assert.ok(error instanceof LessonError, String(error));
      return error.problems.map(
        (problem) => `${problem.file.slice(directory.length + 1)}:${problem.line}: ${problem.message}`,
      );
    }
  });
}

test("the guide's example loads and is filled", () => {
  withLesson({}, (directory) => {
    const source = loadLessonSource(directory);
    const lesson = instantiate(source, 'alice', { cgroup: 'v1', cgroupRoot: '/sys/fs/cgroup' });
    assert.equal(lesson.id, 'veth');
    assert.equal(lesson.title.zh, '连接两个世界的网线');
    assert.deepEqual(
      lesson.steps.map((step) => step.id),
      ['look', 'make-r1', 'join'],
    );
    assert.equal(lesson.steps[1]!.solutions[0]!.run[0]!.run, 'ip netns add r1');
    assert.deepEqual(lesson.steps[2]!.keep, [{ step: 'make-r1', goal: null }]);
  });
});

test('a wrong key gets its line and "did you mean"', () => {
  const { yaml } = example();
  const found = problems({ yaml: yaml.replace('    kind: predict', '    kind: predict\n    solutoins: []') });
  assert.equal(found.length, 1, found.join('\n'));
  const line = yaml.split('\n').findIndex((text) => text.includes('kind: predict')) + 2;
  assert.equal(found[0], `lesson.yaml:${line}: steps[0]: unknown key solutoins: did you mean solutions?`);
});

test('a wrong check kind, a wrong step kind, a wrong kind of value', () => {
  const { yaml } = example();
  assert.match(
    problems({ yaml: yaml.replace('namespace: {kind: net, name: "{{r1}}"}}', 'namespase: {kind: net}}') }).join('\n'),
    /unknown key namespase: did you mean namespace\?/,
  );
  assert.match(problems({ yaml: yaml.replace('kind: do', 'kind: doo') }).join('\n'), /unknown value "doo"/);
  assert.match(
    problems({ yaml: yaml.replace('number: 6', 'number: six') }).join('\n'),
    /lesson\.yaml:3: number: must be integer/,
  );
  assert.match(
    problems({ yaml: yaml.replace('kind: net, name: "{{r1}}"}}', 'kind: net, name: r1}, link: {in: r1}}') }).join('\n'),
    /exactly one kind, found namespace and link/,
  );
});

test('yaml is bounded: duplicate keys, alias bombs, size, bad encoding', () => {
  const { yaml } = example();
  assert.match(problems({ yaml: `${yaml}\nid: again\n` }).join('\n'), /unique/i);
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map(
      (name, index) =>
        `${name}: &${name} [${Array(9)
          .fill(`*${String.fromCharCode(97 + index)}`)
          .join(',')}]`,
    ),
  ].join('\n');
  const spent = cpuTimer();
  assert.match(problems({ yaml: bomb }).join('\n'), /alias/i);
  assert.ok(spent() < 2000, `took ${spent()} ms`);
  assert.match(problems({ yaml: `${yaml}\n# ${'x'.repeat(300_000)}` }).join('\n'), /too large/);
  assert.match(problems({ yaml: 'steps: [' }).join('\n'), /lesson\.yaml:1:/);
});

test('prose keys must be complete in both languages, and the translation fresh', () => {
  const { en, zh } = example();
  assert.match(
    problems({ en: en.replace('### hint: not-up\n', '### hint: notup\n') }).join('\n'),
    /no `### hint: not-up`/,
  );
  assert.match(
    problems({ zh: zh.replace('## step: make-r1 |', '## step: make-r2 |') }).join('\n'),
    /no prose for step make-r1/,
  );
  assert.match(
    problems({
      zh: zh.replace(/sha256:./, 'sha256:f').replace(/sha256:f[0-9a-f]{63}/, `sha256:${'f'.repeat(64)}`),
    }).join('\n'),
    /stale/,
  );
  assert.match(problems({ en: `${en}\n{{nosuch}}` }).join('\n'), /unknown placeholder \{\{nosuch\}\}/);
  assert.match(problems({ zh: zh.replace('### option: copy\n', '') }).join('\n'), /option: copy/);
});

test('references: keep, hints, ladder', () => {
  const { yaml } = example();
  assert.match(
    problems({ yaml: yaml.replace('keep: [make-r1]', 'keep: [make-r2]') }).join('\n'),
    /no earlier step make-r2: did you mean make-r1\?/,
  );
  assert.match(
    problems({
      yaml: yaml
        .replace('hint: both-outside}', 'hint: both}')
        .replace('          hint: both-outside', '          hint: both-outsid'),
    }).join('\n'),
    /no hint both-outsid: did you mean both-outside\?/,
  );
  assert.match(problems({ yaml: yaml.replace('which-verb, solution]', 'which-verb, last]') }).join('\n'), /last rung/);
});

test('headings inside fenced code are text, continued lines are joined', () => {
  const { text, problems: found } = parseProse(
    '# T\nintro\n## step: a | A\n```bash\n# comment\n## step: b | B\nip link \\\n  show\n```\n',
    'x.md',
  );
  assert.deepEqual(found, []);
  assert.deepEqual(Object.keys(text.steps), ['a']);
  assert.deepEqual(shellLines(text.steps['a']!.body), [{ run: 'ip link   show', fails: false }]);
});

test('variables depend on the seed and on nothing else', () => {
  const specs = {
    net: { subnet: { from: '10.64.0.0/10', prefix: 24 } },
    n: { integer: { min: 3, max: 9 } },
    up: { text: '{{n}}-{{net.2/}}' },
  };
  const choose = (seed: string): Record<string, string> =>
    chooseVariables(specs, { seed, lesson: 'l', cgroup: 'v1', builtin: {} });
  assert.deepEqual(choose('a'), choose('a'));
  const all = new Set(Array.from({ length: 50 }, (_, index) => choose(String(index))['net']));
  assert.ok(all.size > 40);
  for (const net of all) assert.ok(inCidr(net!.split('/')[0]!, '10.64.0.0/10'), net);
  const vars = choose('a');
  assert.equal(vars['up'], `${vars['n']}-${fill('{{net.2}}', vars).text}/24`);
  assert.equal(fill('\\{{x}} {{y}}', { x: '1' }).text, '{{x}} {{y}}');
});
