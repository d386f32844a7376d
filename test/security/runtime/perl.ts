import { SYSCALLS } from '../../../engine/kernel/syscall-table.js';

const column = process.arch === 'arm64' ? 1 : 0;
const numbers = Object.entries(SYSCALLS)
  .map(([name, at]) => `${name}=>${at[column]}`)
  .join(',');

/**
 * The attacker's assembler: perl is on every Debian and issues any system call. `sys(name => args…)` answers a value or an
 * errno's name (a string is passed as its address, and the kernel may write into it), `opened(path, mode)` a handle or an errno's name, `told(route, answer)` prints the line that `routes` reads.
 */
const PRELUDE = `
use strict; use warnings; no warnings qw(misc once); use Errno; $| = 1;
my %nr = (${numbers});
sub name { my $n = $! + 0; for (sort keys %!) { return $_ if $!{$_} } return "errno $n" }
sub sys { my $call = shift; my $r = syscall($nr{$call}, map { /^-?\\d+\\z/ ? $_ + 0 : unpack('J', pack('p', $_)) } @_); return $r < 0 ? name() : $r }
sub opened { my ($path, $mode) = @_; sysopen(my $h, $path, $mode) or return name(); return $h }
sub told { my ($route, $answer) = @_; $answer = 'OPENED' if ref $answer; print "$route: $answer\\n" }
sub slurp { my ($path) = @_; open(my $h, '<', $path) or return name(); local $/; my $t = <$h>; return $t // '' }
`;

/** The command that runs a perl script with the prelude. */
export function perl(script: string, ...argv: readonly string[]): string[] {
  return ['perl', '-e', PRELUDE + script, ...argv];
}
