import { decodeRaw } from './raw-probe.js';

/** What one run of one bundle showed: lines by section. */
export type Report = Readonly<Record<string, readonly string[]>>;

/** The section that is there for people: what a command said, word for word. */
export const UNCOMPARED = 'said in full';

/** Text in sections (`== name`), as the probe prints it, without the carriage returns of a terminal. */
export function sections(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let lines: string[] = [];
  found.set('before the probe', lines);
  for (const line of text.replaceAll('\r', '').split('\n')) {
    if (line.startsWith('== ')) {
      lines = [];
      found.set(line.slice(3), lines);
    } else if (line !== '') lines.push(line);
  }
  if (found.get('before the probe')?.length === 0) found.delete('before the probe');
  return found;
}

/** Names of namespaces that a test knows, by what /proc says of them (`net:[4026531840]`). */
export type KnownNamespaces = ReadonlyMap<string, string>;

/** A probe's report without what differs from run to run: numbers of mounts, devices, peers, pipes and namespaces. */
export function probeReport(text: string, known: KnownNamespaces): Record<string, string[]> {
  const report: Record<string, string[]> = {};
  for (const [name, lines] of sections(text)) {
    if (name === 'mountinfo') Object.assign(report, mountReport(lines));
    else if (name === 'namespaces') report[name] = lines.map((line) => relation(line, known));
    else if (name === 'raw') report[name] = rawLines(lines);
    else if (name === 'fds') report[name] = lines.map(descriptor);
    else if (name === 'status') report[name] = lines.map(levels);
    else report[name] = lines.map(plain);
  }
  return report;
}

/** Lines of any other text without numbers that only one run has. */
export function plain(line: string): string {
  return line
    .replace(/\b(pipe|socket):\[\d+\]/g, '$1')
    .replace(/\/proc\/\d+\//g, '/proc/n/')
    .replace(/\b([a-z_]+):\[\d{10}\]/g, '$1:[…]')
    .replace(/\(0x[0-9a-f]+\)/g, '(…)')
    .replace(/\b((?:created|init_process_start)(?:\.\w+)?: )("[^"]*"|\d+)/g, '$1"…"')
    .replace(/\b((?:init_process_)?pid: )[1-9]\d*/g, '$1n')
    .replace(/keyring;0;0;[0-9a-f]+;/, 'keyring;0;0;…;');
}

/** `3 lr-x------ pipe` of a line of `ls -ln /proc/1/fd`. */
function descriptor(line: string): string {
  const parts = /^(\S{10})\s.* (\d+) -> (.*)$/.exec(line);
  const unread = /^([-a-z]{10})\s.* (\d+)$/.exec(line);
  if (unread !== null) return `${unread[2]} ${unread[1]} of whom no more may be known`;
  return parts === null ? plain(line) : plain(`${parts[2]} ${parts[1]} ${parts[3]}`);
}

/** NStgid and NSsid say by the number of their columns how deep the pid namespace is; a number of the host's own is `n`. */
function levels(line: string): string {
  return /^NS/.test(line) ? line.replace(/\b\d{2,}\b|\b[2-9]\b/g, 'n') : line;
}

function relation(line: string, known: KnownNamespaces): string {
  const [kind = '', link = ''] = line.split(' ');
  return `${kind} ${known.get(link) ?? 'new'}`;
}

function rawLines(lines: readonly string[]): string[] {
  if (!lines.every((line) => /^[ 0-9a-f]+$/.test(line))) return [...lines];
  const bytes = Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
  return decodeRaw(bytes).trim().split('\n');
}

interface Mount {
  readonly id: string;
  readonly parent: string;
  readonly at: string;
  readonly text: string;
}

/**
 * proc(5)'s mountinfo as a tree: a mount's place is its parent and its mount point, whatever order the kernel lists
 * siblings in (from 6.8 on that of their birth). The order itself is a section of its own.
 */
export function mountReport(lines: readonly string[]): Record<string, string[]> {
  const number = numbering();
  const mounts = lines.map((line): Mount => {
    const dash = line.indexOf(' - ');
    const [id = '', parent = '', device = '', root = '', at = '', options = '', ...optional] = line
      .slice(0, dash)
      .split(' ');
    const [type = '', source = '', superOptions = ''] = line.slice(dash + 3).split(' ');
    const text = `${device.startsWith('0:') ? '0:n' : device} ${root} ${at} ${options} [${optional.join(' ')}] ${type} ${source} ${superOptions}`;
    return { id, parent, at, text };
  });
  const tree: string[] = [];
  const ids = new Set(mounts.map(({ id }) => id));
  const visit = (parent: Mount, depth: number): void => {
    tree.push(`${'  '.repeat(depth)}${number(parent.text)}`);
    const children = mounts.filter((mount) => mount.parent === parent.id && mount.id !== parent.id);
    for (const child of children.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))) visit(child, depth + 1);
  };
  for (const mount of mounts) if (!ids.has(mount.parent) || mount.parent === mount.id) visit(mount, 0);
  if (tree.length !== mounts.length) tree.push(`${mounts.length} mounts are listed, ${tree.length} are in the tree`);
  return { mounts: tree, 'mount order': mounts.map(({ at }) => at) };
}

/** Peer group numbers replaced by 1, 2, 3 … in the order of their appearance. */
function numbering(): (text: string) => string {
  const seen = new Map<string, number>();
  return (text) =>
    text.replace(/\b(shared|master|propagate_from):(\d+)/g, (_, word: string, id: string) => {
      if (!seen.has(id)) seen.set(id, seen.size + 1);
      return `${word}:${seen.get(id)}`;
    });
}

/** What kind of failure an error text tells of: runc's sentences and another runtime's need not be the same, but must mean the same. */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ['invalid', /^(?!.*no such file).*(namespace \{.* does not exist|expected (a|an|one|at) )/i],
  ['exec format', /exec format error|ENOEXEC/i],
  ['not there', /no such file or directory|not found|does not exist|no such process|ENOENT/i],
  ['no permission', /permission denied|EACCES/i],
  ['not permitted', /operation not permitted|EPERM/i],
  ['not a directory', /not a directory|ENOTDIR/i],
  ['is a directory', /is a directory|EISDIR/i],
  ['unknown device', /no such device|unknown filesystem|ENODEV/i],
  ['there already', /already exists|file exists|EEXIST|device or resource busy|EBUSY/i],
  ['loop', /too many levels|ELOOP/i],
  [
    'invalid',
    /invalid|EINVAL|must |cannot |unable to|only |not allowed|unknown|requires|not supported|is not |is above|expected|minimum allowed|memory limit|error running hook/i,
  ],
];

export function errorKind(text: string): string {
  const errors = text.split('\n').filter((line) => line.trim() !== '' && !line.includes('level=warning'));
  if (errors.length === 0) return 'says nothing';
  return KINDS.find(([, pattern]) => errors.some((line) => pattern.test(line)))?.[0] ?? 'something else';
}
