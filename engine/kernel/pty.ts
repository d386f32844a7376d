import { TIOC } from './constants.js';
import { EngineError, SyscallError } from './errors.js';
import { addressOf, check, type Kernel } from './kernel.js';

/** Requests of ioctl_tty(2) on struct termios as the kernel has it: four flag words, a line discipline, 19 characters. */
const TCGETS = 0x5401;
const TCSETSW = 0x5403;
const TIOCGWINSZ = 0x5413;
const TERMIOS_SIZE = 36;
/** IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON. */
const IFLAGS = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x400;
/** ISIG, ICANON, ECHO, ECHONL, IEXTEN. */
const LFLAGS = 0x1 | 0x2 | 0x8 | 0x40 | 0x8000;
const OPOST = 1;
const ONLCR = 4;
const CSIZE_PARENB = 0x30 | 0x100;
const CS8 = 0x30;
const VTIME = 17 + 5;
const VMIN = 17 + 6;

/** TIOCSWINSZ: the kernel sends SIGWINCH to the foreground group when the size differs. */
export function setTerminalSize(kernel: Kernel, fd: number, cols: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(Math.min(Math.max(rows, 1), 9999), 0);
  size.writeUInt16LE(Math.min(Math.max(cols, 1), 9999), 2);
  check(kernel, 'ioctl', [fd, TIOC.SWINSZ, size], { while: 'resizing a terminal' });
}

/** Columns and rows; null when they are not known (a serial line) or `fd` is no terminal. */
export function terminalSize(kernel: Kernel, fd: number): { cols: number; rows: number } | null {
  const size = Buffer.alloc(8);
  if (kernel.call('ioctl', fd, TIOCGWINSZ, size) < 0) return null;
  const [rows, cols] = [size.readUInt16LE(0), size.readUInt16LE(2)];
  return rows === 0 || cols === 0 ? null : { cols, rows };
}

/** The modes of a terminal; null when `fd` is none. */
export function terminalModes(kernel: Kernel, fd: number): Buffer | null {
  const modes = Buffer.alloc(TERMIOS_SIZE);
  return kernel.call('ioctl', fd, TCGETS, modes) < 0 ? null : modes;
}

/** After what was written has been sent. */
export function setTerminalModes(kernel: Kernel, fd: number, modes: Buffer): void {
  check(kernel, 'ioctl', [fd, TCSETSW, modes], { while: 'setting the modes of a terminal' });
}

/** cfmakeraw(3): every byte passes as it is, in both directions. */
export function rawModes(modes: Buffer): Buffer {
  const raw = Buffer.from(modes);
  const change = (at: number, clear: number, set = 0): void => {
    raw.writeUInt32LE(((raw.readUInt32LE(at) & ~clear) | set) >>> 0, at);
  };
  change(0, IFLAGS);
  change(4, OPOST);
  change(8, CSIZE_PARENB, CS8);
  change(12, LFLAGS);
  raw[VMIN] = 1;
  raw[VTIME] = 0;
  return raw;
}

/** A newline stays one, for output that does not go to a terminal in the end. */
export function clearNewlineMapping(kernel: Kernel, fd: number): void {
  const modes = terminalModes(kernel, fd);
  if (modes === null) throw new EngineError('InvalidArgument', 'provided file is not a console');
  modes.writeUInt32LE((modes.readUInt32LE(4) & ~ONLCR) >>> 0, 4);
  setTerminalModes(kernel, fd, modes);
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_FLAGS = 0o2000000 | 0o4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const EAGAIN = 11;
/** sun_path of unix(7), with its NUL. */
const PATH_SIZE = 108;

/**
 * A unix socket on which one descriptor arrives (SCM_RIGHTS of unix(7)), as a console socket does. Who may connect is
 * decided by the directory that the path is in.
 */
export class DescriptorSocket {
  readonly #kernel: Kernel;
  readonly #listener: number;

  /** The listening descriptor, for who accepts elsewhere. */
  get listener(): number {
    return this.#listener;
  }

  constructor(kernel: Kernel, path: string) {
    const name = Buffer.from(`${path}\0`);
    if (name.length > PATH_SIZE)
      throw new EngineError('InvalidArgument', `the path of the socket is too long: ${path}`);
    const doing = { while: 'listening for a terminal', path };
    this.#kernel = kernel;
    this.#listener = check(kernel, 'socket', [AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0], doing);
    try {
      const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), name]);
      check(kernel, 'bind', [this.#listener, address, address.length], doing);
      check(kernel, 'listen', [this.#listener, 1], doing);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The descriptor, ours to close. It is waited for, up to a time: the sender may be another process. */
  async receive(timeoutMs: number): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    const connection = await this.#retry('accept4', deadline, () =>
      this.#kernel.call('accept4', this.#listener, null, null, SOCK_FLAGS),
    );
    try {
      const control = Buffer.alloc(64);
      const data = Buffer.alloc(4096);
      await this.#retry('recvmsg', deadline, () => this.#receiveMessage(connection, data, control));
      return firstDescriptor(this.#kernel, control);
    } finally {
      this.#kernel.call('close', connection);
    }
  }

  close(): void {
    this.#kernel.call('close', this.#listener);
  }

  #receiveMessage(connection: number, data: Buffer, control: Buffer): number {
    const iovec = Buffer.alloc(16);
    iovec.writeBigUInt64LE(addressOf(data), 0);
    iovec.writeBigUInt64LE(BigInt(data.length), 8);
    const header = Buffer.alloc(56);
    header.writeBigUInt64LE(addressOf(iovec), 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(addressOf(control.fill(0)), 32);
    header.writeBigUInt64LE(BigInt(control.length), 40);
    return this.#kernel.call('recvmsg', connection, header, MSG_CMSG_CLOEXEC);
  }

  async #retry(call: string, deadline: number, attempt: () => number): Promise<number> {
    for (;;) {
      const value = attempt();
      if (value >= 0) return value;
      if (value !== -EAGAIN) throw new SyscallError(call, -value, { while: 'receiving the terminal' });
      if (performance.now() > deadline)
        throw new EngineError('DeadlineExceeded', 'receiving the terminal: nobody sent it');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** cmsghdr of cmsg(3): length (8 bytes), level, type, then the descriptors. More than the one expected are closed. */
function firstDescriptor(kernel: Kernel, control: Buffer): number {
  const length = Number(control.readBigUInt64LE(0));
  if (length < 20 || control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS)
    throw new EngineError('InvalidArgument', 'receiving the terminal: the message holds no descriptor');
  for (let at = 20; at + 4 <= Math.min(length, control.length); at += 4) kernel.call('close', control.readInt32LE(at));
  return control.readInt32LE(16);
}
