import { F, MFD } from './constants.js';
import { check, type Kernel } from './kernel.js';

/** F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, fcntl(2): nobody who executes it can change it. */
const SEAL_ALL = 15;

/** A sealed anonymous file with these bytes, close-on-exec. memfd_create(2). */
export function sealedMemfd(kernel: Kernel, name: string, bytes: Uint8Array, sealed = true): number {
  const fd = check(kernel, 'memfd_create', [name, MFD.CLOEXEC | MFD.ALLOW_SEALING], { while: `making ${name}` });
  try {
    for (let at = 0; at < bytes.length; ) {
      at += check(kernel, 'write', [fd, bytes.subarray(at), bytes.length - at], { while: `writing ${name}` });
    }
    if (sealed) check(kernel, 'fcntl', [fd, F.ADD_SEALS, SEAL_ALL], { while: `sealing ${name}` });
    return fd;
  } catch (error) {
    kernel.call('close', fd);
    throw error;
  }
}
