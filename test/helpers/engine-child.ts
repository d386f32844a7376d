/**
 * An engine in a process of its own that does one thing: `engine-child.ts ROOT GROUP OPERATION [N]`. Before the step of that number,
 * from 0 on, or behind the last if there are fewer, it kills itself; without one it prints the names of all steps.
 */
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { openEngine } from '../../engine/docker-daemon.js';
import { observeSteps } from '../../engine/kernel/replace-file.js';
import { ENGINE_OPERATIONS } from './engine-operations.js';

const [root = '', group = '', name = '', killAt = ''] = process.argv.slice(2);
const options = parseDaemonOptions([
  ...['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--cgroup-parent', `/${group}`],
]);
const operation = ENGINE_OPERATIONS[name];
if (operation === undefined) throw new Error(`there is no operation ${name}`);

const steps: string[] = [];
let acts = false;
const at = (step: string): void => {
  if (!acts) return;
  if (String(steps.length) === killAt) process.kill(process.pid, 'SIGKILL');
  steps.push(step);
};
const engine = await openEngine(options, at);
await operation.prepare?.(engine);
acts = true;
if (name !== 'container') observeSteps(at);
await operation.act(engine);
if (killAt !== '') process.kill(process.pid, 'SIGKILL');
acts = false;
process.stdout.write(`${JSON.stringify(steps)}\n`);
await engine.close({ stop: true });
process.exit(0);
