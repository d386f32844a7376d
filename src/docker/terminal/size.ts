import { EngineError } from '../client/engine.js';

export interface Size {
  readonly h: number;
  readonly w: number;
}

/** Tell the engine the terminal's size now and whenever it changes; the answer ends that. */
export function followSize(stdout: NodeJS.WriteStream, resize: (size: Size) => Promise<void>): () => void {
  const tell = (): void => {
    const size = { h: stdout.rows, w: stdout.columns };
    if (size.h > 0 && size.w > 0) resize(size).catch(ignoreEnded);
  };
  tell();
  stdout.on('resize', tell);
  return () => void stdout.off('resize', tell);
}

/** What is resized may have ended in this moment: that it did is seen by its stream. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof EngineError)) throw error;
}
