/**
 * `node code-cache.mjs ROOT`: compile the bundle whole and keep what V8 made of it. Functions are usually compiled when
 * they are first called; with --no-lazy all are, and the flag is taken back before the cache is written, since V8 refuses
 * a cache made under other flags than the reader's.
 */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { CODE_CACHE, cacheKey, readBundle, replace } from './bundle.mjs';

const root = process.argv[2];
const source = readBundle(root);
setFlagsFromString('--no-lazy');
const script = new Script(source, { filename: join(root, 'dist/glassbox-runtime.js') });
setFlagsFromString('--lazy');
replace(join(root, CODE_CACHE), Buffer.concat([Buffer.from(cacheKey(source)), script.createCachedData()]));
