/** --filter name=value, repeated, as the API takes it. Undefined: there is none. */
export function filtersOf(values: readonly string[]): string | undefined {
  const filters: Record<string, Record<string, true>> = {};
  for (const value of values) {
    const equals = value.indexOf('=');
    if (equals < 0) continue;
    const name = value.slice(0, equals).trim().toLowerCase();
    filters[name] = { ...filters[name], [value.slice(equals + 1).trim()]: true };
  }
  return Object.keys(filters).length === 0 ? undefined : JSON.stringify(filters);
}
