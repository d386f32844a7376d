/**
 * An engine in a process of its own that takes a container through its whole life: `engine-child.ts ROOT GROUP [STEP]`. Before the
 * step of that name it kills itself; without one it prints the names of all steps.
 */
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { Query } from '../../engine/api/docker/bodies/query.js';
import { ApiVersion } from '../../engine/api/docker/version.js';
import { openEngine } from '../../engine/docker-daemon.js';

const [root = '', group = '', killAt = ''] = process.argv.slice(2);
const options = parseDaemonOptions([
  ...['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--cgroup-parent', `/${group}`],
]);

const VERSION = ApiVersion.negotiate(null);
const steps: string[] = [];
const engine = await openEngine(options, (step) => {
  steps.push(step);
  if (step === killAt) process.kill(process.pid, 'SIGKILL');
});
const { containers } = engine.services;

/** Created, started, ended by itself; then started again, stopped, removed. */
async function live(): Promise<void> {
  const script = 'echo first; test -e /again || { touch /again; exit 3; }; sleep 1000';
  const body = { Image: 'busybox', Cmd: ['sh', '-c', script], Volumes: { '/kept': {} } };
  const { request } = parseCreate(new Query('name=subject'), body, VERSION);
  const { Id } = await containers.create(request);
  const ended = containers.wait(Id, 'next-exit');
  await containers.start(Id);
  const { StatusCode } = await ended;
  if (StatusCode !== 3) throw new Error(`it ended with ${StatusCode}`);
  await containers.start(Id);
  await containers.stop(Id, { timeout: 0, signal: null });
  await containers.remove(Id, { force: false, volumes: true, link: false });
}

await live();
process.stdout.write(`${JSON.stringify(steps)}\n`);
await engine.close({ stop: true });
process.exit(0);
