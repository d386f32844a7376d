import { EngineError } from '../kernel/errors.js';
import type { DeviceRule } from './resources.js';

/** Rules that a runtime adds to those of the configuration: `ALWAYS_ALLOWED` without those of devices that the configuration has itself. */
export interface AllowedDevice {
  /** Node of the device; absent for rules about many. */
  readonly path?: string;
  readonly rule: DeviceRule;
}

const allow = (type: 'b' | 'c', major: number, minor: number, access = 'rwm'): DeviceRule => ({
  allow: true,
  type,
  major,
  minor,
  access,
});

/** What every container may use, as runc 1.1 has it: any node may be made, few may be opened. libcontainer/specconv, AllowedDevices. */
export const ALWAYS_ALLOWED: readonly AllowedDevice[] = [
  { rule: allow('c', -1, -1, 'm') },
  { rule: allow('b', -1, -1, 'm') },
  { path: '/dev/null', rule: allow('c', 1, 3) },
  { path: '/dev/random', rule: allow('c', 1, 8) },
  { path: '/dev/full', rule: allow('c', 1, 7) },
  { path: '/dev/tty', rule: allow('c', 5, 0) },
  { path: '/dev/zero', rule: allow('c', 1, 5) },
  { path: '/dev/urandom', rule: allow('c', 1, 9) },
  // terminals, /dev/pts/ptmx, and tun
  { rule: allow('c', 136, -1) },
  { rule: allow('c', 5, 2) },
  { rule: allow('c', 10, 200) },
];

/** The final list: the configuration's rules, then the runtime's, without those whose node the configuration makes itself. */
export function withAlwaysAllowed(
  rules: readonly DeviceRule[],
  devices: readonly { readonly path: string }[],
): DeviceRule[] {
  const own = new Set(devices.map(({ path }) => path));
  return [...rules, ...ALWAYS_ALLOWED.flatMap(({ path, rule }) => (path !== undefined && own.has(path) ? [] : rule))];
}

/** BPF_DEVCG_ACC_…, include/uapi/linux/bpf.h: a program gets them from the kernel. */
export const MKNOD = 1;
export const READ = 2;
export const WRITE = 4;
export const ALL_ACCESS = READ | WRITE | MKNOD;

/** An exception to what a table says of all devices. -1 is any number. */
export interface DeviceException {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Bits of READ, WRITE and MKNOD. */
  readonly access: number;
}

/**
 * What rules come to, as the v1 controller counts them: one answer for all devices and a list of exceptions to it. v2 gets
 * the same table, so that a configuration means the same on both. Without rules everything is denied.
 * libcontainer/cgroups/devices; security/device_cgroup.c.
 */
export class DeviceTable {
  #allowsAll = false;
  #exceptions = new Map<string, DeviceException>();

  /** Apply rules in their order. */
  static of(rules: readonly DeviceRule[]): DeviceTable {
    const table = new DeviceTable();
    for (const rule of rules) table.add(rule);
    return table;
  }

  /** The table that a v1 devices.list shows. A table that allows all shows none of its exceptions. */
  static parse(list: string): DeviceTable {
    const table = new DeviceTable();
    for (const line of list.split('\n')) {
      if (line === '') continue;
      const [, type, major, minor, access] = /^([abc])\s+(\d+|\*):(\d+|\*)\s+([rwm]+)$/.exec(line) ?? [];
      if (type === undefined) throw new EngineError('Internal', `unexpected line in devices.list: ${line}`);
      const number = (text: string | undefined): number => (text === '*' ? -1 : Number(text));
      table.add({
        allow: true,
        type: type as 'a' | 'b' | 'c',
        major: number(major),
        minor: number(minor),
        access: access as string,
      });
    }
    return table;
  }

  get allowsAll(): boolean {
    return this.#allowsAll;
  }

  /** In the order of major, minor, type. */
  get exceptions(): DeviceException[] {
    return [...this.#exceptions.values()].sort(
      (a, b) => a.major - b.major || a.minor - b.minor || (a.type < b.type ? -1 : a.type > b.type ? 1 : 0),
    );
  }

  add(rule: DeviceRule): void {
    const access = accessBits(rule.access ?? '');
    if (rule.type === undefined || rule.type === 'a') {
      this.#allowsAll = rule.allow;
      this.#exceptions.clear();
      return;
    }
    const exception = { type: rule.type, major: rule.major ?? -1, minor: rule.minor ?? -1, access };
    if (exception.access === 0) return;
    if (rule.allow === this.#allowsAll) this.#takeBack(exception);
    else this.#put({ ...exception, access: exception.access | this.#accessOf(exception) });
  }

  /**
   * What has to be written to get from this table to another, and as little of it as can be, so that nobody inside is
   * refused a device meanwhile. Exceptions of a table that allows all cannot be read, so such a table is begun anew.
   */
  transitionTo(target: DeviceTable): DeviceRule[] {
    const anew = this.#allowsAll || this.#allowsAll !== target.#allowsAll;
    const rules: DeviceRule[] = anew ? [{ allow: target.#allowsAll, type: 'a', access: 'rwm' }] : [];
    const old = anew ? new DeviceTable() : this;
    for (const exception of old.exceptions) {
      const dropped = exception.access & ~target.#accessOf(exception);
      if (dropped !== 0) rules.push(toRule({ ...exception, access: dropped }, target.#allowsAll));
    }
    for (const exception of target.exceptions) {
      const gained = exception.access & ~old.#accessOf(exception);
      if (gained !== 0) rules.push(toRule({ ...exception, access: gained }, !target.#allowsAll));
    }
    return rules;
  }

  /** The same answers, as far as devices.list can tell: exceptions of a table that allows all are not shown. */
  shows(target: DeviceTable): boolean {
    if (this.#allowsAll !== target.#allowsAll) return false;
    const text = (table: DeviceTable): string => JSON.stringify(table.exceptions);
    return this.#allowsAll || text(this) === text(target);
  }

  #accessOf(exception: DeviceException): number {
    return this.#exceptions.get(keyOf(exception))?.access ?? 0;
  }

  #put(exception: DeviceException): void {
    this.#exceptions.set(keyOf(exception), exception);
  }

  /** v1 silently keeps a wider exception when a part of it is taken back; like runc we say that it cannot be had. */
  #takeBack(exception: DeviceException): void {
    const { type, major, minor, access } = exception;
    for (const wider of [
      { type, major: -1, minor, access },
      { type, major, minor: -1, access },
      { type, major: -1, minor: -1, access },
    ]) {
      if (keyOf(wider) === keyOf(exception) || (this.#accessOf(wider) & access) === 0) continue;
      throw new EngineError(
        'InvalidArgument',
        `requested device rule ${ruleText(toRule(exception, this.#allowsAll))} is not supported by cgroup v1: it cannot punch a hole in the wildcard rule ${ruleText(toRule({ ...wider, access: this.#accessOf(wider) }, !this.#allowsAll))}`,
      );
    }
    const left = this.#accessOf(exception) & ~access;
    if (left === 0) this.#exceptions.delete(keyOf(exception));
    else this.#put({ ...exception, access: left });
  }
}

const keyOf = ({ type, major, minor }: DeviceException): string => `${type} ${major}:${minor}`;

/** Letters without a meaning have none in runc either: libcontainer/devices, Permissions.toSet. */
function accessBits(letters: string): number {
  const has = (letter: string, bit: number): number => (letters.includes(letter) ? bit : 0);
  return has('r', READ) | has('w', WRITE) | has('m', MKNOD);
}

function toRule({ type, major, minor, access }: DeviceException, allowed: boolean): DeviceRule {
  const letters = `${access & READ ? 'r' : ''}${access & WRITE ? 'w' : ''}${access & MKNOD ? 'm' : ''}`;
  return { allow: allowed, type, major, minor, access: letters };
}

/** As devices.allow and devices.deny take it: `c 1:3 rwm`. */
export function ruleText(rule: DeviceRule): string {
  const number = (n: number | undefined): string => (n === undefined || n < 0 ? '*' : String(n));
  return `${rule.type ?? 'a'} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? 'rwm'}`;
}
