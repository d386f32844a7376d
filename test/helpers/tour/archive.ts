import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { must } from '../docker/fences.js';
import { imageArchive } from '../docker/image.js';

/** The image of the tour, as `docker save` writes one: the same bytes, and so the same id, for whoever loads it. */
export const IMAGE = 'box:1';

/**
 * `rootfs.tar`, a busybox, and `box.tar`, the image made of it, in a directory; or an image by another name, in an archive of that
 * name, with a file on top as `/payload`.
 */
export function makeArchives(
  place: string,
  more?: { readonly name: string; readonly file: string },
): { readonly rootfs: string; readonly image: string } {
  const tag = more?.name ?? IMAGE;
  const layer = imageArchive(place);
  rmSync(join(place, 'image'), { recursive: true });
  const rootfs = join(place, 'rootfs.tar');
  writeFileSync(rootfs, layer);
  const parts = join(place, 'parts');
  mkdirSync(parts);
  writeFileSync(join(parts, 'layer.tar'), layer);
  const layers = ['layer.tar'];
  if (more !== undefined) {
    const flags = ['--owner=0', '--group=0', '--mtime=@0', '--transform', 's,.*,payload,'];
    must('tar', [...flags, '-C', dirname(more.file), '-cf', join(parts, 'payload.tar'), basename(more.file)]);
    layers.push('payload.tar');
  }
  const created = '2024-01-02T03:04:05.678901234Z';
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created,
    config: { Cmd: ['sh'], Env: ['PATH=/bin', 'FROM=image'], Labels: { made: 'by hand' } },
    rootfs: { type: 'layers', diff_ids: layers.map((name) => `sha256:${digestOf(join(parts, name))}`) },
    history: [
      ...layers.map(() => ({ created, created_by: 'by hand' })),
      { created, created_by: '/bin/sh -c #(nop)  CMD ["sh"]', empty_layer: true },
    ],
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  writeFileSync(join(parts, name), config);
  writeFileSync(join(parts, 'manifest.json'), JSON.stringify([{ Config: name, RepoTags: [tag], Layers: layers }]));
  const image = join(place, `${tag.replace(/:.*/, '')}.tar`);
  must('tar', ['-C', parts, '--owner=0', '--group=0', '-cf', image, 'manifest.json', name, ...layers]);
  rmSync(parts, { recursive: true });
  return { rootfs, image };
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
