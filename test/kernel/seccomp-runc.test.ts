/**
 * The same profile by runc and by our compiler, in containers of runc that are otherwise alike: every call must be
 * answered alike. In ours runc sets no filter; the container's process installs ours and becomes the tester.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { errnoName } from '../../engine/kernel/errno.js';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import { POLICIES } from '../../engine/policy/docker-defaults.js';
import { dockerSeccompProfile, resolveProfile, runningKernel } from '../../engine/policy/seccomp-profile.js';
import { type Abi, X32, X86, X86_64 } from '../../engine/runtime/seccomp/architectures.js';
import { compileSeccomp } from '../../engine/runtime/seccomp/compile.js';
import { LATER_SYSCALLS } from '../../engine/runtime/seccomp/later-syscalls.js';
import type { SpecSeccomp } from '../../engine/runtime/spec/types.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { probesOf } from '../helpers/syscall-probes.js';
import {
  installer,
  int80Results,
  int80Tester,
  nativeResults,
  nativeTester,
  type Probe,
} from '../helpers/syscall-tester.js';

const BUNDLE = '/run/bundle';
const GROUP = `/glassbox-seccomp-${process.ppid}-${Date.now()}`;

function container(
  abi: Abi,
  probes: readonly Probe[],
  capabilities: readonly string[],
  seccomp: SpecSeccomp | null,
  filter: Buffer | null,
): string[] {
  const files = `${BUNDLE}/rootfs`;
  writeFileSync(`${files}/tester`, abi === X86 ? int80Tester(probes) : nativeTester(probes), { mode: 0o755 });
  writeFileSync(`${files}/installer`, installer(filter, '/tester'), { mode: 0o755 });
  const spec = dockerDefaultSpec({
    rootfs: 'rootfs',
    args: ['/installer'],
    cgroup: 'v1',
    cgroupsPath: `${GROUP}/one`,
    timeNamespace: false, // runc 1.1 knows none
    seccomp,
  });
  const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  const config = {
    ...spec,
    // without it runc sets the filter while it still needs more calls than the container's process
    process: { ...spec.process, noNewPrivileges: true, capabilities: sets },
    // no call looks at them, and the sandbox's hierarchies are the machine's
    mounts: spec.mounts.filter(({ destination }) => destination !== '/sys/fs/cgroup'),
  };
  const text = JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  writeFileSync(`${BUNDLE}/config.json`, text);
  const done = spawnSync('runc', ['--root', '/run/runc-state', 'run', '--bundle', BUNDLE, 'glassbox-seccomp'], {
    timeout: 600_000,
    maxBuffer: 16 << 20,
  });
  assert.deepEqual([done.status, done.signal], [0, null], done.stderr.toString());
  const results = (abi === X86 ? int80Results : nativeResults)(done.stdout, probes);
  return results.map((result) => (result === -1 || result === -38 ? errnoName(-result) : 'carried out'));
}

/** Docker's profile with the calls that the libseccomp of runc can know: both know then the same newest call. */
function profileFor(capabilities: readonly string[]): SpecSeccomp {
  const resolved = resolveProfile(dockerSeccompProfile(), {
    architecture: 'x64',
    capabilities,
    kernel: runningKernel(),
  });
  assert.ok(resolved !== undefined, 'the profile says something');
  const syscalls = resolved.syscalls.map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => !Object.hasOwn(LATER_SYSCALLS, name)),
  }));
  return { ...resolved, syscalls: syscalls.filter(({ names }) => names.length > 0) };
}

const PROFILES: readonly {
  readonly title: string;
  readonly capabilities: readonly string[];
  readonly change?: Partial<SpecSeccomp>;
  /** Where a filter can be told from the kernel: many kernels answer ENOSYS to every x32 call. */
  readonly abis?: readonly Abi[];
}[] = [
  { title: "Docker's profile", capabilities: POLICIES.docker.capabilities },
  { title: "Docker's profile with CAP_SYS_ADMIN", capabilities: [...POLICIES.docker.capabilities, 'CAP_SYS_ADMIN'] },
  {
    title: 'without a list of architectures',
    capabilities: POLICIES.docker.capabilities,
    change: { architectures: [] },
    abis: [X86_64],
  },
  {
    title: 'ENOSYS by default',
    capabilities: POLICIES.docker.capabilities,
    change: { defaultErrnoRet: 38 },
    abis: [X86_64, X86],
  },
];

function sandboxed(): void {
  mkdirSync(`${BUNDLE}/rootfs`, { recursive: true });
  after(removeGroups);
  for (const { title, capabilities, change, abis = [X86_64, X86, X32] } of PROFILES)
    describe(title, () => {
      const seccomp = { ...profileFor(capabilities), ...change };
      for (const abi of abis)
        test(`calls of ${abi.name}`, () => {
          const probes = probesOf(abi);
          const theirs = container(abi, probes, capabilities, seccomp, null);
          const ours = container(abi, probes, capabilities, null, compileSeccomp(seccomp, { native: 'x64' }).filter);
          const none = container(abi, probes, capabilities, null, null);
          const wrong = probes.flatMap(({ name }, n) =>
            ours[n] === theirs[n] ? [] : [`${name}: ${ours[n]}, runc ${theirs[n]}`],
          );
          assert.deepEqual(wrong, []);
          const visible = probes.filter((_, n) => theirs[n] !== none[n]).length;
          assert.ok(
            probes.length > 400 && visible > 50,
            `${visible} of ${probes.length} calls meet the filter visibly`,
          );
        });
    });
}

function hierarchies(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
}

function removeGroups(): void {
  for (const directory of hierarchies()) if (existsSync(directory + GROUP)) rmdirSync(directory + GROUP);
}

/** Why runc cannot be compared with here, or false. */
function missing(): string | false {
  if (!isRoot) return 'needs root for namespaces of its own';
  if (process.arch !== 'x64') return 'the calls are those of x86';
  const done = spawnSync('runc', ['--version'], { encoding: 'utf8' });
  if (done.error !== undefined) return `runc cannot be started: ${done.error.message}`;
  return /libseccomp: 2\.5/.test(done.stdout) ? false : `this runc has not libseccomp 2.5: ${done.stdout.trim()}`;
}

if (inSandbox) sandboxed();
else
  test('filters beside runc, in a sandbox', { skip: missing() }, () => {
    rerunInSandbox(import.meta.url);
  });
