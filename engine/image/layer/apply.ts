import { createHash } from 'node:crypto';
import { AT, O } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import { type Kernel, realKernel } from '../../kernel/kernel.js';
import { TarParser } from '../tar/parser.js';
import type { Digest } from '../types.js';
import { EntryWriter } from './entries.js';
import type { AppliedLayer, ApplyLayer, ApplyOptions } from './types.js';

/** Longest time in milliseconds that everything else in the process waits for a layer. */
const SLICE_MS = 10;

export const applyLayer: ApplyLayer = async (tar, directory, options = {}) => {
  const kernel = options.kernel ?? realKernel;
  const root = typeof directory === 'number' ? directory : openRoot(kernel, directory);
  const writer = new EntryWriter(kernel, root, options);
  try {
    return await pour(tar, writer, options);
  } finally {
    writer.close();
    if (typeof directory !== 'number') kernel.call('close', root);
  }
};

async function pour(
  tar: AsyncIterable<Uint8Array>,
  writer: EntryWriter,
  { limits, signal, diffId }: ApplyOptions,
): Promise<AppliedLayer> {
  const parser = new TarParser(writer, limits);
  const hash = diffId === undefined ? createHash('sha256') : null;
  let streamBytes = 0;
  let since = performance.now();
  for await (const chunk of tar) {
    if (signal?.aborted === true) throw new EngineError('Aborted', 'apply layer: it was cancelled');
    hash?.update(chunk);
    streamBytes += chunk.length;
    parser.push(chunk);
    if (performance.now() - since > SLICE_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      since = performance.now();
    }
  }
  parser.finish();
  writer.finish();
  return {
    diffId: diffId ?? (`sha256:${hash?.digest('hex')}` as Digest),
    streamBytes,
    bytes: writer.bytes,
    entries: parser.entries,
    skipped: writer.skipped,
  };
}

function openRoot(kernel: Kernel, directory: string): number {
  const fd = kernel.call('openat', AT.FDCWD, directory, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  if (fd < 0) throw new SyscallError('openat', -fd, { path: directory, while: 'apply layer' });
  return fd;
}
