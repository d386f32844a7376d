/** An engine that takes images in, tags and removes them without end, for a test that kills it. Argument: the store's root. */
import { openImages } from '../../engine/image/images.js';
import { putImage } from './images.js';

const images = await openImages({ root: process.argv[2] ?? '', base: false });
process.stdout.write('works\n');
for (let i = 0; ; i++) {
  const layers = [{ common: 'c'.repeat(50_000) }, { [`f${i % 5}`]: `${i % 5}`.repeat(20_000) }, { g: `${i % 7}` }];
  const { id } = await putImage(images.store, { names: [`a:${i % 3}`, `b:${i % 2}`], layers });
  await images.tag(id, `c:${i % 4}`);
  if (i % 3 === 2) await images.remove(`b:${i % 2}`, {});
  if (i % 5 === 4) await images.prune({});
}
