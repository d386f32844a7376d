import { compilePattern } from '../pattern.js';
import type { ContainerRecord } from '../record.js';

/**
 * What `docker logs --details` shows before each line: labels and variables that the options of the log name, sorted, each
 * part as in a URL's query. moby, daemon/logger/loginfo.go (ExtraAttributes), api/server/httputils/write_log_stream.go.
 */
export function logAttributes({ config, hostConfig }: Pick<ContainerRecord, 'config' | 'hostConfig'>): string {
  const { Config: options } = hostConfig.LogConfig;
  const variables = config.Env.map((line): [string, string] => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  });
  const found = new Map([
    ...chosen(Object.entries(config.Labels), options['labels'], options['labels-regex']),
    ...chosen(variables, options['env'], options['env-regex']),
    ...((options['tag'] ?? '') === '' ? [] : [['tag', options['tag'] ?? ''] as const]),
  ]);
  const part = (text: string): string =>
    encodeURIComponent(text)
      .replace(/%20/g, '+')
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${part(name)}=${part(value)}`)
    .join(',');
}

function chosen(
  pairs: readonly (readonly [string, string])[],
  names: string | undefined,
  pattern: string | undefined,
): readonly (readonly [string, string])[] {
  const named = new Set((names ?? '').split(','));
  const matches = (pattern ?? '') === '' ? null : compilePattern(pattern ?? '');
  return pairs.filter(([name]) => named.has(name) || matches?.(name) === true);
}
