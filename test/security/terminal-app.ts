/**
 * Runs on a terminal: lets an attack loose in a lab, on that very terminal, and prints afterwards what the next reader of
 * the terminal, a shell for example, would take for typed. Arguments: `strong` or `weak` (without the filter), `group` or `new`.
 */
import { execProgram } from '../../engine/labhost/exec-program.js';
import { takeForeground } from '../../engine/labhost/foreground.js';
import { withLab } from '../helpers/labs.js';
import { runProgramInLab, without } from './attack.js';

const [strength, session] = process.argv.slice(2);
const ATTACK = `
  for my $way (['stdin', \\*STDIN], ['stdout', \\*STDOUT], ['/dev/tty', do { open(my $t, '+<', '/dev/tty'); $t }]) {
    my ($name, $handle) = @$way;
    unless ($handle && defined fileno $handle) { print "$name: none\\n"; next }
    my $sent = 0;
    for my $byte (split //, "injected\\n") { $sent++ if ioctl($handle, 0x5412, $byte) }
    printf "%s: %d %s\\n", $name, $sent, $!;
  }
  my $high = syscall(${process.arch === 'arm64' ? 29 : 16}, 0, 0x100005412, my $b = "x");
  print "wide command: $high\\n";
  my $linux = syscall(${process.arch === 'arm64' ? 29 : 16}, 0, 0x541c, my $c = "\\x02");
  print "console: $linux\\n";
`;

await withLab(async (lab) => {
  const built = execProgram({
    argv: ['perl', '-e', ATTACK],
    env: ['PATH=/usr/bin:/bin'],
    cwd: '/',
    stdio: [0, 1, 2],
    session: session === 'group' ? 'group' : 'new',
    tty: session === 'group',
    initPidfd: lab.pidfd,
    netFd: null,
    manyIds: true,
  });
  const program = strength === 'weak' ? without(built.program, ({ syscall }) => syscall === 'seccomp') : built.program;
  const status = await runProgramInLab(lab, { ...built, program });
  process.stdout.write(`exit ${status.exitCode}\n`);
});
takeForeground();
let typed = '';
process.stdin.on('data', (bytes) => {
  typed += bytes.toString();
});
setTimeout(() => {
  process.stdout.write(`typed: ${JSON.stringify(typed)}\n`);
  process.exit(0);
}, 300);
