import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { groupsBelow, removeGroups } from '../helpers/docker/fences.js';
import { findProgram, whyNot } from '../helpers/docker/programs.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { makeArchives } from '../helpers/tour/archive.js';
import { dockerd, subject } from '../helpers/tour/engines.js';
import { SOCKET, Yard } from '../helpers/tour/yard.js';

const script = (name: string): string => fileURLToPath(new URL(`../helpers/tour/${name}`, import.meta.url));

/** Debian's Python with docker-py, or whichever has it. */
function pythonWithDocker(): string | null {
  const candidates = ['/usr/bin/python3', findProgram('python3')].filter((path) => path !== null);
  const has = (path: string): boolean => spawnSync(path, ['-c', 'import docker'], { timeout: 600_000 }).status === 0;
  return candidates.find(has) ?? null;
}

interface Client {
  readonly name: string;
  readonly command: () => readonly string[] | string;
  /** What the client must have been told by dockerd for this to prove something. */
  readonly expect: readonly string[];
}

const CLIENTS: readonly Client[] = [
  {
    name: 'dockerode',
    command: () => [process.execPath, script('dockerode.mjs')],
    expect: ['run 3 out', 'exec got word 1', 'attach through', 'not found 404', 'wait 137', 'left 0'],
  },
  {
    name: 'docker-py',
    command: () => {
      const python = pythonWithDocker();
      return python === null ? 'needs docker-py: apt-get install python3-docker' : [python, script('docker-py.py')];
    },
    expect: ["failed 3 b'err", "exec ExecResult(exit_code=4, output=(b'1", 'not found 404', 'wait 137', 'left []'],
  },
];

if (inSandbox) {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  const other = subject();
  const place = mkdtempSync(join(tmpdir(), 'glassbox-clients-'));

  describe(`clients of other projects are told the same by dockerd and by ${other.name}`, () => {
    let yards: readonly [Yard, Yard];
    let image = '';

    before(async () => {
      image = makeArchives(place).image;
      yards = await Promise.all([Yard.open('reference', group, dockerd()), Yard.open('subject', group, other.command)]);
    });
    after(async () => {
      for (const yard of yards ?? []) await yard.close();
      rmSync(place, { recursive: true });
    });

    for (const { name, command, expect } of CLIENTS) {
      const words = command();
      test(name, { skip: typeof words === 'string' ? words : false, timeout: 600_000 }, () => {
        const [program = '', ...args] = words;
        const [expected, found] = yards.map((yard) => {
          const done = spawnSync(...yard.inside(program, [...args, SOCKET, image]), {
            encoding: 'utf8',
            timeout: 600_000,
          });
          return `${done.stdout}${done.stderr}= ${done.status}\n`.split('\n');
        });
        const measure = expected?.join('\n') ?? '';
        for (const wanted of expect)
          assert.ok(measure.includes(wanted), `dockerd is no measure, ${wanted}:\n${measure}`);
        assert.deepEqual(found, expected);
      });
    }
  });

  test('no cgroup is left', () => {
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });
} else {
  const why = whyNot(['dockerd', 'containerd', 'runc', 'iptables', 'busybox', 'nsenter']);
  test('clients of other projects', { skip: why ?? false, timeout: 600_000 }, () => {
    const group = `glassbox-clients-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
    } finally {
      removeGroups(group);
    }
  });
}
