/** The engine as the application sees it: see src/engine-client/. */
export { connectEngine, EngineFailure, hasCode, runPassthrough } from './engine-client/index.js';
