import { wordsOf } from '../../kernel/errno-text.js';
import { ContainerGroups } from './container-groups.js';
import { CliError, isNotFound } from './failure.js';
import { goJson } from './log.js';
import type { Invocation } from './main.js';
import { OomWatch } from './oom.js';
import { checkId } from './start-container.js';
import { readStats } from './stats.js';

/** `events`: a line of JSON for each measurement and each time memory ran out, until the container is gone. */
export async function events(invocation: Invocation): Promise<void> {
  const { flags, world, log } = invocation;
  const [id = ''] = invocation.args;
  checkId(id);
  const runtime = await invocation.runtime();
  const { status, pid } = runtime.state(id);
  const interval = flags.duration('interval');
  if (interval <= 0) throw new CliError('duration interval must be greater than 0');
  if (status === 'stopped') throw new CliError(`container with id ${id} is not running`);
  const groups = ContainerGroups.of(pid, runtime.spec(id).linux.cgroupsPath ?? id);
  const print = (type: string, data?: object): void =>
    world.out(`${goJson({ type, id, ...(data === undefined ? {} : { data }) })}\n`);
  if (flags.bool('stats')) return print('stats', readStats(groups));

  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearInterval(timer);
      watch.close();
      resolve();
    };
    const watch = new OomWatch(groups, () => print('oom'), end);
    const timer = setInterval(() => {
      try {
        if (runtime.state(id).status === 'stopped') return end();
        print('stats', readStats(groups));
      } catch (error) {
        if (isNotFound(error)) return end();
        log.error(wordsOf(error));
      }
    }, interval);
  });
}
