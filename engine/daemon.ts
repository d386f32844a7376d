/**
 * The engine as a process: the only file that wires its parts together. Descriptor 3 is a socket to whoever started it:
 * one line is written there, `ready <socket path>` or `failed <JSON>`; when it closes, the engine ends everything and exits.
 */
import { Socket } from 'node:net';
import { join } from 'node:path';
import { serve } from './api/server.js';
import { answerOf } from './api/status.js';
import { Labs } from './labhost/labs.js';

const CONTROL_FD = 3;

async function main(): Promise<void> {
  const control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  control.on('error', () => control.destroy()); // the other side is gone: 'close' follows, and ends us
  let labs: Labs;
  try {
    labs = new Labs();
  } catch (error) {
    control.end(`failed ${JSON.stringify(answerOf(error).body)}\n`);
    process.exitCode = 1;
    return;
  }
  let closing = false;
  const close = async (): Promise<void> => {
    if (closing) return;
    closing = true;
    try {
      await labs.close();
    } catch (error) {
      process.stderr.write(`glassbox engine: ${answerOf(error).body.message}\n`);
      process.exitCode = 1;
    }
    process.exit();
  };
  // The terminal's own signals go to the whole foreground group; what they mean is decided by whoever started us.
  process.on('SIGINT', () => undefined);
  process.on('SIGQUIT', () => undefined);
  process.on('SIGHUP', () => void close());
  process.on('SIGTERM', () => void close());
  control.on('close', () => void close());
  control.resume();
  const socketPath = join(labs.runtimeDir, 'engine.sock');
  await serve(labs, socketPath);
  control.write(`ready ${socketPath}\n`);
}

await main();
