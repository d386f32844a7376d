import { parseSize } from './numbers.js';

/** Block device limits: docker/cli/opts/throttledevice.go and weightdevice.go. */

export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

export function parseRateDevice(value: string, unit: 'bps' | 'iops'): ThrottleDevice {
  const at = value.indexOf(':');
  const [path, rate] = at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
  if (at < 0 || path === '' || rate === '') throw new Error(`bad format: ${value}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${value}`);
  const want =
    unit === 'bps'
      ? `invalid rate for device: ${value}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`
      : `invalid rate for device: ${value}. The correct format is <device-path>:<number>. Number must be a positive integer`;
  if (unit === 'iops') {
    if (!/^[0-9]+$/.test(rate)) throw new Error(want);
    return { Path: path, Rate: Number(rate) };
  }
  try {
    return { Path: path, Rate: parseSize(rate) };
  } catch (error) {
    throw new Error(want, { cause: error });
  }
}

export function parseWeightDevice(value: string): { readonly Path: string; readonly Weight: number } {
  const at = value.indexOf(':');
  const [path, weight] = at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
  if (at < 0 || path === '' || weight === '') throw new Error(`bad format: ${value}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${value}`);
  const number = Number(weight);
  if (!/^[0-9]+$/.test(weight) || (number > 0 && (number < 10 || number > 1000)))
    throw new Error(`invalid weight for device: ${value}`);
  return { Path: path, Weight: number };
}

const problem = (parse: () => unknown): string | null => {
  try {
    parse();
    return null;
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
};

export const checkRateDevice = (value: string, unit: 'bps' | 'iops'): string | null =>
  problem(() => parseRateDevice(value, unit));
export const checkWeightDevice = (value: string): string | null => problem(() => parseWeightDevice(value));
