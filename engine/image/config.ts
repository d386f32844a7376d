import { MAX_DOCUMENT } from './content.js';
import { parseDigest } from './digest.js';
import { Fields, present } from './store/fields.js';
import { parseStrictJson } from './store/strict-json.js';
import type { HealthcheckConfig, HistoryEntry, ImageConfig, ImageRunConfig } from './types.js';

/** Overlay's `lowerdir` and Docker's own bound leave room for a container's layer on top. */
export const MAX_LAYERS = 127;
const MAX_HISTORY = 4096;

/**
 * An image's configuration as somebody else wrote it. What is not known is ignored, what is known has the right type.
 * https://github.com/opencontainers/image-spec/blob/main/config.md
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const fields = new Fields(parseStrictJson(bytes, 'image config', MAX_DOCUMENT), 'image config');
  const rootfs = fields.fields('rootfs') ?? fields.refuse('rootfs', 'is missing');
  if (rootfs.need('type') !== 'layers') rootfs.refuse('type', 'is not "layers"');
  const config = fields.fields('config');
  return present<ImageConfig>({
    created: instant(fields, 'created'),
    author: fields.string('author'),
    // old images of Docker say neither
    architecture: fields.string('architecture', 64) ?? '',
    variant: fields.string('variant', 64),
    os: fields.string('os', 64) ?? 'linux',
    config: config === undefined ? undefined : parseRunConfig(config),
    rootfs: { type: 'layers', diff_ids: (rootfs.list('diff_ids', MAX_LAYERS) ?? []).map(parseDigest) },
    history: fields.list('history', MAX_HISTORY)?.map(parseHistory),
  });
}

export function parseRunConfig(fields: Fields): ImageRunConfig {
  const healthcheck = fields.fields('Healthcheck');
  return present<ImageRunConfig>({
    User: fields.string('User', 4096),
    ExposedPorts: fields.set('ExposedPorts'),
    Env: fields.strings('Env'),
    Entrypoint: fields.strings('Entrypoint'),
    Cmd: fields.strings('Cmd'),
    Volumes: fields.set('Volumes'),
    WorkingDir: fields.string('WorkingDir', 4096),
    Labels: fields.map('Labels'),
    StopSignal: fields.string('StopSignal', 64),
    StopTimeout: fields.integer('StopTimeout', -1),
    Healthcheck: healthcheck === undefined ? undefined : parseHealthcheck(healthcheck),
    OnBuild: fields.strings('OnBuild'),
    Shell: fields.strings('Shell'),
    ArgsEscaped: fields.boolean('ArgsEscaped'),
  });
}

function parseHealthcheck(fields: Fields): HealthcheckConfig {
  const duration = (key: string): number | undefined => fields.integer(key, 0);
  return present<HealthcheckConfig>({
    Test: fields.strings('Test'),
    Interval: duration('Interval'),
    Timeout: duration('Timeout'),
    StartPeriod: duration('StartPeriod'),
    StartInterval: duration('StartInterval'),
    Retries: duration('Retries'),
  });
}

function parseHistory(value: unknown): HistoryEntry {
  const fields = new Fields(value, 'image config: history');
  return present<HistoryEntry>({
    created: instant(fields, 'created'),
    created_by: fields.string('created_by'),
    author: fields.string('author'),
    comment: fields.string('comment'),
    empty_layer: fields.boolean('empty_layer'),
  });
}

/** RFC 3339, as Go reads it. */
function instant(fields: Fields, key: string): string | undefined {
  const text = fields.string(key, 64);
  if (text === undefined || text === '') return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(Date.parse(text)))
    fields.refuse(key, 'is not a time of RFC 3339');
  return text;
}
