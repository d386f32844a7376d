import { CliError, isNotFound } from './failure.js';
import type { Invocation } from './main.js';
import { parseSignal } from './signals.js';
import { checkId } from './start-container.js';

/** The commands that change the status of one container, with runc's sentences where the status does not allow it. */
export async function lifecycle(invocation: Invocation): Promise<void> {
  const [id = ''] = invocation.args;
  checkId(id);
  const runtime = await invocation.runtime();
  switch (invocation.command.name) {
    case 'start': {
      const { status } = runtime.state(id);
      if (status === 'stopped') throw new CliError('cannot start a container that has stopped');
      if (status === 'running') throw new CliError('cannot start an already running container');
      if (status !== 'created') throw new CliError(`cannot start a container in the ${status} state`);
      return runtime.start(id);
    }
    case 'kill': {
      runtime.state(id);
      const signal = parseSignal(invocation.args[1] || 'SIGTERM');
      return runtime.kill(id, signal, { all: invocation.flags.bool('all') });
    }
    case 'pause':
      return runtime.pause(id);
    case 'resume':
      return runtime.resume(id);
    default:
      return remove(invocation, id);
  }
}

async function remove(invocation: Invocation, id: string): Promise<void> {
  const runtime = await invocation.runtime();
  const force = invocation.flags.bool('force');
  try {
    const { status } = runtime.state(id);
    if (!force && status !== 'stopped' && status !== 'created')
      throw new CliError(`cannot delete container ${id} that is not stopped: ${status}`);
    await runtime.delete(id, { force: force || status === 'created' });
  } catch (error) {
    if (!force || !isNotFound(error)) throw error;
    // what an aborted create left has no state that could be read
    await runtime.delete(id, { force: true }).catch((again: unknown) => {
      if (!isNotFound(again)) throw again;
    });
  }
}
