import { type At, filled, list, MAX_PATH, member, present, text, texts, whole } from './read.js';
import type { IdMapping, SpecMount } from './types.js';

/** user_namespaces(7): a map has at most 340 lines. */
const MAX_MAPPINGS = 340;

/** One of `mounts` of config.md. Options are at most a page together (mount(2), "data"), so each is. */
export function parseMount(at: At): SpecMount {
  return present({
    destination: text(member(at, 'destination'), MAX_PATH) ?? '',
    type: filled(member(at, 'type'), MAX_PATH),
    source: filled(member(at, 'source'), MAX_PATH),
    options: texts(member(at, 'options'), MAX_PATH),
    uidMappings: parseMappings(member(at, 'uidMappings')),
    gidMappings: parseMappings(member(at, 'gidMappings')),
  });
}

export function parseMappings(at: At): IdMapping[] {
  return list(
    at,
    (one) => ({
      containerID: whole(member(one, 'containerID'), 'uint32') ?? 0,
      hostID: whole(member(one, 'hostID'), 'uint32') ?? 0,
      size: whole(member(one, 'size'), 'uint32') ?? 0,
    }),
    MAX_MAPPINGS,
  );
}
