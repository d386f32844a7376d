import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExplainedProgram } from '../../engine/api/types.js';
import { planCgroups } from '../../engine/cgroup/plan.js';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { containerStartPage, machineOfPage } from '../helpers/container-start-page.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { ROOT } from '../helpers/run-cli.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { until } from './runtime-box.js';

const PAGE = join(ROOT, 'docs/container-start.md');
const STATE = '/run/explain/state';
const BUNDLE = '/run/explain/bundle';
const APPLETS = ['sh', 'sleep', 'ls'];

/** `glassbox explain …` from the sources. */
function explain(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const code = `import { main } from ${JSON.stringify(join(ROOT, 'src/cli/main.ts'))}; process.exitCode = await main(process.argv.slice(1));`;
  return spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', code, '--', 'explain', ...words],
    { encoding: 'utf8', cwd: ROOT, timeout: 600_000, maxBuffer: 64 << 20 },
  );
}

/** Everything of a machine that decides which records there are and what they answer. */
function machine(groups: readonly string[], paths: readonly string[]): string {
  const [major, minor] = release().split('.');
  const there = paths.filter((path) => existsSync(path)).map((path) => path.split('/').at(-1));
  return `Linux ${major}.${minor} ${process.arch}; cgroups ${groups.join(' ')}; of the masked paths: ${there.join(' ')}`;
}

if (!inSandbox) {
  test('a container can be explained, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  machineState();

  test('a real container: the page of the docs, and the command', async (t) => {
    const before = machineState();
    // names of groups are the machine's: one that no other run has
    const group = `glassbox-explain-${statSync('/proc/self/ns/pid').ino}`;
    mkdirSync(`${BUNDLE}/rootfs/bin`, { recursive: true });
    cpSync(
      execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim(),
      `${BUNDLE}/rootfs/bin/busybox`,
    );
    for (const applet of APPLETS) symlinkSync('busybox', `${BUNDLE}/rootfs/bin/${applet}`);
    const runtime = new Runtime({ root: STATE });
    const plan = planCgroups({ cgroupsPath: `/${group}`, id: 'web', rootless: false });
    const spec = dockerDefaultSpec({
      rootfs: 'rootfs',
      args: ['sleep', '1000'],
      cgroup: plan.mode === 'v2' ? 'v2' : 'v1',
      cgroupsPath: `/${group}`,
      hostname: 'web',
    });
    const nothing = openSync('/dev/null', 'r+');
    const made = await runtime.create({ id: 'web', bundle: BUNDLE, spec, stdio: [nothing, nothing, nothing] });
    closeSync(nothing);
    try {
      await t.test('what waits for start is told as pending', () => {
        const { records } = runtime.explain('web');
        assert.equal(records.findLast(({ section }) => section === 'become')?.state, 'pending');
        assert.equal(records.find(({ syscall }) => syscall === 'pivot_root')?.state, 'done');
      });
      await runtime.start('web');
      // both go on by themselves: the container's process to its program, the one that stood by to its end
      await until("the container's program runs, and nobody stands by", () => {
        const standing = runtime
          .explain('web')
          .records.find((one) => one.section === 'stand-by' && one.syscall === 'exit_group');
        return readFileSync(`/proc/${made.pid}/comm`, 'utf8') === 'sleep\n' && standing?.state !== 'pending';
      });

      await t.test('docs/container-start.md is what happens', (t) => {
        const here = machine(
          plan.hierarchies.map(({ name, version }) => name || `v${version}`),
          spec.linux.maskedPaths,
        );
        const page = containerStartPage(runtime.explain('web'), {
          machine: here,
          names: [
            [BUNDLE, 'BUNDLE'],
            [STATE, 'STATE'],
            [group, 'web'],
          ],
        });
        if (process.env['GLASSBOX_UPDATE'] === '1') {
          writeFileSync(PAGE, page);
          return;
        }
        const kept = readFileSync(PAGE, 'utf8');
        const there = machineOfPage(kept);
        if (there !== here) t.skip(`the page was made on another machine (${there}), this is ${here}`);
        else assert.equal(page, kept, 'GLASSBOX_UPDATE=1 writes it anew');
      });

      await t.test('glassbox explain CONTAINER', () => {
        const { status, stdout, stderr } = explain('web', '--root', STATE);
        assert.equal(status, 0, stderr);
        assert.match(stdout, /^container web\n/);
        assert.match(stdout, /\[masked paths\]/);
        assert.match(stdout, / {2}pivot_root\("\.", "\."\) = 0 [\d.]+ µs\n {6}pivot_root\(2\) {2}swap the root mount/);
        assert.match(stdout, / {6}\$ pivot_root \. \.\n/);
        assert.doesNotMatch(stdout, /\(skipped\)/);
        const zh = explain('web', '--root', STATE, '--lang', 'zh');
        assert.match(zh.stdout, /交换根挂载/);
      });

      await t.test('--json has every record', () => {
        const { stdout } = explain('web', '--json', '--root', STATE);
        const program = JSON.parse(stdout) as ExplainedProgram;
        const calls = (all: ExplainedProgram): string[] => all.records.map(({ call }) => call);
        assert.deepEqual(calls(program), calls(runtime.explain('web')));
      });

      await t.test('a name that is none', () => {
        const near = explain('wbe', '--root', STATE);
        assert.equal(near.status, 1);
        assert.match(near.stderr, /there is no container wbe in \/run\/explain\/state; did you mean web\?/);
        const far = explain('another-name', '--root', STATE, '--lang', 'zh');
        assert.match(far.stderr, /没有名为 another-name 的容器（\/run\/explain\/state）；现有容器：web/);
        const none = explain('web', '--root', '/run/explain/nothing');
        assert.match(none.stderr, /there is no container web in \/run\/explain\/nothing: there are none\./);
        assert.equal(explain('web', '--birth').status, 2, 'two things at once');
      });
    } finally {
      made.kill(9);
      await made.wait();
      made.dispose();
      await runtime.delete('web', { force: true });
      runtime.close();
    }
    assert.deepEqual(await leaksSince(before), []);
  });
}
