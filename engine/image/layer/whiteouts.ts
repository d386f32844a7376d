import { S_IF } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { guard } from '../tar/guards.js';
import { getXattr, overlayPrefix } from './attributes.js';

/** https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
const PREFIX = '.wh.';
/** What aufs kept for itself, of which only the mark of an opaque directory has a meaning. */
const META = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

const EPERM = -1;

export type OciMark =
  | { readonly kind: 'none' }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'whiteout'; readonly hides: string };

/** What a layer's entry of this name means. InvalidArgument for a whiteout of `.`, `..` or nothing. */
export function ociMark(base: string): OciMark {
  if (!base.startsWith(PREFIX)) return { kind: 'none' };
  if (base === OPAQUE) return { kind: 'opaque' };
  if (base.startsWith(META)) return { kind: 'ignored' };
  const hides = base.slice(PREFIX.length);
  if (guard('layer-whiteout-names') && (hides === '' || hides === '.' || hides === '..'))
    throw new EngineError('InvalidArgument', `apply layer: invalid whiteout ${JSON.stringify(base)}`);
  return { kind: 'whiteout', hides };
}

export const whiteoutName = (name: string): string => PREFIX + name;
export const OPAQUE_NAME: string = OPAQUE;

/**
 * Overlay's own marks: a character device 0:0 hides a name, the attribute `opaque=y` hides everything below a directory.
 * Anyone may make that device (Linux 5.8), in a user namespace too; where it is still refused, since Linux 6.7 a file with
 * the attribute `whiteout` hides a name in a directory with `opaque=x`. Documentation/filesystems/overlayfs.rst
 */
export class OverlayMarker {
  private readonly kernel: Kernel;
  private readonly prefix: string;
  /** Whether a device was refused, so that files stand for whiteouts. */
  private byAttribute = false;

  constructor(kernel: Kernel, userxattr: boolean) {
    this.kernel = kernel;
    this.prefix = overlayPrefix(userxattr);
  }

  /** Hide a name that the directory hasn't. False when that is done by nothing. */
  hide(dir: number, name: Buffer, label: string): boolean {
    if (!this.byAttribute) {
      const made = this.kernel.call('mknodat', dir, name, S_IF.CHR, 0);
      if (made === 0) return true;
      if (made !== EPERM) throw new SyscallError('mknodat', -made, { path: label, while: 'make whiteout' });
      this.byAttribute = true;
    }
    return this.hideByAttribute(dir, name, label);
  }

  private hideByAttribute(dir: number, name: Buffer, label: string): boolean {
    const path = `/proc/self/fd/${dir}`;
    if (this.isOpaque(dir)) return false;
    const made = this.kernel.call('mknodat', dir, name, S_IF.REG, 0);
    if (made < 0) throw new SyscallError('mknodat', -made, { path: label, while: 'make whiteout' });
    this.mark(Buffer.concat([Buffer.from(`${path}/`), name]), 'whiteout', 'y', label);
    this.mark(Buffer.from(`${path}/.\0`), 'opaque', 'x', label);
    return true;
  }

  /** Hide what the layers below have in a directory. */
  opaque(dir: number, label: string): void {
    this.mark(Buffer.from(`/proc/self/fd/${dir}/.\0`), 'opaque', 'y', label);
  }

  isOpaque(dir: number): boolean {
    return getXattr(this.kernel, `/proc/self/fd/${dir}/.`, `${this.prefix}opaque`)?.toString() === 'y';
  }

  /** @param path of the file, with its NUL */
  private mark(path: Buffer, name: string, value: string, label: string): void {
    const done = this.kernel.call('lsetxattr', path, `${this.prefix}${name}`, Buffer.from(value), value.length, 0);
    if (done < 0) throw new SyscallError('lsetxattr', -done, { path: label, while: `set ${this.prefix}${name}` });
  }

  /** Whether a file is a whiteout, by its status and, where that leaves it open, by its attribute. */
  isWhiteout(status: { readonly mode: number; readonly rdev: number; readonly size: number }, path: string): boolean {
    const type = status.mode & 0o170000;
    if (type === S_IF.CHR) return status.rdev === 0;
    if (type !== S_IF.REG || status.size !== 0) return false;
    return getXattr(this.kernel, path, `${this.prefix}whiteout`) !== null;
  }
}
