import { fstatSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OciRuntime } from '../types.js';

export interface RuntimeOptions {
  readonly root: string;
  readonly warn: (message: string) => void;
  readonly debug: (message: string) => void;
  /** Go on where control groups may not be changed; null: as the runtime finds right. */
  readonly rootless: boolean | null;
}

/** What a command touches of the process it runs in. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly errIsTerminal: () => boolean;
  readonly open: (options: RuntimeOptions) => Promise<OciRuntime>;
}

/**
 * Write all of it, now: a command may exit right after. A pipe that another process made non-blocking may be full
 * (EAGAIN); a reader that is gone ends us as SIGPIPE would, which Node ignores.
 */
export function writeAll(fd: number, content: string | Buffer): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(141);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Version of the package that this file belongs to. */
export function packageVersion(from: string = import.meta.dirname): string {
  for (let dir = from; ; dir = dirname(dir)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Record<string, unknown>;
      if (name === 'glassbox' && typeof version === 'string') return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (dir === dirname(dir)) throw new Error(`no package.json of glassbox above ${from}`);
  }
}

/**
 * Where containers are kept without --root: on the tmpfs of the machine, or of a user who is not root, as runc decides
 * (rootless_linux.go). Root of a user namespace is somebody's, unless the environment says it is root itself.
 */
export function defaultRoot(env: World['env'], uid: number, inUserNamespace: () => boolean): string {
  const own = env['XDG_RUNTIME_DIR'] ?? '';
  const isSomebody = own !== '' && (uid !== 0 || (env['USER'] !== 'root' && inUserNamespace()));
  return isSomebody ? `${own}/glassbox-runtime` : '/run/glassbox-runtime';
}

/** Majors of Documentation/admin-guide/devices.txt: consoles and serial lines, and the pseudoterminals of devpts. */
const TERMINAL_MAJORS = new Set([4, 5, 204, 136, 137, 138, 139, 140, 141, 142, 143]);

/** isatty(3), without node:tty, which loads Node's network: 3 ms that every command would wait for. */
export function isTerminal(fd: number): boolean {
  const found = fstatSync(fd);
  return found.isCharacterDevice() && TERMINAL_MAJORS.has((found.rdev >> 8) & 0xfff);
}
