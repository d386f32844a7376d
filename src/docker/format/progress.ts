import { jsonLines } from '../client/streams.js';
import { CliError } from '../errors.js';
import { write } from '../io.js';
import { printable } from './formatter.js';
import { humanSize } from './units.js';

/** One line of pull, push, load or import. */
interface Message {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: {
    readonly current?: number;
    readonly total?: number;
    readonly units?: string;
    readonly hidecounts?: boolean;
  } | null;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly aux?: unknown;
}

/** How many lines of a terminal are kept apart: beyond that, progress is not shown any more. */
const MOST_LINES = 1000;

/**
 * Show what an engine does: on a terminal each layer keeps its line, elsewhere only changes of status are written
 * (moby's pkg/jsonmessage). An error in the stream ends the command.
 */
export async function showProgress(
  stream: AsyncIterable<Buffer>,
  out: NodeJS.WriteStream,
  options: { readonly isQuiet?: boolean; readonly onAux?: (value: unknown) => void | Promise<void> } = {},
): Promise<void> {
  const lines = new Map<string, number>();
  const isTerminal = out.isTTY === true;
  for await (const text of jsonLines(stream)) {
    const message = parse(text);
    if (message.errorDetail?.message !== undefined || message.error !== undefined) {
      const said = message.errorDetail?.message ?? message.error ?? '';
      if (message.errorDetail?.code === 401) throw new CliError('authentication is required');
      throw new CliError(said);
    }
    if (message.aux !== undefined && message.aux !== null) {
      await options.onAux?.(message.aux);
      continue;
    }
    if (options.isQuiet === true) continue;
    await show(message, out, isTerminal, lines);
  }
}

function parse(text: string): Message {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CliError(`the engine sent progress that is not JSON: ${text.slice(0, 100)}`);
}

async function show(
  message: Message,
  out: NodeJS.WriteStream,
  isTerminal: boolean,
  lines: Map<string, number>,
): Promise<void> {
  const { id = '', status = '', stream } = message;
  const bar = progressText(message, out.columns ?? 200);
  const hasProgress =
    message.progressDetail !== undefined &&
    message.progressDetail !== null &&
    Object.keys(message.progressDetail).length > 0;
  if (hasProgress && bar !== '' && !isTerminal) return;
  let head = '';
  let up = 0;
  if (isTerminal && id !== '' && (hasProgress || lines.has(id)) && (lines.has(id) || lines.size < MOST_LINES)) {
    if (!lines.has(id)) {
      lines.set(id, lines.size);
      head = '\n';
    }
    up = lines.size - (lines.get(id) ?? 0);
  } else if (!hasProgress) lines.clear();
  const prefix = id === '' ? '' : `${printable(id)}: `;
  if (stream !== undefined && stream !== '')
    return write(out, isTerminal ? stream.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '') : stream);
  if (!isTerminal) return write(out, `${prefix}${printable(status)}\n`);
  const clear = up > 0 || hasProgress ? '\x1b[2K\r' : '';
  const line = `${prefix}${printable(status)}${bar === '' ? '' : ` ${bar}`}`;
  const text =
    up > 0 ? `${head}\x1b[${up}A${clear}${line}\r\x1b[${up}B` : `${clear}${line}${hasProgress ? '\r' : '\n'}`;
  return write(out, text);
}

/** `[==>      ]  1.2MB/5MB`. */
export function progressText({ progressDetail: detail }: Message, columns: number): string {
  const { current = 0, total = 0, units = '', hidecounts = false } = detail ?? {};
  if (current <= 0 && total <= 0) return '';
  const number = (value: number): string => (units === '' ? humanSize(value) : String(value));
  if (total <= 0) return units === '' ? number(current).padStart(8) : `${current} ${units}`;
  const done = Math.min(50, Math.trunc((current / total) * 50));
  const box = columns > 110 ? `[${'='.repeat(done)}>${' '.repeat(50 - done)}] ` : '';
  const counts = hidecounts ? '' : `${number(current).padStart(8)}${current > total ? '' : `/${number(total)}`}`;
  return `${box}${counts}${units === '' || hidecounts ? '' : ` ${units}`}`;
}
