import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './checks.js';
import { must, PLACE } from './fences.js';
import { IMAGE } from './image.js';
import type { Slot, Slots } from './slots.js';

/** A dockerd whose directories, socket, cgroups and network are the sandbox's. */
export class Dockerd implements Engine {
  readonly name = 'docker';
  readonly image = IMAGE;
  readonly directory: string;
  readonly group: string;
  readonly #slots: Slots;
  readonly #flags: readonly string[];
  #child: ChildProcess | null = null;

  constructor(name: string, group: string, slots: Slots, flags: readonly string[]) {
    this.group = group;
    this.#slots = slots;
    this.#flags = flags;
    this.directory = join(PLACE, name);
    mkdirSync(join(this.directory, 'tmp'), { recursive: true });
  }

  get command(): readonly string[] {
    return ['docker', '-H', `unix://${this.directory}/sock`];
  }

  /** The runtime under test is the default one; the others are asked for by name. */
  runFlags(slot: Slot): string {
    return slot === 'subject' ? '' : `--runtime ${slot}`;
  }

  engineFlags(): string {
    return '';
  }

  docker(...args: string[]): string {
    return must('docker', [...this.command.slice(1), ...args]);
  }

  load(archive: Buffer): void {
    must('docker', [...this.command.slice(1), 'import', '-', IMAGE], archive);
  }

  async start(): Promise<void> {
    const log = openSync(join(this.directory, 'log'), 'a');
    const runtimes = Object.entries(this.#slots).flatMap(([name, path]) => ['--add-runtime', `${name}=${path}`]);
    const child = spawn(
      'dockerd',
      [
        ...['--data-root', join(this.directory, 'data'), '--exec-root', join(this.directory, 'exec')],
        ...['-p', join(this.directory, 'pid'), '-H', `unix://${this.directory}/sock`],
        ...['--cgroup-parent', `/${this.group}`, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
        ...runtimes,
        ...['--default-runtime', 'subject', '--default-shm-size', '8m'],
        ...this.#flags,
      ],
      { stdio: ['ignore', log, log], env: { ...process.env, TMPDIR: join(this.directory, 'tmp') } },
    );
    closeSync(log);
    this.#child = child;
    const deadline = performance.now() + 60_000;
    for (;;) {
      try {
        this.docker('version');
        return;
      } catch (error) {
        if (child.exitCode !== null || performance.now() > deadline)
          throw new Error(`dockerd does not start: ${this.log().split('\n').slice(-6).join('\n')}`, { cause: error });
        await sleep(50);
      }
    }
  }

  log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  /** End it: SIGTERM and wait, or `kill -9`, which takes its containerd along and leaves the containers. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}
