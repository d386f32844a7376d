import { writeSync } from 'node:fs';

/** The three streams of the command, written to with back-pressure. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

/** Write and wait until the stream takes more. A reader that is gone ends the command, as SIGPIPE would. */
export function write(stream: NodeJS.WriteStream, data: string | Buffer): Promise<void> {
  if (data.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}

/** For one sentence before the end. */
export function complain(message: string): void {
  writeSync(2, `${message}\n`);
}
