import type { Engine, ErrorBody } from '../../engine/api/types.js';
import { EngineFailure, EngineHttp } from './http.js';
import { RemoteLab } from './lab.js';
import { spawnEngine } from './spawn.js';

export { EngineFailure } from './http.js';
export { runPassthrough } from './passthrough.js';

/** Start an engine of our own and connect to it. It, and all its labs, end with `close` or with this process. */
export async function connectEngine(): Promise<Engine> {
  const engine = await spawnEngine({ passStdio: false });
  const http = new EngineHttp(engine.socketPath);
  return {
    createLab: (options = {}) => RemoteLab.create(http, options),
    stepLab: (options, onHeld) => RemoteLab.step(http, options, onHeld),
    close: () => engine.close(),
  };
}

/** True for an error that the engine answered with that code. */
export function hasCode(error: unknown, code: ErrorBody['code']): boolean {
  return error instanceof EngineFailure && error.body.code === code;
}
