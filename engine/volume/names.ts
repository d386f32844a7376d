import { randomBytes } from 'node:crypto';
import { EngineError } from '../kernel/errors.js';
import { guard } from './guards.js';

/** Label of volumes that got no name from anybody. */
export const ANONYMOUS = 'com.docker.volume.anonymous';

/** NAME_MAX of Linux: a name is a directory's. */
const MAX_NAME = 255;

export const anonymousName = (): string => randomBytes(32).toString('hex');

/** What somebody sent, as it may stand in a message: short, and without characters that move a cursor. */
export function printable(text: string): string {
  const quoted = JSON.stringify(text.slice(0, 80)).slice(1, -1);
  return text.length > 80 ? `${quoted}…` : quoted;
}

/** A volume's name becomes a directory's: Docker's rule, in Docker's words. */
export function checkVolumeName(name: string): void {
  if (!guard('volume-name')) return;
  const refuse = (why: string): never => {
    throw new EngineError('InvalidArgument', `create ${printable(name)}: ${why}`);
  };
  if (name.length === 1) refuse('volume name is too short, names should be at least two alphanumeric characters');
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
    refuse(
      `"${printable(name)}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  if (name.length > MAX_NAME) refuse(`volume name is too long, names should be at most ${MAX_NAME} characters`);
}
