import type { Json } from '../inspect/json.js';
import { printable } from './formatter.js';

/** `Thu May  7 21:09:36 2026`: Go's ANSIC, in UTC. */
export function ansic(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const [day = '', month = ''] = [
    ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][date.getUTCDay()],
    ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][date.getUTCMonth()],
  ];
  return `${day} ${month} ${String(date.getUTCDate()).padStart(2)} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()}`;
}

type Members = ReadonlyMap<string, Json>;

/** docker version without a template. */
export function versionText(client: Members, server: Members | null): string {
  const text = (map: Members, name: string): string => {
    const value = map.get(name);
    return typeof value === 'string' ? printable(value) : '';
  };
  const api = text(client, 'ApiVersion');
  const newest = text(client, 'DefaultAPIVersion');
  const rows: [string, string][] = [
    ['Version', text(client, 'Version')],
    ['API version', api === newest ? api : `${api} (downgraded from ${newest})`],
    ['Go version', text(client, 'GoVersion')],
    ['Git commit', text(client, 'GitCommit')],
    ['Built', text(client, 'BuildTime')],
    ['OS/Arch', `${text(client, 'Os')}/${text(client, 'Arch')}`],
    ['Context', text(client, 'Context')],
  ];
  const platform = client.get('Platform');
  const title = platform instanceof Map ? `Client: ${text(platform as Members, 'Name')}` : 'Client:';
  const lines = [title, ...rows.map(([name, value]) => ` ${`${name}:`.padEnd(18)} ${value}`)];
  if (server !== null) lines.push('', ...serverLines(server, text));
  return lines.map((line) => `${line}\n`).join('');
}

function serverLines(server: Members, text: (map: Members, name: string) => string): string[] {
  const platform = server.get('Platform');
  const name = platform instanceof Map ? text(platform as Members, 'Name') : '';
  const lines = [`Server:${name === '' ? '' : ` ${name}`}`];
  const components = server.get('Components');
  for (const one of Array.isArray(components) ? (components as readonly Json[]) : []) {
    if (!(one instanceof Map)) continue;
    const component = one as Members;
    const details = component.get('Details');
    const detail = details instanceof Map ? (details as Members) : new Map<string, Json>();
    lines.push(` ${text(component, 'Name')}:`, row('Version', text(component, 'Version')));
    if (text(component, 'Name') === 'Engine') {
      const minimum = text(detail, 'MinAPIVersion');
      lines.push(
        row('API version', `${text(detail, 'ApiVersion')}${minimum === '' ? '' : ` (minimum version ${minimum})`}`),
        row('Go version', text(detail, 'GoVersion')),
        row('Git commit', text(detail, 'GitCommit')),
        row('Built', text(detail, 'BuildTime')),
        row('OS/Arch', `${text(detail, 'Os')}/${text(detail, 'Arch')}`),
        row('Experimental', text(detail, 'Experimental')),
      );
    } else
      for (const [key, value] of [...detail].sort(([a], [b]) => (a < b ? -1 : 1)))
        lines.push(row(key, typeof value === 'string' ? printable(value) : ''));
  }
  return lines;
}

const row = (name: string, value: string): string => `  ${`${name}:`.padEnd(17)} ${value}`;
