import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApplyJob, ApplyResult } from './image-apply-child.js';
import { treeOf, xattrsOf } from './image-tree.js';

const CHILD = fileURLToPath(new URL('./image-apply-child.ts', import.meta.url));

/** A yard with `layer`, where an archive goes, and `outside`, which no archive may reach. */
export class Yard {
  readonly top = mkdtempSync(join(tmpdir(), 'glassbox-attack-'));
  readonly outside = join(this.top, 'outside');
  private readonly before: string;
  private files = 0;

  constructor() {
    mkdirSync(join(this.outside, 'etc'), { recursive: true });
    writeFileSync(join(this.outside, 'etc/passwd'), 'the machine’s');
    writeFileSync(join(this.outside, 'perm400'), '...', { mode: 0o400 });
    this.before = this.state();
  }

  /** A new directory for a layer. */
  layer(): string {
    const home = mkdtempSync(join(this.top, 'layer-'));
    mkdirSync(join(home, 'diff'));
    return join(home, 'diff');
  }

  file(bytes: Uint8Array): string {
    const path = join(this.top, `archive-${this.files++}`);
    writeFileSync(path, bytes);
    return path;
  }

  /** Whether something outside is not what it was. */
  get isHurt(): boolean {
    return this.state() !== this.before;
  }

  remove(): void {
    rmSync(this.top, { recursive: true });
  }

  private state(): string {
    return JSON.stringify([treeOf(this.outside), xattrsOf(this.outside)]);
  }
}

/** Apply in a process of its own, guards taken away. */
export function applyInChild(
  yard: Yard,
  jobs: readonly ApplyJob[],
  off: readonly string[] = [],
): readonly ApplyResult[] {
  const file = yard.file(Buffer.from(JSON.stringify(jobs)));
  const done = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), CHILD, file], {
    encoding: 'utf8',
    timeout: 600_000,
    env: { ...process.env, GLASSBOX_TEST_GUARDS_OFF: off.join(',') },
  });
  assert.equal(done.status, 0, `the attack itself failed: ${done.signal} ${done.stderr}`);
  return JSON.parse(done.stdout) as ApplyResult[];
}
