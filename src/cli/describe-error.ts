import type { Bilingual, ErrorBody, ErrorCode } from '../../engine/api/types.js';

/** What a person is told about a failure. */
export interface DescribedError {
  readonly text: Bilingual;
  readonly exitCode: number;
  /** A fault of ours rather than something the person or the machine did: worth a stack. */
  readonly unexpected: boolean;
}

/** The first half of a sentence for each class of the engine's errors; the engine's own words follow. */
const CLASSES: Readonly<Record<ErrorCode, Bilingual>> = {
  InvalidArgument: { en: 'that is not possible', zh: '参数无效' },
  NotFound: { en: 'not found', zh: '找不到' },
  AlreadyExists: { en: 'it exists already', zh: '已经存在' },
  FailedPrecondition: { en: 'not in this state', zh: '当前状态下无法进行' },
  PermissionDenied: { en: 'the kernel does not permit it', zh: '内核不允许' },
  Unavailable: { en: 'not available here', zh: '此处不可用' },
  ResourceExhausted: { en: 'the machine has no room left', zh: '本机资源不足' },
  DataLoss: { en: 'stored data is damaged', zh: '存储的数据已损坏' },
  Aborted: { en: 'interrupted', zh: '已中断' },
  DeadlineExceeded: { en: 'it took too long', zh: '超时' },
  NotImplemented: { en: 'not supported', zh: '不支持' },
  Internal: { en: 'internal error', zh: '内部错误' },
};

/** A system call that failed: the class says less than the call. */
const REFUSED: Bilingual = { en: 'the kernel refused', zh: '内核拒绝' };

/** Failures of Node's own calls that a person can act on. */
const ERRNO: Readonly<Record<string, Bilingual>> = {
  ENOSPC: { en: 'no space left', zh: '磁盘空间不足' },
  EACCES: { en: 'permission denied', zh: '权限不足' },
  EPERM: { en: 'operation not permitted', zh: '操作不被允许' },
  EROFS: { en: 'the file system is read-only', zh: '文件系统只读' },
  EMFILE: { en: 'too many open files', zh: '打开的文件过多' },
  ENOENT: { en: 'no such file', zh: '没有该文件' },
};

/** One sentence for a person, from whatever was thrown. */
export function describeError(error: unknown): DescribedError {
  const body = engineAnswer(error);
  if (body !== null) {
    const where = [body.path, body.man].filter((part) => part !== undefined && !body.message.includes(part));
    const detail = where.length > 0 ? `${body.message} (${where.join(', ')})` : body.message;
    const start = body.syscall === undefined ? CLASSES[body.code] : REFUSED;
    return {
      text: { en: `${start.en}: ${detail}`, zh: `${start.zh}：${detail}` },
      exitCode: 1,
      unexpected: body.code === 'Internal',
    };
  }
  if (isBilingualError(error)) return { text: error.text, exitCode: 1, unexpected: false };
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const known = ERRNO[error.code];
    const path = 'path' in error && typeof error.path === 'string' ? error.path : error.message;
    if (known !== undefined) {
      return { text: { en: `${known.en}: ${path}`, zh: `${known.zh}：${path}` }, exitCode: 1, unexpected: false };
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  return { text: { en: message, zh: message }, exitCode: 1, unexpected: true };
}

/** The engine's answer that an error of its client carries. Told by shape: the client is not loaded for that. */
function engineAnswer(error: unknown): ErrorBody | null {
  if (!(error instanceof Error) || !('body' in error)) return null;
  const { body } = error;
  if (typeof body !== 'object' || body === null || !('code' in body) || !('message' in body)) return null;
  return typeof body.code === 'string' && Object.hasOwn(CLASSES, body.code) ? (body as ErrorBody) : null;
}

/** Errors of the application that carry their sentence in both languages. */
function isBilingualError(error: unknown): error is Error & { readonly text: Bilingual } {
  if (!(error instanceof Error) || !('text' in error)) return false;
  const { text } = error;
  return (
    typeof text === 'object' &&
    text !== null &&
    'en' in text &&
    'zh' in text &&
    typeof text.en === 'string' &&
    typeof text.zh === 'string'
  );
}
