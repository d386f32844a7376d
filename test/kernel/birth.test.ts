import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExplainedProgram, ExplainedRecord, Lab } from '../../engine/api/types.js';
import { Birth } from '../../src/birth/birth.js';
import { connectEngine, hasCode } from '../../src/engine-client.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { ROOT } from '../helpers/run-cli.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

async function sh(lab: Lab, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await lab.exec({ argv: ['sh', '-c', script] });
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

/** Everything in the lab that a birth makes. */
const traces = (lab: Lab): Promise<string> =>
  sh(
    lab,
    'ls /run/glassbox-runtime 2>/dev/null; ls -d /run/glassbox 2>/dev/null; grep -c overlay /proc/mounts; ls -d /sys/fs/cgroup/*/newborn 2>/dev/null; true',
  );

/** A lab has its own /root, /tmp and /run: an installation there cannot be run in it. */
const isUnseen = ['/root/', '/tmp/', '/run/'].some((hidden) => ROOT.startsWith(hidden));

if (!inSandbox) {
  const skip = isUnseen ? `a lab does not see ${ROOT}` : isRoot ? false : 'needs root';
  test('a container is born in a lab, in a sandbox', { skip, timeout: 1_200_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  machineState();

  test('record by record: what is told, what stops it, what is left', { timeout: 600_000 }, async (t) => {
    const before = machineState();
    const engine = await connectEngine();
    try {
      const lab = await engine.createLab();
      assert.ok(lab.birth !== undefined, 'the engine can do it');

      await t.test('stopped in the middle: nothing of it is left', async () => {
        const empty = await traces(lab);
        const all: { program: ExplainedProgram | null; answered: ExplainedRecord[]; held: number[] } = {
          program: null,
          answered: [],
          held: [],
        };
        await assert.rejects(
          lab.birth!({
            planned: (program) => {
              all.program = program;
            },
            // in the middle of its mounts
            held: async (index) => {
              all.held.push(index);
              return all.program?.records[index]?.section === 'mounts' ? 'stop' : 'next';
            },
            answered: (record) => all.answered.push(record),
          }),
          (error) => hasCode(error, 'Aborted'),
        );
        assert.ok((all.program?.records.length ?? 0) > 300, 'the whole list was told first');
        assert.ok(all.answered.length > 20, 'and each answer');
        assert.ok(
          all.answered.every((record) => record.state !== 'pending'),
          'an answer has a result',
        );
        assert.equal(await traces(lab), empty);
      });

      await t.test('stopped before the first record', async () => {
        const empty = await traces(lab);
        const birth: Birth = new Birth(() => {
          if (birth.phase === 'asking') birth.stop();
        });
        await birth.run(lab);
        assert.equal(birth.phase, 'undone');
        assert.equal(await traces(lab), empty);
      });

      await t.test('two at once are refused', async () => {
        let go: (answer: 'stop') => void = () => undefined;
        let first: Promise<unknown> = Promise.resolve();
        await new Promise<void>((held) => {
          first = lab.birth!({
            planned: () => undefined,
            held: () =>
              new Promise((resolve) => {
                go = resolve;
                held();
              }),
            answered: () => undefined,
          });
        });
        await assert.rejects(lab.birth!(new Birth(() => undefined)), (error) => hasCode(error, 'FailedPrecondition'));
        go('stop');
        await assert.rejects(first, (error) => hasCode(error, 'Aborted'));
      });

      await t.test('born: it runs in the lab, with its namespaces, limits and filter', async () => {
        const seen = new Set<string>();
        const end = lab.watch(({ changes }) => {
          for (const { object, kind } of changes) if (kind === 'added') seen.add(object);
        });
        const birth: Birth = new Birth(() => {
          if (birth.phase === 'asking') birth.section();
        });
        await birth.run(lab);
        assert.equal(birth.error, null);
        assert.equal(birth.phase, 'born');
        assert.equal(birth.rows().at(-1)?.record.syscall, 'execve', 'nobody answers for the last one');
        assert.deepEqual(birth.progress.done, birth.progress.total);
        assert.match(await sh(lab, 'glassbox-runtime list'), /newborn +\d+ +running/);
        const inside = await sh(
          lab,
          'glassbox-runtime exec newborn sh -c "hostname; echo \\$\\$; grep Seccomp: /proc/1/status; ls /"',
        );
        assert.match(inside, /^newborn\n\d+\nSeccomp:\t2\nbin\ndev\netc\nproc\nsys\n$/);
        assert.match(
          await sh(
            lab,
            'cat /sys/fs/cgroup/memory/newborn/memory.limit_in_bytes /sys/fs/cgroup/newborn/memory.max 2>/dev/null; true',
          ),
          /67108864/,
        );
        await lab.snapshot();
        end();
        for (const object of ['namespace', 'mount', 'cgroup'])
          assert.ok(seen.has(object), `the picture saw a new ${object}, of ${[...seen].join(' ')}`);
        const ledger = await lab.ledger();
        assert.ok(
          ledger.some(({ subject, act }) => subject === 'container newborn' && act.startsWith('pivot_root')),
          'the ledger has its records',
        );
      });

      await t.test('another one takes its place', async () => {
        const birth: Birth = new Birth(() => {
          if (birth.phase === 'asking') birth.rest();
        });
        await birth.run(lab);
        assert.equal(birth.phase, 'born', String(birth.error));
        assert.equal((await sh(lab, 'glassbox-runtime list --quiet')).trim(), 'newborn');
      });
    } finally {
      await engine.close();
    }
    assert.deepEqual(await leaksSince(before), []);
  });

  test('glassbox explain --birth in lines', async () => {
    const code = `import { main } from ${JSON.stringify(join(ROOT, 'src/cli/main.ts'))}; process.exitCode = await main(process.argv.slice(1));`;
    const run = (lang: string, input: string): string => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          '--import',
          import.meta.resolve('tsx'),
          '--input-type=module',
          '-e',
          code,
          '--',
          'explain',
          '--birth',
          '--plain',
          '--lang',
          lang,
        ],
        { encoding: 'utf8', cwd: ROOT, input, timeout: 600_000, maxBuffer: 64 << 20 },
      );
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const en = run('en', '\ns\ns\nc\n');
    assert.match(en, /1\/\d+ {2}\S+\(.*\) {2}\w+\(2\)\n {6}\S/);
    assert.match(en, /\[Enter\] issue it {2}\[s\] this section/);
    assert.match(en, /\* \d\d:\d\d:\d\d added \w+ namespace/);
    assert.match(en, /the container newborn was born: \d+ system calls/);
    const zh = run('zh', '\nq\n');
    assert.match(zh, /已停止；一切都已撤销/);
    // the end of the input is the wish to stop
    assert.match(run('en', '\n'), /stopped; everything is undone/);
  });
}
