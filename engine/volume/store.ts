import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { noteFile } from '../kernel/journal/file-deed.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import { step, syncDirectorySync, writeFileDurablySync } from '../kernel/replace-file.js';
import { guard } from './guards.js';

/** A volume as it is kept beside its data. */
export interface VolumeRecord {
  readonly name: string;
  readonly driver: string;
  /** RFC 3339. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly options: Readonly<Record<string, string>> | null;
}

const DATA = '_data';
const RECORD = 'volume.json';
/** As Docker writes it, for whoever looks: what the local driver mounts. */
const OPTIONS = 'opts.json';
const VERSION = 1;
/** No volume's name begins with a dot: what is being made and what is being removed. */
const UNBORN = '.new-';
const DYING = '.gone-';

const MADE = {
  en: 'make the directory of a volume: what is written to it outlives containers',
  zh: '创建卷的目录：写入其中的数据不随容器消失',
};
const REMOVED = { en: 'remove a volume with all that is in it', zh: '删除卷及其全部内容' };

/**
 * `volumes/NAME/_data` and what is known of it. A volume appears and disappears by one rename(2): whenever the engine is
 * killed, or the power fails, each one is whole or not there.
 */
export class VolumeStore {
  readonly root: string;

  constructor(root: string) {
    this.root = join(root, 'volumes');
    mkdirSync(this.root, { recursive: true, mode: 0o701 });
    chmodSync(this.root, 0o701);
    for (const name of readdirSync(this.root))
      if (name.startsWith(UNBORN) || name.startsWith(DYING))
        rmSync(join(this.root, name), { recursive: true, force: true });
  }

  dataOf(name: string): string {
    return join(this.root, name, DATA);
  }

  read(): VolumeRecord[] {
    return readdirSync(this.root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => this.#record(name));
  }

  #record(name: string): VolumeRecord {
    const path = join(this.root, name, RECORD);
    try {
      const { version, volume } = JSON.parse(readFileSync(path, 'utf8')) as { version: number; volume: VolumeRecord };
      if (version !== VERSION) throw new Error(`its version is ${version}, not ${VERSION}`);
      return { ...volume, name };
    } catch (error) {
      throw new EngineError('DataLoss', `read ${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  make(volume: VolumeRecord): void {
    const unborn = mkdtempSync(join(this.root, UNBORN));
    try {
      chmodSync(unborn, 0o701);
      mkdirSync(join(unborn, DATA));
      chmodSync(join(unborn, DATA), 0o755);
      const { type = '', o = '', device = '' } = volume.options ?? {};
      if (volume.options !== null && Object.keys(volume.options).length > 0)
        writeFileDurablySync(
          join(unborn, OPTIONS),
          JSON.stringify({ MountType: type, MountOpts: o, MountDevice: device, Quota: { Size: 0 } }),
        );
      writeFileDurablySync(join(unborn, RECORD), `${JSON.stringify({ version: VERSION, volume })}\n`);
      syncDirectorySync(unborn);
      step(`wrote ${volume.name}`);
      renameSync(unborn, join(this.root, volume.name));
      step(`renamed ${volume.name}`);
      noteFile({ what: 'mkdir', path: this.dataOf(volume.name), say: MADE });
      syncDirectorySync(this.root);
    } catch (error) {
      rmSync(unborn, { recursive: true, force: true });
      throw error;
    }
  }

  /** Its data too. Refused while something is mounted in it: that would be emptied instead. */
  async remove(name: string): Promise<void> {
    const place = join(this.root, name);
    if (guard('remove-unmounted')) {
      const below = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).find(
        ({ mountPoint }) => mountPoint === place || mountPoint.startsWith(`${place}/`),
      );
      if (below !== undefined)
        throw new EngineError('FailedPrecondition', `remove ${name}: ${below.mountPoint} is mounted`);
    }
    const dying = mkdtempSync(join(this.root, DYING));
    step(`removes ${name}`);
    // somebody may have taken the directory away: then all of it is gone already
    if (existsSync(place)) renameSync(place, join(dying, name));
    step(`renamed ${name}`);
    noteFile({ what: 'remove', path: place, say: REMOVED });
    syncDirectorySync(this.root);
    await rm(dying, { recursive: true, force: true });
  }
}
