import type { Reference } from '../reference.js';
import { familiar, familiarName } from '../reference.js';
import { RegistryError } from './errors.js';

/** translatePullError of dockerd's distribution: what a code means to who pulls. */
export function pullError(error: unknown, reference: Reference): unknown {
  if (!(error instanceof RegistryError)) return error;
  const [first] = error.codes;
  if (first === undefined || error.message.startsWith('error pulling image configuration')) return error;
  const text = error.codes.length === 1 ? error.message : one(first);
  const prefix = prefixOf(first.code, reference);
  if (prefix === null && error.codes.length === 1) return error;
  return new RegistryError('answer', prefix === null ? text : `${prefix}: ${text}`, {
    cause: error,
    codes: error.codes,
    code: prefix === null ? error.code : 'NotFound',
  });
}

function prefixOf(code: string, reference: Reference): string | null {
  switch (code) {
    case 'DENIED':
      return `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login'`;
    case 'MANIFEST_UNKNOWN':
      return `manifest for ${familiar(reference)} not found`;
    case 'NAME_UNKNOWN':
      return `repository ${familiarName(reference)} not found`;
    default:
      return null;
  }
}

function one({ code, message }: { readonly code: string; readonly message: string }): string {
  const name = code.toLowerCase().replaceAll('_', ' ');
  return message === '' ? name : `${name}: ${message}`;
}
