import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServerBounds } from '../../../engine/api/docker/server.js';

/** A server over fakes in a process of its own. */
export class SpawnedFakes {
  readonly socket: string;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.socket = socket;
    this.pid = child.pid ?? 0;
  }

  static async start(bounds: ServerBounds = {}): Promise<SpawnedFakes> {
    const file = fileURLToPath(new URL('./serve-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', file, JSON.stringify(bounds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = String((await once(child.stdout, 'data'))[0]);
    return new SpawnedFakes(child, (JSON.parse(line) as { socket: string }).socket);
  }

  /** Mebibytes of its memory that are resident. */
  get rss(): number {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]) / 1024;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
