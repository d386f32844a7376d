import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { resolveUser } from '../../engine/container/spec/users.js';

const made: string[] = [];
after(() => {
  for (const path of made) rmSync(path, { recursive: true });
});

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken\napp:x:1000:1000::/home:/bin/sh\napp:x:7:7::/:/bin/sh\nnum:x:abc:1\nbig:x:4294967296:1::/:\n';
const GROUP = 'root:x:0:\napp:x:1000:\nextra:x:2000:root,app\nmore:x:2001:app,other\nbig:x:4294967296:app\n';

function root(passwd: string | null = PASSWD, group: string | null = GROUP): string {
  const path = mkdtempSync(join(tmpdir(), 'users-'));
  made.push(path);
  mkdirSync(join(path, 'etc'));
  if (passwd !== null) writeFileSync(join(path, 'etc/passwd'), passwd);
  if (group !== null) writeFileSync(join(path, 'etc/group'), group);
  return path;
}

describe('who a process is', () => {
  it('by name, number and group, with the groups that the name is in', () => {
    const place = root();
    const rows: readonly [string, readonly string[], number, number, readonly number[]][] = [
      ['', [], 0, 0, [0, 2000]],
      ['root', [], 0, 0, [0, 2000]],
      ['app', [], 1000, 1000, [1000, 2000, 2001]],
      ['1000', [], 1000, 1000, [1000, 2000, 2001]],
      ['app:extra', [], 1000, 2000, [2000]],
      ['app:4242', [], 1000, 4242, [4242]],
      ['1234', [], 1234, 0, [0]],
      ['1234:5678', [], 1234, 5678, [5678]],
      [':extra', [], 0, 2000, [2000]],
      ['1:', [], 1, 0, [0]],
      ['1:2:3', [], 1, 2, [2]],
      ['app', ['more', '77', 'root'], 1000, 1000, [1000, 2000, 2001, 77, 0]],
      ['2147483647', [], 2147483647, 0, [0]],
    ];
    for (const [spec, add, uid, gid, additionalGids] of rows)
      assert.deepEqual(resolveUser(place, spec, add), { uid, gid, additionalGids }, `${spec} ${add.join()}`);
  });

  it('is refused when nobody is called so, or a number is out of range', () => {
    const place = root();
    const range = 'uids and gids must be in range 0-2147483647';
    const rows: readonly [string, readonly string[], string][] = [
      ['nobody', [], 'unable to find user nobody: no matching entries in passwd file'],
      ['num', [], 'unable to find user num: no matching entries in passwd file'],
      ['big', [], 'unable to find user big: no matching entries in passwd file'],
      ['0x0', [], 'unable to find user 0x0: no matching entries in passwd file'],
      [' 0', [], 'unable to find user  0: no matching entries in passwd file'],
      ['app:none', [], 'unable to find group none: no matching entries in group file'],
      ['app', ['none'], 'unable to find group none: no matching entries in group file'],
      ['app', ['big'], 'unable to find group big: no matching entries in group file'],
      ['-1', [], range],
      ['2147483648', [], range],
      ['4294967295', [], range],
      ['4294967296', [], range],
      ['9999999999999999999', [], range],
      ['0:2147483648', [], range],
      ['0', ['-5'], range],
    ];
    for (const [spec, add, message] of rows)
      assert.throws(() => resolveUser(place, spec, add), { message, code: 'InvalidArgument' }, spec);
  });

  it('is never a number that the kernel would take for another, whatever is written', () => {
    const place = root();
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789:-+ aroot'), maxLength: 24 }), (spec) => {
        try {
          const { uid, gid, additionalGids } = resolveUser(place, spec);
          for (const id of [uid, gid, ...additionalGids])
            assert.ok(Number.isInteger(id) && id >= 0 && id <= 2147483647, `${spec} became ${id}`);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'InvalidArgument');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does without files', () => {
    const place = root(null, null);
    assert.deepEqual(resolveUser(place, ''), { uid: 0, gid: 0, additionalGids: [0] });
    assert.deepEqual(resolveUser(place, '5:6'), { uid: 5, gid: 6, additionalGids: [6] });
    assert.throws(() => resolveUser(place, 'root'), /no matching entries in passwd file/);
  });

  it('reads no device, pipe, endless file, nor a file of the machine', { timeout: 600_000 }, () => {
    const outside = root();
    for (const [name, plant] of [
      ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
      ['a directory', (path: string) => mkdirSync(path)],
      ['a huge file', (path: string) => execFileSync('truncate', ['-s', '1G', path])],
    ] as const) {
      const place = root(null);
      plant(join(place, 'etc/passwd'));
      assert.throws(
        () => resolveUser(place, 'app'),
        /\/etc\/passwd of the container is (not a regular file|larger than)/,
        name,
      );
    }
    for (const target of [join(outside, 'etc/passwd'), '../../../../../../../../etc/passwd', '/dev/zero', 'passwd']) {
      const place = root(null);
      symlinkSync(target, join(place, 'etc/passwd'));
      assert.throws(() => resolveUser(place, 'app'), /unable to find user app/, target);
    }
    const place = root(null);
    writeFileSync(join(place, 'users'), PASSWD);
    symlinkSync('/users', join(place, 'etc/passwd'));
    assert.equal(resolveUser(place, 'app').uid, 1000);
  });
});
