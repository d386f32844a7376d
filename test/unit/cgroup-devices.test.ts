import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BPF, type BpfInstruction, compileDeviceTable, encodeProgram } from '../../engine/cgroup/device-bpf.js';
import {
  ALWAYS_ALLOWED,
  DeviceTable,
  MKNOD,
  READ,
  ruleText,
  WRITE,
  withAlwaysAllowed,
} from '../../engine/cgroup/device-rules.js';
import type { DeviceRule } from '../../engine/cgroup/resources.js';

/** `+c 1:3 rw`, `-a *:* rwm`. */
function rule(text: string): DeviceRule {
  const [, sign, type, major, minor, access] = /^([+-])([abc]) (\*|\d+):(\*|\d+) ([rwm]*)$/.exec(text) ?? [];
  assert.ok(access !== undefined, `not a rule: ${text}`);
  const number = (n: string | undefined): number => (n === '*' ? -1 : Number(n));
  return { allow: sign === '+', type: type as 'a', major: number(major), minor: number(minor), access };
}
const table = (...rules: string[]): DeviceTable => DeviceTable.of(rules.map(rule));
const written = (rules: readonly DeviceRule[]): string[] =>
  rules.map((one) => `${one.allow ? '+' : '-'}${ruleText(one)}`);

describe('device rules', () => {
  it('deny all until told otherwise, and add up by device', () => {
    assert.deepEqual(table().exceptions, []);
    assert.equal(table().allowsAll, false);
    const { exceptions } = table('-a *:* rwm', '+c 1:3 r', '+c 1:3 w', '+b 8:0 m', '-c 1:3 r', '+c 5:* rwm');
    assert.deepEqual(exceptions, [
      { type: 'c', major: 1, minor: 3, access: WRITE },
      { type: 'c', major: 5, minor: -1, access: READ | WRITE | MKNOD },
      { type: 'b', major: 8, minor: 0, access: MKNOD },
    ]);
    assert.equal(table('+c 1:3 r', '+a *:* rwm').exceptions.length, 0, 'a rule for all begins anew');
    assert.deepEqual(table('+a *:* rwm', '-c 1:3 w', '+c 1:3 w').exceptions, []);
  });

  it('refuse to take a part of a wildcard back, which v1 would silently keep', () => {
    for (const wider of ['c *:* rm', 'c 10:* r', 'c *:200 r'])
      assert.throws(() => table(`+${wider}`, '-c 10:200 r'), /cannot punch a hole in the wildcard rule/, wider);
    assert.doesNotThrow(() => table('+c *:* m', '-c 10:200 rw'), 'other rights of the same device');
    assert.deepEqual(table('+c *:* m', '-c *:* m').exceptions, []);
    assert.throws(() => table('+a *:* rwm', '-c *:* w', '+c 1:3 w'), /punch a hole/);
  });

  it('leave letters out that mean nothing, as runc does', () => {
    assert.deepEqual(
      DeviceTable.of([{ allow: true, type: 'c', major: 1, minor: 11, access: 'rxa' }]),
      table('+c 1:11 r'),
    );
    assert.deepEqual(DeviceTable.of([{ allow: true, type: 'c', major: 1, minor: 11, access: 'x' }]), table());
  });

  it('change from one table to another by as few writes as can be', () => {
    const change = (from: DeviceTable, to: DeviceTable): string[] => written(from.transitionTo(to));
    assert.deepEqual(change(table('+a *:* rwm'), table('+c 1:3 rwm', '+b 8:0 r')), [
      '-a *:* rwm',
      '+c 1:3 rwm',
      '+b 8:0 r',
    ]);
    assert.deepEqual(change(table('+c 1:3 rwm', '+b 8:0 r'), table('+c 1:3 rw', '+b 8:1 r')), [
      '-c 1:3 m',
      '-b 8:0 r',
      '+b 8:1 r',
    ]);
    assert.deepEqual(change(table('+c 1:3 rwm'), table('+c 1:3 rwm')), []);
    assert.deepEqual(change(table('+c 1:3 rwm'), table('+a *:* rwm', '-c 1:5 w')), ['+a *:* rwm', '-c 1:5 w']);
    // what a table that allows all denies cannot be read back
    assert.deepEqual(change(table('+a *:* rwm'), table('+a *:* rwm')), ['+a *:* rwm']);
  });

  it('are what devices.list shows', () => {
    const shown = DeviceTable.parse('b *:* m\nc 1:3 rwm\nc 136:* rw\n');
    assert.ok(shown.shows(table('+c 136:* rw', '+c 1:3 rwm', '+b *:* m')), 'the same in another order');
    assert.ok(!shown.shows(table('+c 136:* rw', '+c 1:3 rwm')), 'one is missing');
    assert.ok(DeviceTable.parse('a *:* rwm').allowsAll, 'all');
    assert.throws(() => DeviceTable.parse('c 1:x rwm'), /unexpected line in devices.list: c 1:x rwm/);
  });

  it("of the runtime follow the configuration's, but for the devices that it has itself", () => {
    const own = rule('-a *:* rwm');
    const all = withAlwaysAllowed([own], []);
    assert.deepEqual(all, [own, ...ALWAYS_ALLOWED.map((one) => one.rule)]);
    const less = withAlwaysAllowed([own], [{ path: '/dev/null' }, { path: '/dev/fuse' }]);
    assert.deepEqual(
      written(all).filter((text) => !written(less).includes(text)),
      ['+c 1:3 rwm'],
    );
  });
});

/** What the kernel's interpreter does with these instructions, on 32-bit registers; anything else throws. */
function run(program: readonly BpfInstruction[], context: readonly [number, number, number]): number {
  const registers = new Uint32Array(11);
  for (let at = 0, steps = 0; ; at++, steps++) {
    const one = program[at];
    assert.ok(one !== undefined, `instruction ${at} is behind the end`);
    assert.ok(steps <= program.length, 'the program does not end');
    const { code, dst, src, offset, imm } = one;
    const a = registers[dst] ?? 0;
    const b = registers[src] ?? 0;
    switch (code) {
      case BPF.LOAD_WORD:
        assert.equal(src, 1, 'only the context is loaded from');
        registers[dst] = context[(offset / 4) as 0 | 1 | 2];
        break;
      case BPF.MOVE:
        registers[dst] = b;
        break;
      case BPF.MOVE_IMM:
        registers[dst] = imm;
        break;
      case BPF.AND_IMM:
        registers[dst] = a & imm;
        break;
      case BPF.SHIFT_RIGHT_IMM:
        registers[dst] = a >>> imm;
        break;
      case BPF.JUMP_NE_IMM:
        if (a !== imm >>> 0) at += offset;
        break;
      case BPF.JUMP_EQ_IMM:
        if (a === imm >>> 0) at += offset;
        break;
      case BPF.JUMP_NE:
        if (a !== b) at += offset;
        break;
      case BPF.EXIT:
        return registers[0] ?? 0;
      default:
        assert.fail(`unknown operation ${code} at ${at}`);
    }
  }
}

/** security/device_cgroup.c, devcgroup_legacy_check_permission. */
function reference(rules: DeviceTable, type: 'b' | 'c', major: number, minor: number, access: number): boolean {
  const about = rules.exceptions.filter(
    (one) => one.type === type && (one.major < 0 || one.major === major) && (one.minor < 0 || one.minor === minor),
  );
  return rules.allowsAll
    ? !about.some((one) => (one.access & access) !== 0)
    : about.some((one) => (access & ~one.access) === 0);
}

const NUMBERS = [0, 1, 5, 255, 1_048_575];

function compareAll(rules: DeviceTable, what: string): number {
  const program = compileDeviceTable(rules);
  let questions = 0;
  for (const type of ['b', 'c'] as const)
    for (const major of NUMBERS)
      for (const minor of NUMBERS)
        for (let access = 1; access <= 7; access++, questions++) {
          const answer = run(program, [(type === 'b' ? 1 : 2) | (access << 16), major, minor]);
          const expected = reference(rules, type, major, minor, access) ? 1 : 0;
          assert.equal(answer, expected, `${what}: ${type} ${major}:${minor} access ${access}`);
        }
  return questions;
}

describe('the program for v2', () => {
  const places = ['*:*', '1:*', '*:5', '1:5', '255:1048575'];
  const rights = ['r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm'];

  it('answers as v1 would, for every single rule on either ground', () => {
    let questions = 0;
    for (const ground of ['-a *:* rwm', '+a *:* rwm'])
      for (const type of ['b', 'c'])
        for (const place of places)
          for (const access of rights) {
            const exception = `${ground.startsWith('-') ? '+' : '-'}${type} ${place} ${access}`;
            questions += compareAll(table(ground, exception), `${ground}, ${exception}`);
          }
    assert.equal(questions, 2 * 2 * places.length * rights.length * 2 * 25 * 7);
  });

  it('answers as v1 would for every pair of rules', () => {
    for (const ground of ['-a *:* rwm', '+a *:* rwm']) {
      const sign = ground.startsWith('-') ? '+' : '-';
      const some = places.flatMap((place) => ['r', 'wm', 'rwm'].map((access) => `${sign}c ${place} ${access}`));
      for (const first of some)
        for (const second of some)
          compareAll(table(ground, first, second, `${sign}b 1:5 rw`), `${ground}, ${first}, ${second}`);
    }
  });

  it("answers for Docker's rules", () => {
    const docker = DeviceTable.of(
      withAlwaysAllowed(['-a *:* rwm', '+c 5:1 rwm', '-c 10:229 rw'].map(rule), [{ path: '/dev/null' }]),
    );
    const program = compileDeviceTable(docker);
    const asks = (type: number, access: number, major: number, minor: number): number =>
      run(program, [type | (access << 16), major, minor]);
    assert.equal(asks(2, READ | WRITE, 1, 9), 1, '/dev/urandom');
    assert.equal(asks(2, MKNOD, 240, 7), 1, 'any node may be made');
    assert.equal(asks(2, READ, 240, 7), 0, 'and not be opened');
    assert.equal(asks(1, MKNOD | READ, 8, 0), 0, 'a disk');
    assert.equal(asks(2, READ | WRITE, 136, 3), 1, 'a terminal');
  });

  it("takes the kernel's numbers for what is asked", () => {
    // include/uapi/linux/bpf.h: BPF_DEVCG_ACC_MKNOD, _READ, _WRITE; BPF_DEVCG_DEV_BLOCK, _CHAR
    assert.deepEqual([MKNOD, READ, WRITE], [1, 2, 4]);
    const program = compileDeviceTable(table('+b 8:0 r'));
    assert.equal(run(program, [1 | (2 << 16), 8, 0]), 1);
    assert.equal(run(program, [2 | (2 << 16), 8, 0]), 0);
    assert.equal(run(program, [1 | (1 << 16), 8, 0]), 0);
  });

  it('is one answer when there is no exception, and encodes as the kernel reads it', () => {
    const program = compileDeviceTable(table('+a *:* rwm'));
    assert.equal(program.length, 8);
    const bytes = encodeProgram(compileDeviceTable(table('+b 7:3 r')));
    assert.equal(bytes.toString('hex', 0, 8), '6112000000000000', 'r2 = *(u32 *)(r1 + 0)');
    assert.equal(bytes.toString('hex', 8, 16), '54020000ffff0000', 'w2 &= 0xffff');
    assert.equal(bytes.toString('hex', 48, 56), '5602070001000000', 'if w2 != 1 goto +7');
  });
});
