import koffi from 'koffi';
import { SyscallError } from './errors.js';

const syncfs = koffi.load(null).func('int syncfs(int fd)');

/**
 * Write everything that the file system of an open file holds back to its disk, without keeping the process waiting: it may
 * take seconds. syncfs(2); write errors are told since Linux 5.8.
 */
export function syncFileSystem(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    syncfs.async(fd, (error: unknown, value: number) => {
      if (error !== null && error !== undefined) reject(error as Error);
      // the thread's errno is gone by now; of an open file only its disk can be at fault
      else if (value !== 0) reject(new SyscallError('syncfs', 5, { while: 'write layers to the disk' }));
      else resolve();
    });
  });
}
