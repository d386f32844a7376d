import { AT, O } from '../../kernel/constants.js';
import { check, realKernel } from '../../kernel/kernel.js';
import { cString } from '../tar/names.js';
import { Packer } from './pack.js';
import type { DiffLayer } from './types.js';
import { isDirectory, openDirectory, walk } from './walk.js';
import { OPAQUE_NAME, OverlayMarker, whiteoutName } from './whiteouts.js';

/** How the archive holds a mark: an empty file with Docker's mode for it. */
const MARK = { type: 'file', mode: 0o600 } as const;

export const diffLayer: DiffLayer = async function* (upper, options = {}) {
  const kernel = options.kernel ?? realKernel;
  const marker = new OverlayMarker(kernel, options.userxattr === true);
  const packer = new Packer(kernel);
  const root = check(kernel, 'openat', [AT.FDCWD, cString(upper), O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0], {
    path: upper,
  });
  try {
    if (marker.isOpaque(root)) yield* packer.mark({ ...MARK, name: OPAQUE_NAME });
    for (const walked of walk(kernel, root)) {
      const { path, status, dir, name } = walked;
      const base = path.slice(path.lastIndexOf('/') + 1);
      const parent = path.slice(0, path.length - base.length);
      if (marker.isWhiteout({ ...status, rdev: status.major + status.minor }, `/proc/self/fd/${dir}/${base}`)) {
        yield* packer.mark({ ...MARK, name: parent + whiteoutName(base), mtime: status.mtime });
        continue;
      }
      yield* packer.add(walked, path);
      if (!isDirectory(status)) continue;
      const fd = openDirectory(kernel, dir, name);
      if (fd === null) continue;
      try {
        if (marker.isOpaque(fd)) yield* packer.mark({ ...MARK, name: `${path}/${OPAQUE_NAME}`, mtime: status.mtime });
      } finally {
        kernel.call('close', fd);
      }
    }
    yield* packer.end();
  } finally {
    kernel.call('close', root);
  }
};
