/** The directories of an overlay mount, as its options name them. */
export interface OverlayDirs {
  /** Null for a read-only stack of lower directories. */
  readonly upper: string | null;
  readonly work: string | null;
  /** In lookup order, top first; data-only layers last. */
  readonly lower: readonly string[];
  /** Which extended attributes mark its whiteouts and opaque directories: `user.overlay.` or `trusted.overlay.`. */
  readonly xattrPrefix: 'user.overlay.' | 'trusted.overlay.';
}

/**
 * Take an overlay's options apart. In `lowerdir=` a colon separates layers and a backslash escapes a colon, a backslash or
 * a comma; `::` begins the data-only layers. `lowerdir+=` and `datadir+=` (Linux 6.5) name one directory each, verbatim.
 * See Documentation/filesystems/overlayfs.rst.
 *
 * @param options super options of mountinfo, already split and with the octal escapes undone
 */
export function parseOverlayOptions(options: readonly string[]): OverlayDirs {
  let upper: string | null = null;
  let work: string | null = null;
  const lower: string[] = [];
  const data: string[] = [];
  for (const option of options) {
    const at = option.indexOf('=');
    const value = at < 0 ? '' : option.slice(at + 1);
    switch (at < 0 ? option : option.slice(0, at)) {
      case 'upperdir':
        upper = unescapeOverlay(value);
        break;
      case 'workdir':
        work = unescapeOverlay(value);
        break;
      case 'lowerdir':
        lower.push(...splitLowerdir(value));
        break;
      case 'lowerdir+':
        lower.push(value);
        break;
      case 'datadir+':
        data.push(value);
        break;
      default:
        break;
    }
  }
  const xattrPrefix = options.includes('userxattr') ? 'user.overlay.' : 'trusted.overlay.';
  return { upper, work, lower: [...lower, ...data], xattrPrefix };
}

/** Split at colons that are not escaped; an empty piece (from `::`) is a separator only. */
export function splitLowerdir(value: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (let i = 0; i < value.length; i++) {
    const char = value[i] as string;
    if (char === '\\' && i + 1 < value.length) {
      piece += value[++i];
    } else if (char === ':') {
      if (piece !== '') pieces.push(piece);
      piece = '';
    } else {
      piece += char;
    }
  }
  if (piece !== '') pieces.push(piece);
  return pieces;
}

function unescapeOverlay(value: string): string {
  return value.replace(/\\(.)/gs, '$1');
}
