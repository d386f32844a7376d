import type { ErrorCode } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';
import { isRecord } from './json.js';

/**
 * How a registry failed:
 * - `transport`: no HTTP was spoken (names, connections, TLS, time);
 * - `answer`: it said why, in the form of the specification;
 * - `unparsable`: a 4xx that says nothing we understand, most likely of something that is no registry;
 * - `status`: a 5xx or another status that makes no sense;
 * - `credentials`: we have none that it asks for, or its token server gave no token;
 * - `content`: what it sent is not what was asked for.
 */
export type Failure = 'transport' | 'answer' | 'unparsable' | 'status' | 'credentials' | 'content';

export interface RegistryCode {
  /** `MANIFEST_UNKNOWN`, … https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes */
  readonly code: string;
  readonly message: string;
}

/** A failure of a registry, in dockerd's words. */
export class RegistryError extends EngineError {
  readonly failure: Failure;
  readonly codes: readonly RegistryCode[];
  /** How many requests it said are too many, or how long to wait, is not looked at: Docker does not either. */
  readonly status: number | null;

  constructor(
    failure: Failure,
    message: string,
    options: { cause?: unknown; codes?: readonly RegistryCode[]; status?: number; code?: ErrorCode } = {},
  ) {
    super(options.code ?? CODES[failure], message, {
      ...(options.cause === undefined ? {} : { cause: options.cause }),
      ...(options.status === undefined ? {} : { details: { registryStatus: options.status } }),
    });
    this.name = 'RegistryError';
    this.failure = failure;
    this.codes = options.codes ?? [];
    this.status = options.status ?? null;
  }
}

const CODES: Readonly<Record<Failure, ErrorCode>> = {
  transport: 'Unavailable',
  answer: 'Internal',
  unparsable: 'Internal',
  status: 'Unavailable',
  credentials: 'PermissionDenied',
  content: 'DataLoss',
};

/** The operation was given up by whoever asked for it. */
export function canceled(cause?: unknown): EngineError {
  return new EngineError('Aborted', 'context canceled', cause === undefined ? {} : { cause });
}

export function isCanceled(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'Aborted';
}

/** Whether another endpoint (the next mirror, plain HTTP) may be asked after this: continueOnError of dockerd's distribution. */
export function mayAskOthers(error: unknown, isMirror: boolean): boolean {
  if (isCanceled(error)) return false;
  if (!(error instanceof RegistryError)) return false;
  return error.failure === 'answer' ? isMirror : true;
}

const FINAL = new Set(['UNAUTHORIZED', 'UNSUPPORTED', 'DENIED', 'TOOMANYREQUESTS', 'NAME_UNKNOWN', 'BLOB_UNKNOWN']);

/** Whether asking the same again may help: retryOnError of dockerd's distribution. */
export function mayRetry(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  switch (error.failure) {
    case 'transport':
    case 'status':
      return true;
    case 'answer':
      return !FINAL.has(error.codes[0]?.code ?? '');
    default:
      return false;
  }
}

/** `denied: requested access to the resource is denied`. */
function textOf({ code, message }: RegistryCode): string {
  const name = code.toLowerCase().replaceAll('_', ' ');
  return message === '' ? name : `${name}: ${message}`;
}

/** The registry's own words for some codes; a Docker client puts them where a registry gives only a code. */
const USUAL: Readonly<Record<string, string>> = {
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  MANIFEST_UNKNOWN: 'manifest unknown',
  NAME_UNKNOWN: 'repository name not known to registry',
  BLOB_UNKNOWN: 'blob unknown to registry',
  UNSUPPORTED: 'The operation is unsupported.',
  TOOMANYREQUESTS: 'too many requests',
};

export function answered(codes: readonly RegistryCode[], status: number): RegistryError {
  const lines = codes.map(textOf);
  const message = lines.length === 1 ? (lines[0] as string) : `errors:\n${lines.join('\n')}\n`;
  return new RegistryError('answer', message, { codes, status, code: codeOf(codes[0]?.code ?? '') });
}

function codeOf(code: string): ErrorCode {
  switch (code) {
    case 'UNAUTHORIZED':
    case 'DENIED':
      return 'PermissionDenied';
    case 'MANIFEST_UNKNOWN':
    case 'NAME_UNKNOWN':
    case 'BLOB_UNKNOWN':
      return 'NotFound';
    case 'TOOMANYREQUESTS':
      return 'ResourceExhausted';
    default:
      return 'Internal';
  }
}

/** A code with its usual words, for errors that come by another way than a body. */
export function usual(code: string, message = ''): RegistryCode {
  return { code, message: message === '' ? (USUAL[code] ?? '') : message };
}

const MOST_CODES = 20;

/** What a 4xx with this body means. */
export function failureOf(status: number, statusText: string, body: string): RegistryError {
  if (status < 400 || status >= 500)
    return new RegistryError('status', `received unexpected HTTP status: ${status} ${statusText}`.trimEnd(), {
      status,
    });
  const codes = parseCodes(body);
  if (codes.length > 0) return answered(codes, status);
  if (status === 401) return answered([usual('UNAUTHORIZED')], status);
  if (status === 429) return answered([usual('TOOMANYREQUESTS')], status);
  if (status === 404 && body.trim() === '')
    return new RegistryError('unparsable', 'error parsing HTTP 404 response body: unexpected end of JSON input: ""', {
      status,
    });
  return new RegistryError(
    'unparsable',
    `error parsing HTTP ${status} response body: ${whyNoJson(body)}: ${JSON.stringify(body.slice(0, 500))}`,
    { status },
  );
}

/** `{"errors": [{"code", "message", "detail"}]}`, or what token servers say: `{"details": "…"}`. */
function parseCodes(body: string): RegistryCode[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
  if (!isRecord(parsed)) return [];
  if (typeof parsed['details'] === 'string' && parsed['details'] !== '')
    return [{ code: 'UNAUTHORIZED', message: plain(parsed['details']) }];
  if (!Array.isArray(parsed['errors'])) return [];
  return parsed['errors'].slice(0, MOST_CODES).flatMap((one: unknown) => {
    if (!isRecord(one) || typeof one['code'] !== 'string') return [];
    const code = plain(one['code']).slice(0, 100);
    return [usual(code, typeof one['message'] === 'string' ? plain(one['message']) : '')];
  });
}

/** A registry's words reach a person's terminal: without control characters, and not endless. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 1000);
}

/** What Go's decoder says of it. */
function whyNoJson(body: string): string {
  const first = body.trimStart()[0];
  if (first === undefined) return 'unexpected end of JSON input';
  return '{["-0123456789tfn'.includes(first)
    ? 'no error details found in HTTP response body'
    : `invalid character '${first}' looking for beginning of value`;
}
