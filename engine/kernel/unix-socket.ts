import { EngineError, SyscallError } from './errors.js';
import type { Kernel } from './kernel.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
/** sun_path of unix(7), with its NUL. */
const LONGEST_PATH = 107;

/** A descriptor of a stream connection to a unix socket. connect(2) */
export function connectUnix(kernel: Kernel, path: string): number {
  const name = Buffer.from(path);
  if (name.length > LONGEST_PATH || path.includes('\0'))
    throw new EngineError('InvalidArgument', `${path}: the path of a unix socket has at most ${LONGEST_PATH} bytes`);
  const fd = kernel.call('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SyscallError('socket', -fd, { while: `connecting to ${path}` });
  const address = Buffer.alloc(2 + name.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const result = kernel.call('connect', fd, address, address.length);
  if (result < 0) {
    kernel.call('close', fd);
    throw new SyscallError('connect', -result, { path });
  }
  return fd;
}
