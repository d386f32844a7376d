import type { Mount } from '../api/types.js';

/** Undo the octal escapes (`\040` space, `\011` tab, `\012` new line, `\134` backslash, `\043` hash) of mount fields. */
export function unescapeMountField(field: string): string {
  if (!field.includes('\\')) return field;
  const bytes: number[] = [];
  const raw = Buffer.from(field, 'utf8');
  for (let i = 0; i < raw.length; i++) {
    const octal = raw[i] === 0x5c ? /^[0-3][0-7]{2}/.exec(raw.toString('latin1', i + 1, i + 4)) : null;
    if (octal === null) {
      bytes.push(raw[i] as number);
    } else {
      bytes.push(Number.parseInt(octal[0], 8));
      i += 3;
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Split an option string, then undo the escapes: the kernel writes a comma that belongs to a value as `\\054` (seq_show_option). */
export function splitOptions(text: string): string[] {
  return text === '' ? [] : text.split(',').map(unescapeMountField);
}

/**
 * Parse one line of /proc/PID/mountinfo (proc_pid_mountinfo(5)):
 * `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
 * Optional fields are any number, ended by a lone `-`. Returns null for what is not such a line.
 */
export function parseMountinfoLine(line: string): Mount | null {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  if (dash < 0 || words.length < dash + 3) return null;
  const [id, parent, device, root, mountPoint, options] = words as [string, string, string, string, string, string];
  if (!/^\d+$/.test(id) || !/^\d+$/.test(parent)) return null;
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescapeMountField(root),
    mountPoint: unescapeMountField(mountPoint),
    options: splitOptions(options),
    propagation: words.slice(6, dash),
    fsType: unescapeMountField(words[dash + 1] as string),
    source: unescapeMountField(words[dash + 2] as string),
    superOptions: splitOptions(words.slice(dash + 3).join(' ')),
  };
}

/** Parse a whole mountinfo file, in the kernel's order: a mount covers those before it at the same place. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const mount = line === '' ? null : parseMountinfoLine(line);
    if (mount !== null) mounts.push(mount);
  }
  return mounts;
}

/** The mount that a path lies on: the last one listed with the longest mount point that is the path or leads to it. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | null {
  let best: Mount | null = null;
  for (const mount of mounts) {
    const at = mount.mountPoint;
    const covers = at === '/' || path === at || path.startsWith(`${at}/`);
    if (covers && (best === null || at.length >= best.mountPoint.length)) best = mount;
  }
  return best;
}
