/** Images as files: what the image service's `save`, `load` and `import` do, and the `--change` of commit and import. */
export { applyChanges } from './changes.js';
export { importImage } from './import.js';
export { loadImages } from './load.js';
export { saveImages } from './save.js';
