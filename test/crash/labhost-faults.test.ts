import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { FaultKernel } from '../../engine/kernel/fault-kernel.js';
import { type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import { engineId, stateDir } from '../../engine/labhost/engine-id.js';
import { LabHost } from '../../engine/labhost/lab-host.js';
import { findHierarchies } from '../../engine/labhost/subtree.js';
import { startLab } from '../helpers/labs.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

if (!inSandbox) {
  test(
    'faults at every record and every call of a start, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: 600_000 },
    () => rerunInSandbox(import.meta.url),
  );
} else {
  test('whichever record of the lab host fails, with whatever errno, nothing is left', {
    timeout: 600_000,
  }, async () => {
    const whole = startLab();
    const records = whole.program.program.records;
    await whole.close();
    const before = machineState();
    let failures = 0;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      if (record === undefined || record.syscall === 'none') continue;
      for (const errno of index % 4 === 0 ? (['EPERM', 'ENOMEM', 'EINTR'] as const) : (['EPERM'] as const)) {
        try {
          const lab = startLab({}, { index, errno });
          await lab.close();
        } catch (error) {
          failures++;
          assert.ok(error instanceof EngineError, `record ${index} (${record.syscall}): ${String(error)}`);
          assert.match(error.message, /^lab host: |^the lab host /, error.message);
        }
      }
      if (index % 10 === 9) assert.deepEqual(await leaksSince(before), [], `after faults up to record ${index}`);
    }
    assert.ok(failures > records.length / 2, `only ${failures} faults made the start fail`);
    assert.deepEqual(await leaksSince(before), []);
  });

  test('whichever call of the engine itself fails on the way, nothing is left', { timeout: 600_000 }, async () => {
    const attempt = (kernel: Kernel): LabHost =>
      LabHost.start(
        {},
        {
          kernel,
          engineId: engineId(),
          labId: 'faulty',
          cgroups: findHierarchies(),
          stateDir: stateDir(),
          hasNewuidmap: false,
        },
      );
    // undoing must stay possible, so what undoes is spared
    const spared = new Set<string>(['close', 'munmap', 'waitid', 'pidfd_send_signal', 'futex']);
    const matches = (name: string): boolean => !spared.has(name);
    const counting = new FaultKernel(realKernel, { nth: 0, errno: 'ENOMEM', matches });
    await attempt(counting).close();
    assert.ok(counting.seen > 10, `only ${counting.seen} calls were seen`);
    const before = machineState();
    let failures = 0;
    for (let k = 1; k <= counting.seen; k++) {
      for (const errno of ['ENOMEM', 'EMFILE'] as const) {
        try {
          await attempt(new FaultKernel(realKernel, { nth: k, errno, matches })).close();
        } catch (error) {
          failures++;
          assert.ok(error instanceof EngineError, String(error));
        }
      }
    }
    assert.ok(failures > 8, `only ${failures} faults were felt`);
    assert.deepEqual(await leaksSince(before), []);
  });

  test('200 lab hosts one after the other: none fails, nothing grows', { timeout: 600_000 }, async () => {
    const warm = startLab();
    await warm.close();
    const before = machineState();
    for (let i = 0; i < (process.env['GLASSBOX_SOAK'] === '1' ? 2000 : 200); i++) await startLab().close();
    assert.deepEqual(await leaksSince(before), []);
  });
}
