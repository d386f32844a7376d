import type { Config, ConfigMount } from '../../helpers/oci/config.js';

export const args = (c: Config, ...list: string[]): void => {
  c.process.args = list;
};

export const user = (c: Config, uid: number, gid: number, ...additionalGids: number[]): void => {
  c.process.user = { uid, gid, additionalGids };
};

export const add = (c: Config, ...mounts: ConfigMount[]): number => c.mounts.push(...mounts);

export const tmpfs = (c: Config, destination: string, ...options: string[]): number =>
  add(c, { destination, type: 'tmpfs', source: 'tmpfs', options });

export const bind = (c: Config, source: string, destination: string, ...options: string[]): number =>
  add(c, { destination, type: 'bind', source, options });

export const sleeps = (c: Config): void => {
  c.process.args = ['/bin/sleep', '1000'];
};

/** The process gets the runtime's own descriptors then: a foreground container of runc has pipes. */
export const STEPS = [['create'], ['start', '{id}'], ['@wait'], ['delete', '{id}']];

export const STARTED = [['create'], ['start', '{id}']] as const;

export const END = [['kill', '{id}', 'KILL'], ['@wait'], ['delete', '{id}']] as const;
