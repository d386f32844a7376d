import { EngineError } from '../../kernel/errors.js';
import type { ContainerRecord } from '../record.js';
import type { ContainerStore } from '../store.js';
import type { HostConfig } from '../types.js';
import type { LogFileOptions } from './json-file.js';

type LogConfig = HostConfig['LogConfig'];

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 2 ** 40 };
/** Of the driver `local`. */
const LOCAL = { maxSize: 20 << 20, maxFiles: 5 };

/** Where and how a container's log is kept; null: nowhere. */
export function logSettings(
  record: Pick<ContainerRecord, 'id' | 'hostConfig'>,
  store: ContainerStore,
): LogFileOptions | null {
  const { Type, Config } = record.hostConfig.LogConfig;
  if (Type === 'none') return null;
  const isLocal = Type === 'local';
  const defaults = isLocal ? LOCAL : { maxSize: 0, maxFiles: 1 };
  return {
    path: store.file(record.id, isLocal ? 'local-container.log' : `${record.id}-json.log`),
    maxSize: Config['max-size'] === undefined ? defaults.maxSize : sizeOf(Config['max-size']),
    maxFiles: Config['max-file'] === undefined ? defaults.maxFiles : Number(Config['max-file']),
  };
}

/** `LogPath` of inspect: only json-file shows one. */
export function logPath(record: Pick<ContainerRecord, 'id' | 'hostConfig'>, store: ContainerStore): string {
  return record.hostConfig.LogConfig.Type === 'json-file' ? (logSettings(record, store)?.path ?? '') : '';
}

const DRIVERS = new Set(['json-file', 'local', 'none']);
const OPTIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  'json-file': new Set([
    'max-file',
    'max-size',
    'compress',
    'labels',
    'labels-regex',
    'env',
    'env-regex',
    'tag',
    'mode',
    'max-buffer-size',
  ]),
  local: new Set(['max-file', 'max-size', 'compress', 'mode', 'max-buffer-size']),
  none: new Set(['mode', 'max-buffer-size']),
};

/** What was asked for at create, with Docker's words for what cannot be. moby, daemon/logger. */
export function checkLogConfig({ Type, Config }: LogConfig): LogConfig {
  const type = Type === '' ? 'json-file' : Type;
  if (!DRIVERS.has(type)) throw new EngineError('NotFound', `logger: no log driver named '${type}' is registered`);
  for (const option of Object.keys(Config))
    if (OPTIONS[type]?.has(option) !== true)
      throw new EngineError('InvalidArgument', `unknown log opt '${option}' for ${type} log driver`);
  return { Type: type, Config };
}

/** The values, which dockerd looks at when the container starts. */
export function checkLogValues({ Type, Config }: LogConfig): void {
  const failed = (why: string): EngineError =>
    new EngineError('InvalidArgument', `failed to initialize logging driver: ${why}`);
  const size = Config['max-size'];
  if (size !== undefined && !SIZE.test(size)) throw failed(`invalid size: '${size}'`);
  if (size !== undefined && sizeOf(size) <= 0) throw failed('max-size must be a positive number');
  const files = Config['max-file'];
  if (files !== undefined && !/^\d{1,9}$/.test(files)) throw failed(`strconv.Atoi: parsing "${files}": invalid syntax`);
  if (files !== undefined && Number(files) < 1) throw failed('max-file cannot be less than 1');
  const compress = Config['compress'];
  if (compress !== undefined && !/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(compress))
    throw failed(`strconv.ParseBool: parsing "${compress}": invalid syntax`);
  if (Type === 'json-file' && /^[1tT]/.test(compress ?? '') && (Number(files ?? 1) === 1 || size === undefined))
    throw failed('compress cannot be true when max-file is less than 2 or max-size is not set');
}

const SIZE = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?$/i;

function sizeOf(text: string): number {
  const [, number, unit = ''] = SIZE.exec(text) ?? [];
  if (number === undefined) throw new EngineError('InvalidArgument', `invalid size: '${text}'`);
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
}
