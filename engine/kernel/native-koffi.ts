import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type koffi from 'koffi';

/**
 * koffi's binary without its package's search for it, which takes 9 of the 10 ms that `import 'koffi'` does: the bundle of
 * `glassbox-runtime` has this in koffi's place (scripts/lib/bundle.mjs). Where the binary is not where npm puts it, the
 * package itself is asked.
 */
function load(): typeof koffi {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    for (const libc of ['linux', 'musl']) {
      const path = `${dir}/node_modules/@koromix/koffi-linux-${process.arch}/${libc}_${process.arch}/koffi.node`;
      if (!existsSync(path)) continue;
      const found = open(path);
      if (found !== null) return found;
    }
    if (dir === dirname(dir)) return createRequire(import.meta.filename)('koffi') as typeof koffi;
  }
}

/** Null for the binary of the other C library. */
function open(path: string): typeof koffi | null {
  const module = { exports: {} as typeof koffi };
  try {
    process.dlopen(module, path);
    return module.exports;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED') return null;
    throw error;
  }
}

export default load();
