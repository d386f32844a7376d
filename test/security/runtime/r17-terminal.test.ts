import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, commandLine, noSwitch, onTerminal, quoted, runtime, started } from './attack.js';
import { perl } from './perl.js';

/** CVE-2017-5226, CVE-2019-10063: TIOCSTI puts characters into the input of a terminal, which the caller's shell reads later. */
const INJECT = perl(`
  sub inject { my ($route, $h) = @_; return told $route, 'none' unless ref $h;
    my $sent = 0; for my $byte (split //, "injected\\n") { $sent++ if ioctl($h, 0x5412, my $copy = $byte) } told $route, $sent ? "sent $sent" : name() }
  # a session of its own, and the terminal that came along taken as its own
  my $pid = fork; unless ($pid) { sys('setsid'); ioctl(STDIN, 0x540e, 0); inject('taken', \\*STDIN); exit 0 } waitpid $pid, 0;
  inject('stdin', \\*STDIN); inject('stdout', \\*STDOUT);
  inject($_, opened($_, 2)) for '/dev/tty', '/dev/console', '/dev/pts/0';
`);

/** Run commands one after the other on a terminal of their own, then read what was typed on it, as a shell would. */
function typedAfter(
  commands: readonly (readonly string[])[],
  off: readonly string[] = [],
): { typed: string; said: string } {
  // the terminal does not echo, so that what is printed about it is all that mentions it
  const script = `stty -echo; ${commands.map(quoted).join('; ')}; IFS= read -r -t 1 line; echo "typed=<$line>"`;
  const { stdout: said } = onTerminal(quoted(['bash', '-c', script]), { off });
  const typed = /typed=<(.*)>/.exec(said)?.[1];
  assert.ok(typed !== undefined, `it did not come to its end: ${said}`);
  return { typed, said };
}

function target(terminal: boolean): Bundle {
  return bundle((config) => {
    config.process.terminal = terminal;
    config.process.args = INJECT;
  });
}

const runs = ({ directory, id }: Bundle): readonly string[] => commandLine(['run', '--bundle', directory, id]);

const LEGACY = '/proc/sys/dev/tty/legacy_tiocsti';
const allowed: false | string =
  !existsSync(LEGACY) || readFileSync(LEGACY, 'utf8').trim() === '1'
    ? false
    : `${LEGACY} is 0: the kernel forbids it to everyone`;

attacks(import.meta.url, "R17: typing on the caller's terminal", () => {
  for (const terminal of [true, false])
    test(`CVE-2017-5226: run ${terminal ? 'with a terminal of its own' : "on the caller's terminal"} types nothing there`, () => {
      const { typed, said } = typedAfter([runs(target(terminal))]);
      assert.match(said, /^stdin: /m, 'the attack did not run');
      assert.equal(typed, '', said);
      if (!terminal) assert.doesNotMatch(said, /: sent /, "it has a terminal, and that can only be the caller's");
    });

  for (const options of [['--tty'], []])
    test(`CVE-2017-5226: exec ${options.join(' ')} types nothing on the caller's terminal`, () => {
      const container = started(
        bundle((config) => {
          config.process.args = ['sleep', '60'];
        }),
      );
      try {
        const { typed, said } = typedAfter([commandLine(['exec', ...options, container.id, ...INJECT])]);
        assert.match(said, /^stdin: /m, 'the attack did not run');
        assert.equal(typed, '', said);
      } finally {
        container.stop();
      }
    });

  test('CVE-2017-5226 twin: without a container the same command types', { skip: allowed }, () => {
    assert.equal(typedAfter([INJECT]).typed, 'injected');
  });

  test("CVE-2017-5226 twin: in the caller's session the container types", { skip: noSwitch || allowed }, () => {
    const container = target(false);
    // what is typed while the runtime runs, the runtime itself may read before the shell does
    const { said } = typedAfter([runs(container)], ['own-session']);
    runtime(['delete', '--force', container.id]);
    assert.match(said, /^\/dev\/tty: sent 9$/m);
  });
});
