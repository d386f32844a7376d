const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Go's strconv.ParseBool; null for what it does not know. */
export function parseBool(value: string): boolean | null {
  if (TRUE.has(value)) return true;
  return FALSE.has(value) ? false : null;
}
