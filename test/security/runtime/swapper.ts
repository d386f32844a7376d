import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beside } from './attack.js';
import { perl } from './perl.js';

/** A volume that is shared with an attacker, and a directory of the machine that nothing of a container may reach. */
export interface SharedVolume {
  readonly volume: string;
  readonly outside: string;
}

export function sharedVolume(): SharedVolume {
  mkdirSync('/run/shared', { recursive: true });
  const outside = mkdtempSync('/run/shared/outside-');
  return { volume: mkdtempSync('/run/shared/volume-'), outside };
}

/**
 * Another container that shares the volume, as seen by its kernel: the two names in it are exchanged for as long as the
 * process runs, renameat2(2) with RENAME_EXCHANGE, so that there is no moment in which one of them is missing.
 */
export function exchange(volume: string, first: string, second: string): ReturnType<typeof beside> {
  return beside(
    perl(
      `my ($one, $two) = @ARGV; my $end = getppid;
       while (getppid == $end) { for (1 .. 200) { syscall($nr{renameat2}, -100, $one, -100, $two, 2) == 0 or die name() } select undef, undef, undef, 0.0005 }`,
      join(volume, first),
      join(volume, second),
    ) as [string, ...string[]],
  );
}

/** `name`, a directory, and `link`, a symbolic link out of the container's root. */
export function directoryAndLink({ volume, outside }: SharedVolume, name: string): void {
  mkdirSync(join(volume, name));
  symlinkSync(outside, join(volume, 'link'));
}
