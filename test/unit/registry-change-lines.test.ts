import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyChanges } from '../../engine/image/archive/changes.js';
import { expandWord, splitWords } from '../../engine/image/archive/words.js';

/** `%{A}` means a variable in braces, which in a string would look like a template's. */
const braced = (text: string): string => text.replaceAll('%{', '$' + '{');

describe('--change of commit and import', () => {
  const change = (...lines: string[]): ReturnType<typeof applyChanges> =>
    applyChanges({ Env: ['A=one'], Cmd: ['old'], WorkingDir: '/srv' }, lines);

  it('knows every instruction that may be changed', () => {
    assert.deepEqual(change('CMD ["a", "b"]').Cmd, ['a', 'b']);
    assert.deepEqual(change('cmd a $A').Cmd, ['/bin/sh', '-c', 'a $A']);
    assert.deepEqual(change('ENTRYPOINT ["x"]'), { Env: ['A=one'], Cmd: null, WorkingDir: '/srv', Entrypoint: ['x'] });
    assert.deepEqual(change('CMD c', 'ENTRYPOINT e').Cmd, ['/bin/sh', '-c', 'c']);
    assert.deepEqual(change('ENV B=$A C="x y" A=two').Env, ['A=two', 'B=one', 'C=x y']);
    assert.deepEqual(change('ENV D the rest  of it').Env, ['A=one', 'D=the rest  of it']);
    assert.deepEqual(change('EXPOSE 80 53/udp 8000-8001').ExposedPorts, {
      '80/tcp': {},
      '53/udp': {},
      '8000/tcp': {},
      '8001/tcp': {},
    });
    assert.deepEqual(change('LABEL a=1 \'b c\'="2 $A"', 'LABEL old style').Labels, {
      a: '1',
      'b c': '2 one',
      old: 'style',
    });
    assert.equal(change(braced('USER %{A}:0')).User, 'one:0');
    assert.equal(change('WORKDIR a/../b').WorkingDir, '/srv/b');
    assert.equal(change('WORKDIR /x/').WorkingDir, '/x');
    assert.deepEqual(change('VOLUME /a $A', 'VOLUME ["/b"]').Volumes, { '/a': {}, one: {}, '/b': {} });
    assert.equal(change('STOPSIGNAL SIGUSR1').StopSignal, 'SIGUSR1');
    assert.deepEqual(change('ONBUILD RUN x').OnBuild, ['RUN x']);
    assert.deepEqual(change('HEALTHCHECK NONE').Healthcheck, { Test: ['NONE'] });
    assert.deepEqual(
      change(
        'HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 --start-period=1s --start-interval=2s CMD curl x',
      ).Healthcheck,
      {
        Test: ['CMD-SHELL', 'curl x'],
        Interval: 90e9,
        Timeout: 5e8,
        Retries: 3,
        StartPeriod: 1e9,
        StartInterval: 2e9,
      },
    );
  });

  it('reads several lines, comments and broken lines', () => {
    assert.deepEqual(change('# note\n\nENV B=1 \\\n  C=2\nUSER x').Env, ['A=one', 'B=1', 'C=2']);
    assert.deepEqual(applyChanges({}, []), {});
  });

  it('refuses the rest, and says what', () => {
    for (const [line, why] of [
      ['FROM x', 'from is not a valid change command'],
      ['RUN x', 'run is not a valid change command'],
      ['__proto__ x', '__proto__ is not a valid change command'],
      ['constructor x', 'constructor is not a valid change command'],
      ['ENV', 'ENV requires at least one argument'],
      ['ENV A', 'ENV must have two arguments'],
      ['ENV A=1 B', `Syntax error - can't find = in "B". Must be of the form: name=value`],
      ['LABEL =x', 'LABEL names can not be blank'],
      ['EXPOSE', 'EXPOSE requires at least one argument'],
      ['EXPOSE 80/xyz', 'invalid proto: xyz'],
      ['EXPOSE 99999', 'invalid containerPort: 99999'],
      ['EXPOSE 9-8', 'invalid range specified for port: 9-8'],
      ['STOPSIGNAL SIGNOPE', 'invalid signal: SIGNOPE'],
      ['USER', 'USER requires exactly one argument'],
      ['HEALTHCHECK x', 'Unknown type "X" in HEALTHCHECK (try CMD)'],
      ['HEALTHCHECK --interval=x CMD y', 'time: invalid duration "x"'],
      ['ONBUILD ONBUILD x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
      ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
      [braced('USER %{A'), 'failed to process word: syntax error: missing }'],
      [braced('USER %{A:?gone}%{B:?gone}'), 'failed to process word: B: gone'],
    ] as const)
      assert.throws(() => change(line), { code: 'InvalidArgument', message: why }, line);
  });

  it('reads words as a shell does', () => {
    assert.deepEqual(splitWords(`a 'b c'  "d \\" e" f\\ g`), ['a', "'b c'", '"d \\" e"', 'f\\ g']);
    const variables = new Map([
      ['A', 'x'],
      ['E', ''],
    ]);
    for (const [word, expected] of [
      [braced('$A%{A}$Z'), 'xx'],
      [`'$A'"$A"`, '$Ax'],
      ['\\$A', '$A'],
      [braced('%{Z:-%{A:-n}}'), 'x'],
      [braced('%{E:-n}%{E-n}'), 'n'],
      [braced('%{A:+y}%{Z:+y}'), 'y'],
      ['"\\n\\""', '\\n"'],
      ['100$', '100$'],
    ] as const)
      assert.equal(expandWord(word, variables), expected, word);
    const start = performance.now();
    assert.throws(() => expandWord(braced('%{A:-').repeat(5000), variables));
    assert.throws(() => expandWord(`${braced('%{Z:-').repeat(200)}${'}'.repeat(200)}`, variables), {
      message: /nested more than/,
    });
    assert.ok(performance.now() - start < 20_000, 'it took more than twenty seconds');
  });

  it('a label or variable may have any name', () => {
    const { Labels } = change('LABEL __proto__=x');
    assert.deepEqual(Object.entries(Labels ?? {}), [['__proto__', 'x']]);
  });
});
