import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../docker/fences.js';
import { imageArchive } from '../docker/image.js';

/** The image of the tour, as `docker save` writes one: the same bytes, and so the same id, for whoever loads it. */
export const IMAGE = 'box:1';

/** `rootfs.tar`, a busybox, and `box.tar`, the image made of it, in a directory. */
export function makeArchives(place: string): { readonly rootfs: string; readonly image: string } {
  const layer = imageArchive(place);
  const rootfs = join(place, 'rootfs.tar');
  writeFileSync(rootfs, layer);
  const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
  const created = '2024-01-02T03:04:05.678901234Z';
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created,
    config: { Cmd: ['sh'], Env: ['PATH=/bin', 'FROM=image'], Labels: { made: 'by hand' } },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [
      { created, created_by: 'by hand' },
      { created, created_by: '/bin/sh -c #(nop)  CMD ["sh"]', empty_layer: true },
    ],
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  const parts = join(place, 'parts');
  mkdirSync(parts);
  writeFileSync(join(parts, name), config);
  writeFileSync(join(parts, 'layer.tar'), layer);
  writeFileSync(
    join(parts, 'manifest.json'),
    JSON.stringify([{ Config: name, RepoTags: [IMAGE], Layers: ['layer.tar'] }]),
  );
  const image = join(place, 'box.tar');
  must('tar', ['-C', parts, '--owner=0', '--group=0', '-cf', image, 'manifest.json', name, 'layer.tar']);
  rmSync(parts, { recursive: true });
  rmSync(join(place, 'image'), { recursive: true });
  return { rootfs, image };
}
