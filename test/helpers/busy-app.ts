/** Makes a lab and keeps it busy until it is killed: the victim of test/crash/kill.test.ts. */
import { connectEngine } from '../../src/engine-client.js';

const engine = await connectEngine();
let lab = await engine.createLab();
process.stdout.write('ready\n');
for (;;) {
  try {
    await lab.exec({
      argv: [
        'sh',
        '-c',
        'ip netns add r1 2>/dev/null; mkdir -p /sys/fs/cgroup/pids/a/b /sys/fs/cgroup/x 2>/dev/null; sleep 3 & sleep 3 & sleep 0.05; ip netns del r1',
      ],
      timeoutMs: 2_000,
    });
    await lab.snapshot();
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    lab = await engine.createLab(); // pid 1 was killed: the engine still works. When the engine is gone this throws, and we end.
  }
}
