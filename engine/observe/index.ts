export { type LabAccess, type RunResult, rootAccess } from './access.js';
export { diff } from './diff.js';
export { explainChange, explainChanges } from './explain.js';
export { createObserver, type Observer, type ObserverOptions, type WatchOptions } from './observer.js';
export { ownerAccess } from './owner-access.js';
