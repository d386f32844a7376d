import {
  type At,
  big,
  fail,
  filled,
  flag,
  list,
  MAX_PATH,
  map,
  member,
  optional,
  present,
  text,
  whole,
  word,
} from './read.js';
import type { DeviceRule, SpecResources, ThrottleDevice } from './types.js';

const NAME = 255;

/** `linux.resources` of config-linux.md, "Control groups"; also the document of `update --resources`. */
export function parseResourcesAt(at: At): SpecResources {
  return present({
    devices: list(member(at, 'devices'), deviceRule),
    memory: optional(member(at, 'memory'), memory),
    cpu: optional(member(at, 'cpu'), cpu),
    pids: optional(member(at, 'pids'), (pids) => ({ limit: big(member(pids, 'limit'), 'int64') ?? 0n })),
    blockIO: optional(member(at, 'blockIO'), blockIO),
    hugepageLimits: list(member(at, 'hugepageLimits'), (one) => ({
      pageSize: pageSize(member(one, 'pageSize')),
      limit: big(member(one, 'limit'), 'uint64') ?? 0n,
    })),
    network: optional(member(at, 'network'), (network) =>
      present({
        classID: whole(member(network, 'classID'), 'uint32'),
        priorities: list(member(network, 'priorities'), (one) => ({
          name: text(member(one, 'name'), NAME) ?? '',
          priority: whole(member(one, 'priority'), 'uint32') ?? 0,
        })),
      }),
    ),
    rdma: map(member(at, 'rdma'), (one) =>
      present({
        hcaHandles: whole(member(one, 'hcaHandles'), 'uint32'),
        hcaObjects: whole(member(one, 'hcaObjects'), 'uint32'),
      }),
    ),
    unified: map(member(at, 'unified'), (one) => text(one) ?? ''),
  });
}

function deviceRule(at: At): DeviceRule {
  const type = member(at, 'type');
  return present({
    allow: flag(member(at, 'allow')) ?? false,
    type: filled(type) === undefined ? undefined : word(type, ['a', 'b', 'c']),
    major: whole(member(at, 'major'), 'anyDevice'),
    minor: whole(member(at, 'minor'), 'anyDevice'),
    access: text(member(at, 'access'), NAME),
  });
}

function memory(at: At): NonNullable<SpecResources['memory']> {
  return present({
    limit: big(member(at, 'limit'), 'int64'),
    reservation: big(member(at, 'reservation'), 'int64'),
    swap: big(member(at, 'swap'), 'int64'),
    kernel: big(member(at, 'kernel'), 'int64'),
    kernelTCP: big(member(at, 'kernelTCP'), 'int64'),
    swappiness: whole(member(at, 'swappiness'), 'percent'),
    disableOOMKiller: flag(member(at, 'disableOOMKiller')),
    useHierarchy: flag(member(at, 'useHierarchy')),
    checkBeforeUpdate: flag(member(at, 'checkBeforeUpdate')),
  });
}

function cpu(at: At): NonNullable<SpecResources['cpu']> {
  return present({
    shares: big(member(at, 'shares'), 'uint64'),
    quota: big(member(at, 'quota'), 'int64'),
    burst: big(member(at, 'burst'), 'uint64'),
    period: big(member(at, 'period'), 'uint64'),
    realtimeRuntime: big(member(at, 'realtimeRuntime'), 'int64'),
    realtimePeriod: big(member(at, 'realtimePeriod'), 'uint64'),
    cpus: filled(member(at, 'cpus'), MAX_PATH),
    mems: filled(member(at, 'mems'), MAX_PATH),
    idle: whole(member(at, 'idle'), 'safe'),
  });
}

function blockIO(at: At): NonNullable<SpecResources['blockIO']> {
  const throttle = (key: string): ThrottleDevice[] =>
    list(member(at, key), (one) => ({ ...numbers(one), rate: big(member(one, 'rate'), 'uint64') ?? 0n }));
  return present({
    weight: whole(member(at, 'weight'), 'uint16'),
    leafWeight: whole(member(at, 'leafWeight'), 'uint16'),
    weightDevice: list(member(at, 'weightDevice'), (one) =>
      present({
        ...numbers(one),
        weight: whole(member(one, 'weight'), 'uint16'),
        leafWeight: whole(member(one, 'leafWeight'), 'uint16'),
      }),
    ),
    throttleReadBpsDevice: throttle('throttleReadBpsDevice'),
    throttleWriteBpsDevice: throttle('throttleWriteBpsDevice'),
    throttleReadIOPSDevice: throttle('throttleReadIOPSDevice'),
    throttleWriteIOPSDevice: throttle('throttleWriteIOPSDevice'),
  });
}

function numbers(at: At): { major: number; minor: number } {
  return { major: whole(member(at, 'major'), 'major') ?? 0, minor: whole(member(at, 'minor'), 'minor') ?? 0 };
}

/** It becomes a part of a file's name. */
function pageSize(at: At): string {
  const value = text(at, NAME) ?? '';
  return /^[1-9][0-9]*[KMG]B$/.test(value) ? value : fail(at, 'a size such as "2MB" or "1GB"');
}
