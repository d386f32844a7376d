import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { routes } from '../attack.js';
import { attacks, bundle, noSwitch, printed } from './attack.js';
import { DOCKER_CAPABILITY_MASK, MASKED_PATHS, READONLY_PATHS } from './docker-defaults.js';
import { perl } from './perl.js';

/** What the process of a container sees of its own walls. */
const LOOK = perl(
  `
  for (split /\\n/, slurp('/proc/self/status')) { told $1, $2 if /^(Cap\\w+|NoNewPrivs|Seccomp):\\s*(\\S+)/ }
  my %mounted;
  for (split /\\n/, slurp('/proc/self/mountinfo')) { my @f = split / /; $mounted{$f[4]} = $f[5] =~ /^ro\\b/ ? 'ro' : 'rw' }
  for my $path (@ARGV) {
    my @s = lstat $path; unless (@s) { told $path, 'absent'; next }
    my $empty = -d _ ? do { opendir(my $d, $path); scalar(grep { !/^\\.\\.?$/ } readdir $d) ? 'FULL' : 'empty' }
      : -c _ && $s[6] == 259 ? 'null' : do { my $h = opened($path, 0); ref $h && sysread($h, my $b, 1) ? 'FULL' : 'no null' };
    told $path, "$empty " . ($mounted{$path} // 'unmounted');
  }
`,
  ...MASKED_PATHS,
  ...READONLY_PATHS,
);

attacks(import.meta.url, "R18: Docker's defaults", () => {
  test('R18: fourteen capabilities, none inheritable or ambient; every path that exists is masked or read-only', () => {
    const seen = routes(
      printed(
        bundle((config) => {
          config.process.args = LOOK;
        }),
      ),
    );
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) assert.equal(seen.get(set), DOCKER_CAPABILITY_MASK, set);
    for (const set of ['CapInh', 'CapAmb']) assert.equal(seen.get(set), '0'.repeat(16), set);
    let existing = 0;
    for (const path of MASKED_PATHS) {
      assert.match(seen.get(path) ?? '', existsSync(path) ? /^(empty ro|null r[wo])$/ : /^absent$/, path);
      existing += existsSync(path) ? 1 : 0;
    }
    assert.ok(existing >= 4, 'this kernel has next to nothing to mask: the test proves nothing');
    for (const path of READONLY_PATHS.filter(existsSync))
      assert.match(seen.get(path) ?? '', / ro$/, `${path}: ${seen.get(path)}`);
  });

  test('R18 twin: a configuration without the lists, and with every capability, lies open', () => {
    const seen = routes(
      printed(
        bundle((config) => {
          config.process.args = LOOK;
          config.linux.maskedPaths = [];
          config.linux.readonlyPaths = [];
          for (const set of ['bounding', 'effective', 'permitted'] as const)
            config.process.capabilities?.[set]?.push('CAP_SYS_ADMIN');
        }),
      ),
    );
    assert.notEqual(seen.get('CapEff'), DOCKER_CAPABILITY_MASK);
    assert.match(seen.get('/proc/timer_list') ?? '', /^(FULL|no null)/);
    assert.doesNotMatch(seen.get('/proc/sysrq-trigger') ?? '', / ro$/);
  });

  test('R18 twin: undropped, the bounding set is whole', { skip: noSwitch }, () => {
    const seen = routes(
      printed(
        bundle((config) => {
          config.process.args = LOOK;
        }),
        { off: ['bounding-drop'] },
      ),
    );
    assert.notEqual(seen.get('CapBnd'), DOCKER_CAPABILITY_MASK);
  });
});
