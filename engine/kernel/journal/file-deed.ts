import type { Bilingual } from '../../api/types.js';
import { DeedKind, type DeedNote, noteDeed } from './deed.js';

/** Something done to files of the machine by ordinary means, as a shell would do it. */
export interface FileDeed {
  readonly what: 'write' | 'mkdir' | 'remove' | 'rename' | 'layer' | 'sysctl';
  readonly path: string;
  /** Bytes written, or of what was unpacked. */
  readonly bytes?: number;
  /** What was written, where it is short and anybody may read it. */
  readonly value?: string;
  readonly say: Bilingual;
}

const FILE = new DeedKind<FileDeed>('file');
FILE.tellWith(tellFile);

/** Note a file that was written, made or removed. */
export function noteFile(deed: FileDeed): void {
  noteDeed(FILE, deed);
}

function tellFile({ what, path, bytes, value, say }: FileDeed): readonly DeedNote[] {
  return [
    {
      domain: what === 'sysctl' ? 'sysctl' : 'file',
      act: actOf(what, path, bytes, value),
      command: commandOf(what, path, value),
      man: MAN[what],
      explanation: say,
      result: { ok: true },
    },
  ];
}

const MAN: Readonly<Record<FileDeed['what'], string>> = {
  write: 'write(2)',
  mkdir: 'mkdir(2)',
  remove: 'unlink(2)',
  rename: 'rename(2)',
  layer: 'tar(1)',
  sysctl: 'proc_sys(5)',
};

function actOf(what: FileDeed['what'], path: string, bytes?: number, value?: string): string {
  const content = value !== undefined ? `, ${JSON.stringify(value)}` : bytes === undefined ? '' : `, ${bytes} bytes`;
  return `${what === 'sysctl' ? 'write' : what === 'layer' ? 'unpack' : what}(${JSON.stringify(path)}${content})`;
}

function commandOf(what: FileDeed['what'], path: string, value?: string): string | null {
  const word = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  if (what === 'mkdir') return `mkdir ${word}`;
  if (what === 'remove') return `rm -r ${word}`;
  if (value !== undefined) return `echo ${JSON.stringify(value)} > ${word}`;
  return null;
}
