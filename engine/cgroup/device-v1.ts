import { EngineError } from '../kernel/errors.js';
import type { RecordChange } from './changes.js';
import { readControl, writeControl } from './control-file.js';
import { DeviceTable, ruleText } from './device-rules.js';
import type { DeviceRule } from './resources.js';

/**
 * Bring a v1 devices group to what the rules come to, with the fewest writes, and read back that it is so.
 * Documentation/admin-guide/cgroup-v1/devices.rst; libcontainer/cgroups/devices/v1.go.
 */
export function writeDevicesV1(directory: string, rules: readonly DeviceRule[], record?: RecordChange): void {
  const list = (): DeviceTable => DeviceTable.parse(readControl(`${directory}/devices.list`));
  const target = DeviceTable.of(rules);
  const changes = list().transitionTo(target);
  if (changes.length === 0) return;
  // one open file for each run of equal answers
  for (let n = 0; n < changes.length; ) {
    const { allow } = changes[n] as DeviceRule;
    const run: string[] = [];
    for (; n < changes.length && changes[n]?.allow === allow; n++) run.push(ruleText(changes[n] as DeviceRule));
    writeControl(`${directory}/devices.${allow ? 'allow' : 'deny'}`, run, record);
  }
  if (!list().shows(target))
    throw new EngineError(
      'Internal',
      `${directory}/devices.list does not show what was asked for after ${changes.length} changes`,
    );
}
