import type { Attached } from '../../../container/types.js';
import { EngineError } from '../../../kernel/errors.js';
import { noteRefusal } from '../../../kernel/journal/journal.js';
import { type ParsedExecStart, parseExecCreate, parseExecStart } from '../bodies/exec.js';
import { carry, RawClient } from '../http/client.js';
import { messageOf } from '../http/errors.js';
import { sendEmpty, sendJson } from '../http/send.js';
import { type Endpoint, type Exchange, endpoint } from '../router.js';
import { upgraded } from './container-streams.js';

export const EXEC: readonly Endpoint[] = [
  endpoint(
    'ContainerExec POST /containers/{id}/exec',
    'json',
    ({ name, body, version }) => ({ name, request: parseExecCreate(body, version) }),
    async ({ name, request }, { services, response }) =>
      sendJson(response, 201, await services.containers.exec(name, request)),
  ),
  endpoint(
    'ExecStart POST /exec/{id}/start',
    'json',
    ({ name, body, version }) => ({ id: name, how: parseExecStart(body, version) }),
    start,
  ),
  endpoint(
    'ExecResize POST /exec/{id}/resize',
    'none',
    ({ name, query }) => ({ id: name, rows: query.cells('h'), columns: query.cells('w') }),
    async ({ id, rows, columns }, { services, response }) => {
      await services.containers.resizeExec(id, rows, columns);
      sendEmpty(response, 200);
    },
  ),
  endpoint(
    'ExecInspect GET /exec/{id}/json',
    'none',
    ({ name }) => name,
    async (id, { services, response }) => sendJson(response, 200, await services.containers.inspectExec(id)),
  ),
];

async function start({ id, how }: { id: string; how: ParsedExecStart }, exchange: Exchange): Promise<void> {
  const { containers } = exchange.services;
  if (how.detach) {
    await containers.startExec(id, how);
    return sendEmpty(exchange.response, 200);
  }
  await mustBeStartable(id, exchange);
  const { socket, early } = exchange.takeOver();
  socket.write(upgraded(exchange, !how.tty));
  const client = new RawClient(socket, early, !how.tty, exchange.halfClosed);
  let attached: Attached | null;
  try {
    attached = await containers.startExec(id, how);
  } catch (error) {
    // The status is sent: why the program does not run is told where its output would be, as dockerd does.
    const message = messageOf(error);
    noteRefusal(message);
    await client.send({ stream: 'stdout', bytes: Buffer.from(`${message}\r\n`) });
    return client.end();
  }
  if (attached === null) return client.end();
  await carry(client, attached, true);
}

/** What dockerd asks before it takes the connection over: behind that there is no status to say it with. */
async function mustBeStartable(id: string, { services: { containers } }: Exchange): Promise<void> {
  const { ContainerID, Running } = await containers.inspectExec(id);
  if (Running) throw new EngineError('FailedPrecondition', `exec ${id} is already running`);
  const { State } = await containers.inspect(ContainerID);
  if (!State.Running) throw new EngineError('FailedPrecondition', `container ${ContainerID} is not running`);
  if (State.Paused)
    throw new EngineError(
      'FailedPrecondition',
      `container ${ContainerID} is paused, unpause the container before exec`,
    );
  if (State.Restarting)
    throw new EngineError(
      'FailedPrecondition',
      `Container ${ContainerID} is restarting, wait until the container is running`,
    );
}
