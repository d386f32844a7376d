import { serveFakes } from './serve.js';

/** Fakes in a process of their own, so that its memory and descriptors can be measured: one line of JSON, then until SIGTERM. */
async function main(): Promise<void> {
  const served = await serveFakes({ bounds: JSON.parse(process.argv[2] ?? '{}') as object });
  process.stdout.write(`${JSON.stringify({ socket: served.socket })}\n`);
  process.on('SIGTERM', () => void served.close().then(() => process.exit(0)));
}

await main();
