import { bad } from './fields.js';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const MAX_NAME = 253;

/** A container's name without its `/`; null: none is asked for. */
export function containerName(text: string): string | null {
  if (text === '') return null;
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (name.length > MAX_NAME || !NAME.test(name)) {
    return bad(`Invalid container name (${text.slice(0, 300)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return name;
}
