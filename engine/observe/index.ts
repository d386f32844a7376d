export { type LabAccess, rootAccess, type RunResult } from './access.js';
export { diff } from './diff.js';
export { createObserver, type Observer, type ObserverOptions, type WatchOptions } from './observer.js';
