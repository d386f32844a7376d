import type { ErrorBody, ErrorCode } from '../api/types.js';
import { errnoName } from './errno.js';

/**
 * Every failure that leaves the engine. `message` is lower case without a full stop and names the object and the verb.
 */
export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** What goes into the answer of the API. */
  toBody(): ErrorBody {
    return { code: this.code, message: this.message };
  }
}

/** A system call that the kernel refused, with what it was asked and where the refusal is documented. */
export class SyscallError extends EngineError {
  readonly syscall: string;
  /** Symbolic, for example `EPERM`. */
  readonly errno: string;
  readonly path: string | undefined;
  readonly man: string;

  /** @param options `text` is the whole message, for errors that another program's users know by its words */
  constructor(
    syscall: string,
    errno: number,
    options: { path?: string; while?: string; text?: string; cause?: unknown } = {},
  ) {
    const name = errnoName(errno);
    const object = options.path === undefined ? '' : ` ${options.path}`;
    const during = options.while === undefined ? '' : `${options.while}: `;
    super(codeOfErrno(name), options.text ?? `${during}${syscall}${object}: ${name}`, { cause: options.cause });
    this.name = 'SyscallError';
    this.syscall = syscall;
    this.errno = name;
    this.path = options.path;
    this.man = `${syscall}(2)`;
  }

  override toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      syscall: this.syscall,
      errno: this.errno,
      man: this.man,
      ...(this.path === undefined ? {} : { path: this.path }),
    };
  }
}

function codeOfErrno(name: string): ErrorCode {
  switch (name) {
    case 'ENOENT':
    case 'ESRCH':
    case 'ENODEV':
      return 'NotFound';
    case 'EEXIST':
      return 'AlreadyExists';
    case 'EPERM':
    case 'EACCES':
    case 'EROFS':
      return 'PermissionDenied';
    case 'EINVAL':
    case 'E2BIG':
    case 'ENAMETOOLONG':
      return 'InvalidArgument';
    case 'ENOMEM':
    case 'ENOSPC':
    case 'EMFILE':
    case 'ENFILE':
    case 'EAGAIN':
    case 'EDQUOT':
    case 'EUSERS':
      return 'ResourceExhausted';
    case 'EBUSY':
      return 'FailedPrecondition';
    case 'ENOSYS':
    case 'EOPNOTSUPP':
      return 'NotImplemented';
    case 'ETIMEDOUT':
      return 'DeadlineExceeded';
    default:
      return 'Internal';
  }
}
