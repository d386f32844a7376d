import type { Invocation } from './main.js';

/** Hand over to the code of one command; each is imported only here, so that the others cost nothing. */
export async function dispatch(invocation: Invocation): Promise<number> {
  const { command } = invocation;
  switch (command.name) {
    case 'create':
    case 'run':
      return (await import('./start-container.js')).startContainer(invocation);
    case 'exec':
      return (await import('./exec.js')).execInContainer(invocation);
    case 'start':
    case 'kill':
    case 'delete':
    case 'pause':
    case 'resume':
      await (await import('./lifecycle.js')).lifecycle(invocation);
      return 0;
    case 'state':
    case 'list':
    case 'ps':
      await (await import('./show.js')).show(invocation);
      return 0;
    case 'explain':
      await (await import('./explain.js')).explain(invocation);
      return 0;
    case 'update':
      await (await import('./update.js')).update(invocation);
      return 0;
    case 'events':
      await (await import('./events.js')).events(invocation);
      return 0;
    case 'spec':
    case 'features':
      (await import('./describe.js')).describe(invocation);
      return 0;
    case 'checkpoint':
    case 'restore': {
      const { CliError } = await import('./failure.js');
      throw new CliError(`${command.name} is not supported: this runtime does not drive criu`);
    }
    default:
      throw new Error(`no code for the command ${command.name}`);
  }
}
