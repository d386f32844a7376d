import assert from 'node:assert/strict';
import { readlinkSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  compareNamespaces,
  KINDS,
  NAMESPACE_KINDS,
  namespaceId,
  parseNamespaceId,
} from '../../engine/kernel/namespaces/ids.js';
import { Budget } from '../../engine/observe/budget.js';
import { Problems } from '../../engine/observe/problems.js';
import { relativePath } from '../../engine/observe/processes.js';

describe('namespace ids', () => {
  it('are what the links of /proc/self/ns say, for all eight kinds', () => {
    assert.equal(KINDS.length, 8);
    for (const kind of KINDS) {
      const link = readlinkSync(`/proc/self/ns/${kind}`);
      assert.deepEqual(parseNamespaceId(link), { kind, inode: statSync(`/proc/self/ns/${kind}`).ino });
      assert.equal(namespaceId(kind, parseNamespaceId(link)?.inode ?? 0), link);
    }
  });

  it('are nothing else', () => {
    for (const text of ['socket:[1]', '/run/netns/r1', 'net:[x]', 'net:[1', 'xnet:[1]', 'pid_for_children:[1]']) {
      assert.equal(parseNamespaceId(text), null, text);
    }
  });

  it('have distinct flags, and an order', () => {
    assert.equal(new Set(KINDS.map((kind) => NAMESPACE_KINDS[kind].flag)).size, 8);
    const list = [
      { kind: 'net', inode: 2 },
      { kind: 'mnt', inode: 9 },
      { kind: 'net', inode: 1 },
    ] as const;
    assert.deepEqual(
      [...list].sort(compareNamespaces).map(({ inode }) => inode),
      [9, 1, 2],
    );
  });
});

describe('what could not be measured', () => {
  it('is said once with a count, and never dropped', () => {
    const problems = new Problems();
    assert.equal(
      problems.attempt(
        'mounts',
        'table',
        () => {
          throw new Error('no\nmore');
        },
        7,
      ),
      7,
    );
    problems.attempt(
      'mounts',
      'table',
      () => {
        throw new Error('no\nmore');
      },
      7,
    );
    assert.deepEqual(problems.list(), [{ part: 'mounts', reason: 'table: no (2 times)' }]);
    for (let i = 0; i < 28; i++) problems.add('processes', `p${i}`);
    assert.equal(problems.list().length, 18);
    assert.match(problems.list().at(-1)?.reason ?? '', /12 more/);
  });
});

describe('a part’s budget', () => {
  it('allows a burst of processor time, then refills with time', () => {
    const budget = new Budget(0.01, 5, 0);
    assert.equal(budget.allows(0), true);
    budget.charge(() => {
      const from = process.cpuUsage();
      while (process.cpuUsage(from).user + process.cpuUsage(from).system < 6_000);
    });
    assert.equal(budget.allows(1), false);
    assert.equal(budget.allows(1_000_000), true);
  });
});

describe('paths within the lab’s subtree', () => {
  it('are relative to it', () => {
    assert.equal(relativePath('/glassbox/l1', '/glassbox/l1'), '/');
    assert.equal(relativePath('/glassbox/l1', '/glassbox/l1/a'), '/a');
    assert.equal(relativePath('/', '/a'), '/a');
    assert.equal(relativePath('/glassbox/l1', '/other'), '/../../other');
  });
});
