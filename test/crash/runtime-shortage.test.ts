import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { planCgroups } from '../../engine/cgroup/plan.js';
import { EngineError, SyscallError } from '../../engine/kernel/errors.js';
import { FaultKernel } from '../../engine/kernel/fault-kernel.js';
import { check, type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import {
  AREA,
  census,
  createOptions,
  groupOf,
  leftSince,
  prepareRootfs,
  STATE,
  VARIANTS,
  type Variant,
} from '../helpers/oci-crash.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const ALL = process.env['GLASSBOX_FAULTS'] === 'all';
const RLIMIT_NOFILE = 7;

if (inSandbox) declare();
else
  test(
    'a start on a machine that has run out of something, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: 600_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );

function declare(): void {
  let stdio: [number, number, number];
  let real: Runtime;

  before(async () => {
    prepareRootfs();
    stdio = [openSync('/dev/null', 'r'), 1, 2];
    real = new Runtime({ root: STATE });
    // what Node and the runtime open once and for all
    assert.equal(await attempt(real, VARIANTS.docker), null);
  });
  after(() => real.close());

  /** A container from its making to its end: null, or what refused. */
  async function attempt(runtime: Runtime, variant: Variant): Promise<unknown> {
    const made = await runtime
      .create({ ...createOptions('one', variant), stdio })
      .catch((error: unknown) => ({ refusal: error }));
    if ('refusal' in made) return made.refusal;
    try {
      await runtime.start('one');
      assert.equal(await made.wait(), 0);
      await runtime.delete('one');
      return null;
    } catch (error) {
      made.kill(9);
      await runtime.delete('one', { force: true });
      return error;
    } finally {
      made.dispose();
    }
  }

  for (const name of ['docker', 'shim', 'user'] as const)
    test(`${name}: whichever call of the engine itself fails, it is told, and nothing is left`, {
      timeout: 600_000,
    }, async () => {
      // undoing must stay possible, so what undoes is spared; a futex that fails is no futex at all; the reactor, by which the
      // end of a container is learned, is not part of its start
      const undoing = ['close', 'munmap', 'waitid', 'pidfd_send_signal', 'futex'];
      const spared = new Set<string>([
        ...undoing,
        'epoll_create1',
        'eventfd2',
        'epoll_ctl',
        'epoll_wait',
        'epoll_pwait',
      ]);
      let over = false;
      const matches = (call: string): boolean => !over && !spared.has(call);
      const machine = machineState();
      const run = async (kernel: Kernel): Promise<unknown> => {
        const runtime = new Runtime({ root: STATE, kernel });
        over = false;
        try {
          return await attempt(runtime, VARIANTS[name]);
        } finally {
          over = true;
          runtime.close();
        }
      };
      const counting = new FaultKernel(realKernel, { nth: 0, errno: 'ENOMEM', matches });
      assert.equal(await run(counting), null);
      assert.ok(counting.seen > 10, `only ${counting.seen} calls were seen`);
      const start = census();
      const problems: string[] = [];
      let refusals = 0;
      for (let nth = 1; nth <= counting.seen; nth++)
        for (const errno of ALL
          ? (['EMFILE', 'ENOMEM', 'EIO'] as const)
          : ([(['EMFILE', 'ENOMEM', 'EIO'] as const)[nth % 3] ?? 'EIO'] as const)) {
          let call = '';
          const faulty = new FaultKernel(realKernel, {
            nth,
            errno,
            matches: (one) => {
              if (matches(one) && faulty.seen === nth - 1) call = one;
              return matches(one);
            },
          });
          const refusal = await run(faulty);
          if (refusal !== null) refusals++;
          const where = `call ${nth} (${call}) with ${errno}`;
          if (refusal !== null && !(refusal instanceof EngineError)) problems.push(`${where}: ${String(refusal)}`);
          const left = await leftSince(start);
          if (left.length > 0) problems.push(`${where}: left ${left.join(', ')}`);
        }
      assert.deepEqual(problems, []);
      assert.ok(refusals > 5, `only ${refusals} faults were felt`);
      assert.deepEqual(await leaksSince(machine), []);
    });

  test('no pidfd can be had any more from some moment on: an error says so, and nothing is left', async () => {
    const machine = machineState();
    for (const name of ['docker', 'shim'] as const)
      for (let nth = 1, done = false; !done; nth++) {
        const start = census();
        const matches = (call: string): boolean => call === 'pidfd_open';
        const kernel = new FaultKernel(realKernel, { nth, errno: 'EMFILE', matches, lasting: true });
        const runtime = new Runtime({ root: STATE, kernel });
        const refusal = await attempt(runtime, VARIANTS[name]);
        runtime.close();
        done = kernel.failed === 0;
        if (done) assert.ok(nth > 2, `only ${nth - 1} pidfds are opened`);
        else assert.ok(refusal instanceof SyscallError, `${name}, from pidfd ${nth} on: ${String(refusal)}`);
        assert.deepEqual(await leftSince(start), [], `${name}, from pidfd ${nth} on`);
      }
    assert.deepEqual(await leaksSince(machine), []);
  });

  test('the state directory is on a full file system: an error says so, and nothing is left', async () => {
    const small = `${AREA}/small`;
    mkdirSync(small);
    const machine = machineState();
    const runtime = new Runtime({ root: small });
    let refused = 0;
    let pages = 0;
    for (let done = false; !done; ) {
      assert.ok(++pages < 200, 'however much room there was, it was not enough');
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${pages * 4}k`, 'small', small]);
      const start = census();
      const refusal = await attempt(runtime, pages % 2 === 0 ? VARIANTS.shim : VARIANTS.docker);
      if (refusal === null) done = true;
      else {
        assert.ok(refusal instanceof SyscallError, `${pages} pages: ${String(refusal)}`);
        assert.equal(refusal.errno, 'ENOSPC', `${pages} pages: ${refusal.message}`);
        refused++;
        assert.deepEqual(await leftSince(start), [], `left with ${pages} pages`);
      }
      assert.deepEqual(readdirSync(small), []);
      runtime.close();
      execFileSync('umount', [small]);
    }
    assert.ok(refused > 10, `only ${refused} sizes were too small`);
    assert.deepEqual(await leaksSince(machine), []);
  });

  test('there are no descriptors left: an error says so, and nothing is left', async () => {
    const machine = machineState();
    const limits = Buffer.alloc(16);
    check(realKernel, 'prlimit64', [0, RLIMIT_NOFILE, null, limits]);
    const setSoft = (soft: bigint): void => {
      const changed = Buffer.from(limits);
      changed.writeBigUInt64LE(soft, 0);
      check(realKernel, 'prlimit64', [0, RLIMIT_NOFILE, changed, null]);
    };
    const start = census();
    // a limit is a bound of the numbers, and there are gaps below the highest
    const used = new Set(readdirSync('/proc/self/fd').map(Number));
    const lowest = Array.from({ length: used.size + 1 }, (_, fd) => fd).find((fd) => !used.has(fd)) ?? used.size;
    let refused = 0;
    let more = 0;
    for (let done = false; !done; more++) {
      assert.ok(more < 100, 'however many descriptors there were, they were not enough');
      setSoft(BigInt(lowest + more));
      let refusal: unknown;
      try {
        refusal = await attempt(real, VARIANTS.docker);
      } finally {
        setSoft(limits.readBigUInt64LE(0));
      }
      if (refusal === null) done = true;
      else {
        refused++;
        assert.ok(refusal instanceof SyscallError, `${more} descriptors: ${String(refusal)}`);
        assert.ok(['EMFILE', 'EBADF'].includes(refusal.errno), `${more} descriptors: ${refusal.message}`);
      }
      assert.deepEqual(await leftSince(start), [], `left with ${more} descriptors`);
    }
    assert.ok(refused > 10, `only ${refused} limits were too small`);
    assert.deepEqual(await leaksSince(machine), []);
  });

  test('a group cannot be made: an error names it, and none of the others is left', async () => {
    const machine = machineState();
    const { hierarchies } = planCgroups({ cgroupsPath: `/${groupOf('one')}`, id: 'one', rootless: false });
    assert.ok(hierarchies.length > 0, 'no hierarchy is mounted');
    for (const { mountPoint, directory, name } of hierarchies) {
      const start = census();
      execFileSync('mount', ['--bind', mountPoint, mountPoint]);
      execFileSync('mount', ['-o', 'remount,bind,ro', mountPoint]);
      try {
        const refusal = await attempt(real, VARIANTS.docker);
        assert.ok(refusal instanceof SyscallError, `${name}: ${String(refusal)}`);
        assert.deepEqual(
          [refusal.syscall, refusal.errno, refusal.path],
          ['mkdir', 'EROFS', directory],
          refusal.message,
        );
      } finally {
        execFileSync('umount', [mountPoint]);
      }
      assert.deepEqual(await leftSince(start), [], `left without ${name}`);
    }
    assert.ok(readFileSync('/proc/self/mountinfo', 'utf8').includes('cgroup'), 'the hierarchies are mounted again');
    assert.deepEqual(await leaksSince(machine), []);
  });
}
