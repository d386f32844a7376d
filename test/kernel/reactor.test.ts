import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { check, realKernel } from '../../engine/kernel/kernel.js';
import { ProgramBuilder } from '../../engine/kernel/program/builder.js';
import { RunningProgram } from '../../engine/kernel/program/running.js';
import { Reactor } from '../../engine/kernel/reactor.js';

const eventfd = (): number => check(realKernel, 'eventfd2', [0, 0o4000]);
const signal = (fd: number): void => {
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);
  check(realKernel, 'write', [fd, one, 8]);
};
const drain = (fd: number): void => void check(realKernel, 'read', [fd, Buffer.alloc(8), 8]);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a descriptor that becomes readable calls its listener, once per burst, again after the next', async () => {
  const reactor = new Reactor();
  const fd = eventfd();
  let calls = 0;
  const stop = reactor.watch(fd, () => {
    calls++;
    drain(fd);
  });
  await pause(30);
  assert.equal(calls, 0);
  signal(fd);
  signal(fd);
  await pause(50);
  assert.equal(calls, 1);
  signal(fd);
  await pause(50);
  assert.equal(calls, 2);
  stop();
  signal(fd);
  await pause(50);
  assert.equal(calls, 2, 'a watch that was ended is silent');
  reactor.close();
  check(realKernel, 'close', [fd]);
});

test('the end of a process is heard through its pidfd, and a thousand of them without a leak', {
  timeout: 600_000,
}, async () => {
  const reactor = new Reactor();
  const program = new ProgramBuilder('ends').call('exit_group', [3]).build();
  const once = async (): Promise<void> => {
    const running = RunningProgram.start(program);
    await reactor.ended(running.pidfd);
    assert.equal(running.tryWait()?.exitCode, 3);
    running.dispose();
  };
  await once();
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 1000; i++) await once();
  assert.equal(readdirSync('/proc/self/fd').length, before);
  reactor.close();
});

test('a closed reactor gives its descriptors back and takes no more', async () => {
  await pause(100); // for those of the tests before
  const before = readdirSync('/proc/self/fd').length;
  const reactors = Array.from({ length: 3 }, () => new Reactor());
  for (const reactor of reactors) reactor.close();
  await pause(100);
  assert.equal(readdirSync('/proc/self/fd').length, before);
  assert.throws(() => reactors[0]?.watch(0, () => undefined), /the reactor is closed/);
});

test('a listener that throws does not stop the others', async () => {
  const reactor = new Reactor();
  const [bad, good] = [eventfd(), eventfd()];
  const errors: string[] = [];
  const catcher = (error: Error): void => void errors.push(error.message);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', catcher);
  let heard = 0;
  reactor.watch(bad, () => {
    drain(bad);
    throw new Error('from a listener');
  });
  reactor.watch(good, () => {
    drain(good);
    heard++;
  });
  signal(bad);
  await pause(50);
  signal(good);
  await pause(50);
  process.removeListener('uncaughtException', catcher);
  for (const listener of others) process.on('uncaughtException', listener);
  assert.deepEqual([heard, errors], [1, ['from a listener']]);
  reactor.close();
  for (const fd of [bad, good]) check(realKernel, 'close', [fd]);
});
