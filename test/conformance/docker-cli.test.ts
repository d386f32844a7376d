import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build } from 'esbuild';
import { Dockerd } from '../helpers/docker/dockerd.js';
import { groupsBelow, PLACE, raiseFences, removeGroups } from '../helpers/docker/fences.js';
import { IMAGE, imageArchive } from '../helpers/docker/image.js';
import { findProgram, whyNot } from '../helpers/docker/programs.js';
import { openPty } from '../helpers/pty.js';
import { ROOT } from '../helpers/run-cli.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { CASES, type CliCase, PREPARE } from './docker-cli-cases.js';

/** Ours, in one file: as it is installed, and not compiled again for each of some hundred commands. */
async function buildOurs(): Promise<string> {
  const file = join(PLACE, 'ours.cjs');
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/docker/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.11',
    outfile: file,
    logLevel: 'error',
    footer: { js: 'module.exports.start(process.argv.slice(2));' },
  });
  return `${process.execPath} -- ${file}`;
}

/** What differs between two runs by itself. */
function normal(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, 'ID64')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID12')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?/g, 'TIME')
    .replace(/(?:About )?(?:an?|\d+) (?:second|minute|hour)s?|Less than a second/g, 'DURATION')
    .replace(/0xc[0-9a-f]{6,}/g, 'POINTER')
    .replace(/docker-import-\d+/g, 'docker-import-N')
    .replace(/\S*Running for \S*/g, '')
    .replace(/ {2,}|-{2,}/g, '  ')
    .replace(/"(?:Pid|SandboxKey|MacAddress|HostPort|StartedAt)": ?"?[^,"]*"?/g, 'VARIES');
}

interface Answer {
  readonly text: string;
  readonly milliseconds: number;
}

async function answer(command: string, name: string, script: string): Promise<Answer> {
  const directory = join(PLACE, 'work', name.replaceAll(/\W/g, '-'));
  mkdirSync(directory, { recursive: true });
  const begun = performance.now();
  const child = spawn(
    'sh',
    [
      '-c',
      `d() { ${command} "$@"; }\ntry() { d "$@" 2>err; status=$?; cat err >&1; echo "= $status"; }\n{\n${script}\n} 2>&1`,
    ],
    {
      cwd: directory,
      timeout: 600_000,
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        Y: 'inherited',
        IMAGE,
        DOCKER_HOST: `unix://${PLACE}/cli/sock`,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
  await once(child, 'close');
  return { text: Buffer.concat(chunks).toString('utf8'), milliseconds: performance.now() - begun };
}

/** On a terminal of 33 rows: what it shows, after the keys that detach were typed at a prompt. */
async function onTerminal(command: string): Promise<{ status: number; text: string }> {
  const terminal = openPty(['sh', '-c', `exec ${command}`], {
    columns: 101,
    rows: 33,
    env: { PATH: process.env['PATH'], HOME: PLACE, TERM: 'xterm', DOCKER_HOST: `unix://${PLACE}/cli/sock` },
  });
  let text = '';
  let isTyped = false;
  const nudge = setInterval(() => terminal.write(isTyped ? '' : '\r'), 500);
  terminal.onData((bytes) => {
    text += Buffer.from(bytes).toString('utf8');
    if (isTyped || !/# /.test(text)) return;
    isTyped = true;
    setTimeout(() => terminal.write('\x10\x11'), 200);
  });
  const status = await terminal.exited;
  clearInterval(nudge);
  return { status, text };
}

async function compare(official: string, ours: string, one: CliCase): Promise<void> {
  const theirs = await answer(official, one.name, one.script);
  const mine = await answer(ours, one.name, one.script);
  assert.ok(/^= \d+$/m.test(theirs.text), `nothing was run:\n${theirs.text.slice(0, 500)}`);
  assert.equal(normal(mine.text), normal(theirs.text));
}

function majorOf(command: string): number {
  return Number(/version (\d+)\./.exec(spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? 0);
}

if (inSandbox) {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  raiseFences();
  const runc = findProgram('runc') ?? '';
  const archive = imageArchive(PLACE);

  describe('our docker command against dockerd', () => {
    const daemon = new Dockerd('cli', group, { reference: runc, subject: runc, planted: runc }, []);
    const official = findProgram('docker') ?? '';
    const version = majorOf(official);
    let ours = '';
    before(async () => {
      [ours] = await Promise.all([buildOurs(), daemon.start()]);
      daemon.load(archive);
      const made = await answer(official, 'prepare', PREPARE);
      assert.match(made.text, /[0-9a-f]{64}\n[0-9a-f]{64}\n/, made.text);
    });
    after(async () => {
      await answer(official, 'end', 'd rm -f $(d ps -aq)');
      await daemon.end();
    });

    const check = (one: CliCase): void => {
      const why = `docker ${version} is here: these are the words of ${one.since}`;
      test(one.name, { skip: (one.since ?? 0) > version ? why : false }, () => compare(official, ours, one));
    };
    describe('what only looks', { concurrency: 2 }, () => {
      for (const one of CASES) if (one.reads === true) check(one);
    });
    describe('what changes something', () => {
      for (const one of CASES) if (one.reads !== true) check(one);
    });

    test('a terminal: its size, the keys that detach, the exit status of what runs there', async () => {
      const session = async (command: string): Promise<unknown[]> => {
        const on = (words: string): Promise<{ status: number; text: string }> => onTerminal(`${command} ${words}`);
        const run = await on(`run -it --name term ${IMAGE} sh`);
        const attached = await on('attach term');
        const executed = await on('exec -it term sh -c "sleep 1; stty size; exit 4"');
        await answer(official, 'terminal', 'd rm -f term');
        return [
          run.status,
          attached.status,
          /read escape sequence/.test(attached.text),
          executed.status,
          /33 101/.test(executed.text),
        ];
      };
      const theirs = await session(official);
      assert.deepEqual(theirs, [0, 1, true, 4, true]);
      assert.deepEqual(await session(ours), theirs);
    });

    test('a difference is seen', async () => {
      const wrong = join(PLACE, 'wrong');
      writeFileSync(wrong, `#!/bin/sh\n${ours} "$@" | sed s/sleep/slept/\n`, { mode: 0o755 });
      const planted = { name: 'planted', script: "try inspect -f '{{.Path}}' look" };
      await assert.rejects(compare(official, wrong, planted), /slept/);
    });

    test('says how long it takes to start', async (context) => {
      const median = async (command: string): Promise<number> => {
        const times: number[] = [];
        for (let run = 0; run < 7; run++) {
          const { text, milliseconds } = await answer(command, 'boot', 'd ps >/dev/null && echo ran');
          assert.equal(text, 'ran\n');
          times.push(milliseconds);
        }
        return times.sort((a, b) => a - b)[3] ?? Number.NaN;
      };
      const [theirs, mine, node] = [
        await median(official),
        await median(ours),
        await median(`${process.execPath} -e 0`),
      ];
      context.diagnostic(
        `docker ps, medians of 7: docker ${theirs.toFixed(0)} ms, ours ${mine.toFixed(0)} ms, of which Node's own start ${node.toFixed(0)} ms`,
      );
    });
  });

  test('no cgroup is left', () => {
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
    assert.ok(existsSync(PLACE), 'the sandbox is gone');
  });
} else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'iptables', 'busybox', 'tar', 'python3']);
  test('our docker command against dockerd', { skip: why ?? false, timeout: 600_000 }, () => {
    const group = `glassbox-docker-cli-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
    } finally {
      removeGroups(group);
    }
  });
}
