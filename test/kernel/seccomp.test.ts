/** Docker's profile in the kernel: every call of every ABI of this machine is made, and gets what the text of the profile says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { errnoName } from '../../engine/kernel/errno.js';
import { POLICIES } from '../../engine/policy/docker-defaults.js';
import { dockerSeccompProfile, resolveProfile, runningKernel } from '../../engine/policy/seccomp-profile.js';
import { AARCH64, type Abi, X32, X86, X86_64 } from '../../engine/runtime/seccomp/architectures.js';
import { compileSeccomp } from '../../engine/runtime/seccomp/compile.js';
import { CAPABILITIES } from '../../engine/runtime/spec/names.js';
import type { SeccompRule, SpecSeccomp } from '../../engine/runtime/spec/types.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { decideByReference } from '../helpers/seccomp-reference.js';
import { filterArgs, probesOf } from '../helpers/syscall-probes.js';
import {
  installer,
  int80Results,
  int80Tester,
  nativeResults,
  nativeTester,
  type Probe,
} from '../helpers/syscall-tester.js';

const PLACE = '/run/seccomp';
const native = process.arch as 'x64' | 'arm64';
const ABIS: readonly Abi[] = native === 'x64' ? [X86_64, X86, X32] : [AARCH64];

/** Run the probes of an ABI under a filter (null: under none), in namespaces of their own. */
function run(abi: Abi, probes: readonly Probe[], filter: Buffer | null, flags = 0) {
  const [tester, starter] = [`${PLACE}/tester`, `${PLACE}/installer`];
  writeFileSync(tester, abi === X86 ? int80Tester(probes) : nativeTester(probes), { mode: 0o755 });
  writeFileSync(starter, installer(filter, tester, flags), { mode: 0o755 });
  const done = spawnSync('unshare', ['--ipc', '--uts', starter], { cwd: PLACE, timeout: 600_000, maxBuffer: 16 << 20 });
  return {
    status: done.status,
    signal: done.signal,
    results: () => {
      assert.deepEqual([done.status, done.signal], [0, null], `the tester of ${abi.name} ended: ${done.stderr}`);
      return (abi === X86 ? int80Results : nativeResults)(done.stdout, probes);
    },
  };
}

/** What a result says about a filter: that it refused in its own words, or that the call was carried out or refused by itself. */
const kind = (result: number): string => (result === -1 || result === -38 ? errnoName(-result) : 'carried out');

const resolve = (capabilities: readonly string[]): SpecSeccomp => {
  const resolved = resolveProfile(dockerSeccompProfile(), {
    architecture: native,
    capabilities,
    kernel: runningKernel(),
  });
  assert.ok(resolved !== undefined, 'the profile says something');
  return resolved;
};

const SETS: Readonly<Record<string, readonly string[]>> = {
  'the fourteen capabilities': POLICIES.docker.capabilities,
  'CAP_SYS_ADMIN besides': [...POLICIES.docker.capabilities, 'CAP_SYS_ADMIN'],
  'every capability': CAPABILITIES,
};

const simple = (change: Partial<SpecSeccomp>): SpecSeccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: [],
  flags: [],
  syscalls: [],
  ...change,
});

function sandboxed(): void {
  mkdirSync(PLACE);
  for (const abi of ABIS)
    describe(`Docker's profile, calls of ${abi.name}`, () => {
      const probes = probesOf(abi);
      const bare = run(abi, probes, null).results().map(kind);

      for (const [title, capabilities] of Object.entries(SETS))
        test(title, () => {
          const seccomp = resolve(capabilities);
          const seen = run(abi, probes, compileSeccomp(seccomp).filter).results().map(kind);
          const count = { refused: 0, passed: 0, alike: 0 };
          const wrong: string[] = [];
          const probed = new Set<SeccompRule>();
          probes.forEach((probe, n) => {
            const call = { nr: probe.number, arch: abi.audit, args: filterArgs(probe, abi) };
            const decision = decideByReference(seccomp, native, call);
            assert.ok(decision !== null, probe.name);
            const expected = decision === 0x7fff0000 ? bare[n] : errnoName(decision & 0xffff);
            if (seen[n] !== expected) wrong.push(`${probe.name}: ${seen[n]}, not ${expected}`);
            if (decision === 0x7fff0000) count[bare[n] === 'carried out' ? 'passed' : 'alike']++;
            else count[bare[n] === expected ? 'alike' : 'refused']++;
            const [name = ''] = probe.name.split(' ');
            for (const rule of seccomp.syscalls) if (rule.names.includes(name)) probed.add(rule);
          });
          assert.deepEqual(wrong, []);
          const without = seccomp.syscalls.filter((rule) => !probed.has(rule)).map(({ names }) => names.join());
          // rules for calls of other machines
          assert.deepEqual(
            without.filter((names) => !/^(arm_|s390_|riscv_|sync_file_range2)/.test(names)),
            [],
          );
          // what the kernel itself answers like the filter proves nothing; there must be enough of the rest
          assert.ok(count.refused >= 25, JSON.stringify(count));
          assert.ok(abi === X32 || count.passed > 230, JSON.stringify(count));
        });
    });

  describe('what a filter returns', () => {
    const own = native === 'x64' ? X86_64 : AARCH64;
    const number = native === 'x64' ? 110 : 173;
    const getppid: Probe = { name: 'getppid', number, args: [] };
    const under = (action: string, errnoRet?: number) => {
      const rule = { names: ['getppid'], action, args: [], ...(errnoRet === undefined ? {} : { errnoRet }) };
      return run(own, [getppid], compileSeccomp(simple({ syscalls: [rule] })).filter);
    };

    test('an errno, also 0 and 4094', () => {
      for (const errno of [1, 13, 0, 4094]) assert.deepEqual(under('SCMP_ACT_ERRNO', errno).results(), [-errno || 0]);
    });

    test('death by SIGSYS for KILL, KILL_PROCESS and TRAP', () => {
      for (const action of ['KILL', 'KILL_THREAD', 'KILL_PROCESS', 'TRAP'])
        assert.equal(under(`SCMP_ACT_${action}`).signal, 'SIGSYS', action);
    });

    test('ENOSYS for TRACE without a tracer, the call itself for LOG', () => {
      assert.deepEqual(under('SCMP_ACT_TRACE', 7).results(), [-38]);
      assert.deepEqual(under('SCMP_ACT_LOG').results(), [process.pid]);
    });

    test('the flags are taken, and do not change the decision', () => {
      const rule = { names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 7, args: [] };
      const flags = ['TSYNC', 'LOG', 'SPEC_ALLOW'].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
      const compiled = compileSeccomp(simple({ flags, syscalls: [rule] }));
      assert.equal(compiled.flags, 6);
      assert.deepEqual(run(own, [getppid], compiled.filter, compiled.flags).results(), [-7]);
    });

    test('a filter of nearly 4096 instructions is accepted', () => {
      const rules = Array.from({ length: 810 }, (_, n) => ({
        names: ['getppid'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 7,
        args: [{ index: 0, value: BigInt(n) << 20n, valueTwo: 0n, op: 'SCMP_CMP_EQ' }],
      }));
      const { filter } = compileSeccomp(simple({ syscalls: rules }));
      assert.ok(filter.length / 8 > 4000 && filter.length / 8 <= 4096, `${filter.length / 8} instructions`);
      const probe = (value: bigint): Probe => ({ ...getppid, args: [value, 0n, 0n, 0n, 0n, 0n] });
      const results = run(own, [probe(0n), probe(809n << 20n), probe(810n << 20n)], filter).results();
      assert.deepEqual(results, [-7, -7, process.pid]);
    });

    const foreign = native === 'x64' ? false : 'arm64 has neither int 0x80 nor x32';
    test('death for the i386 and x32 tables where a profile does not list them', { skip: foreign }, () => {
      const { filter } = compileSeccomp(simple({ architectures: ['SCMP_ARCH_X86_64'] }));
      const getpid: Probe = { name: 'getpid', number: 20, args: [] };
      assert.equal(run(X86, [getpid], filter).signal, 'SIGSYS');
      assert.equal(run(X86_64, [{ ...getpid, number: 39 + 0x40000000 }], filter).signal, 'SIGSYS');
      assert.equal(run(X86_64, [{ ...getpid, number: 39 }], filter).status, 0);
    });
  });
}

if (inSandbox) sandboxed();
else
  test('filters in the kernel, in a sandbox', { skip: isRoot ? false : 'needs root for namespaces of its own' }, () => {
    rerunInSandbox(import.meta.url);
  });
