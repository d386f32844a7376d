import { checkAttach, checkEnv, checkExtraHost, checkIp, checkLabel, checkLink, checkSysctl } from '../opts/checks.js';
import { parseMount } from '../opts/mount.js';
import { parseNetwork } from '../opts/network.js';
import { parseDecimal, parseDuration, parseSize } from '../opts/numbers.js';
import { checkRateDevice, checkWeightDevice } from '../opts/throttle.js';
import { parseUlimit } from '../opts/ulimit.js';
import type { FlagSpec } from './spec.js';

/** Checks of single flags, by name: what docker/cli/opts refuses while flags are read. Null: it is well. */
const BY_NAME: Readonly<Record<string, (value: string) => string | null>> = {
  attach: checkAttach,
  'add-host': checkExtraHost,
  dns: checkIp,
  env: checkEnv,
  label: checkLabel,
  link: checkLink,
  'blkio-weight-device': checkWeightDevice,
  'device-read-bps': (value) => checkRateDevice(value, 'bps'),
  'device-write-bps': (value) => checkRateDevice(value, 'bps'),
  'device-read-iops': (value) => checkRateDevice(value, 'iops'),
  'device-write-iops': (value) => checkRateDevice(value, 'iops'),
};

/** Why a flag cannot have this value, in docker's words, or null. */
export function checkValue(spec: FlagSpec, value: string): string | null {
  const byName = BY_NAME[spec.name];
  if (byName !== undefined && spec.kind === 'list') return byName(value);
  return said(() => {
    switch (spec.kind) {
      case 'bool':
        if (!/^(?:1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(value))
          throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
        return;
      case 'int':
        return checkInteger(value, 'ParseInt', -(2n ** 63n), 2n ** 63n - 1n);
      case 'uint':
        return checkInteger(value, 'ParseUint', 0n, 2n ** 64n - 1n);
      case 'uint16':
        return checkInteger(value, 'ParseUint', 0n, 65_535n);
      case 'bytes':
        parseSize(value, spec.name === 'memory-swap');
        return;
      case 'duration':
        parseDuration(value);
        return;
      case 'decimal':
        parseDecimal(value);
        return;
      case 'filter':
        return checkFilter(value);
      case 'mount':
        parseMount(value);
        return;
      case 'network':
        parseNetwork(value);
        return;
      case 'ulimit':
        parseUlimit(value);
        return;
      case 'map':
        if (spec.name === 'sysctl') {
          const problem = checkSysctl(value);
          if (problem !== null) throw new Error(problem);
        }
        return;
      default:
        return;
    }
  });
}

function said(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}

function checkInteger(value: string, parser: string, least: bigint, most: bigint): void {
  const pattern =
    parser === 'ParseInt'
      ? /^[+-]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]+)$/
      : /^(?:0[xX][0-9a-fA-F]+|[0-9]+)$/;
  if (!pattern.test(value)) throw new Error(`strconv.${parser}: parsing ${JSON.stringify(value)}: invalid syntax`);
  const number = BigInt(value.replace(/^[+-]/, '').replace(/^0(?=[0-7])/, '0o')) * (value.startsWith('-') ? -1n : 1n);
  if (number < least || number > most)
    throw new Error(`strconv.${parser}: parsing ${JSON.stringify(value)}: value out of range`);
}

/** docker/cli/opts/opts.go, FilterOpt. */
function checkFilter(value: string): void {
  if (value !== '' && !value.includes('=')) throw new Error('bad format of filter (expected name=value)');
}
