import type { VolumeCreateOptions } from '../../../volume/types.js';
import { Fields, present } from './fields.js';

/** POST /volumes/create; no body at all is a volume without a name. */
export function parseVolumeCreate(body: unknown): VolumeCreateOptions {
  const fields = new Fields(body, 'CreateOptions');
  return present({
    Name: fields.string('Name') || undefined,
    Driver: fields.string('Driver') || undefined,
    DriverOpts: fields.map('DriverOpts') ?? undefined,
    Labels: fields.map('Labels') ?? undefined,
  });
}
