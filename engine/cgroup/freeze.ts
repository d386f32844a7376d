import { EngineError } from '../kernel/errors.js';
import type { RecordChange } from './changes.js';
import { errnoName, readControl, readControlIfThere, writeControl } from './control-file.js';

/** The group that freezes a container: that of the v1 freezer, or its v2 group. */
export interface Freezer {
  readonly version: 1 | 2;
  readonly directory: string;
}

/** Freezing is a matter of microseconds; it lasts where processes are in a system call that cannot be left, or are made all the time. */
const FREEZE_MS = 2_000;

/**
 * Stop every process of a group and of those below. On v1 a process that is born meanwhile can keep a group FREEZING for
 * ever, so it is thawed and frozen again now and then; one that cannot be frozen is thawed before the error is thrown.
 * Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst; libcontainer/cgroups/fs/freezer.go.
 */
export function freeze(freezer: Freezer, record?: RecordChange): void {
  const file = wishFile(freezer);
  writeControl(file, wish(freezer, true), record);
  const deadline = performance.now() + FREEZE_MS;
  for (let round = 1; !hasFrozen(freezer); round++) {
    if (performance.now() > deadline) {
      thaw(freezer, record);
      throw new EngineError('DeadlineExceeded', `unable to freeze cgroup ${freezer.directory} within ${FREEZE_MS} ms`);
    }
    if (freezer.version === 1) {
      if (round % 50 === 49) {
        writeControl(file, wish(freezer, false));
        pause(10);
      }
      writeControl(file, wish(freezer, true));
    }
    if (round % 25 === 24 || freezer.version === 2) pause(round < 20 ? 0.05 : 1);
  }
}

export function thaw(freezer: Freezer, record?: RecordChange): void {
  writeControl(wishFile(freezer), wish(freezer, false), record);
}

/** Whether the group itself was told to freeze, not one above it; false when it is gone. */
export function isFrozen(freezer: Freezer): boolean {
  if (freezer.version === 2) return readControlIfThere(`${freezer.directory}/cgroup.freeze`) === '1';
  return readControlIfThere(`${freezer.directory}/freezer.self_freezing`) === '1';
}

function hasFrozen({ version, directory }: Freezer): boolean {
  try {
    if (version === 1) return readControl(`${directory}/freezer.state`) === 'FROZEN';
    return /^frozen 1$/m.test(readControl(`${directory}/cgroup.events`));
  } catch (error) {
    // a group that was removed meanwhile has nobody left to stop
    if (errnoName(error) === 'ENODEV') return true;
    throw error;
  }
}

const wishFile = ({ version, directory }: Freezer): string =>
  `${directory}/${version === 1 ? 'freezer.state' : 'cgroup.freeze'}`;

function wish({ version }: Freezer, frozen: boolean): string {
  if (version === 2) return frozen ? '1' : '0';
  return frozen ? 'FROZEN' : 'THAWED';
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Wait without going back to the event loop: nobody else may act on the group in between. */
function pause(ms: number): void {
  Atomics.wait(nothing, 0, 0, ms);
}
