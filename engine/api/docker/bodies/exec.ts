import type { ExecRequest } from '../../../container/types.js';
import type { ApiVersion } from '../version.js';
import { bad, Fields } from './fields.js';

/** POST /containers/ID/exec. */
export function parseExecCreate(body: unknown, version: ApiVersion): ExecRequest {
  const fields = new Fields(body, 'ExecCreateRequest');
  const words = fields.strings('Cmd') ?? [];
  if (words.length === 0) bad('No exec command specified');
  const env = fields.strings('Env') ?? [];
  for (const variable of env)
    if (variable === '' || variable.startsWith('=')) bad(`invalid environment variable: ${variable}`);
  return {
    AttachStdin: fields.boolean('AttachStdin'),
    AttachStdout: fields.boolean('AttachStdout'),
    AttachStderr: fields.boolean('AttachStderr'),
    DetachKeys: fields.string('DetachKeys') === '' ? null : fields.string('DetachKeys'),
    Tty: fields.boolean('Tty'),
    Env: env,
    Cmd: words,
    Privileged: fields.boolean('Privileged'),
    User: fields.string('User'),
    WorkingDir: fields.string('WorkingDir'),
    ConsoleSize: consoleSize(fields, version),
  };
}

export interface ParsedExecStart {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize: readonly [number, number] | null;
}

/** POST /exec/ID/start. */
export function parseExecStart(body: unknown, version: ApiVersion): ParsedExecStart {
  const fields = new Fields(body, 'ExecStartRequest');
  const tty = fields.boolean('Tty');
  return { detach: fields.boolean('Detach'), tty, consoleSize: tty ? consoleSize(fields, version) : null };
}

/** [height, width], known since 1.42. */
function consoleSize(fields: Fields, version: ApiVersion): readonly [number, number] | null {
  const size = version.atLeast(42) ? fields.numbers('ConsoleSize') : null;
  return size === null ? null : [size[0] ?? 0, size[1] ?? 0];
}
