/** --restart: docker/cli/opts ParseRestartPolicy. */
export function parseRestartPolicy(value: string): { readonly Name: string; readonly MaximumRetryCount: number } {
  if (value === '') return { Name: '', MaximumRetryCount: 0 };
  const colon = value.indexOf(':');
  const [name, count] = colon < 0 ? [value, null] : [value.slice(0, colon), value.slice(colon + 1)];
  if (count !== null && name === '') throw new Error('invalid restart policy format: no policy provided before colon');
  if (count !== null && !/^[+-]?[0-9]+$/.test(count))
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}
