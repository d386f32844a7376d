import { type CapabilitySet, type Config, DOCKER_CAPABILITIES, grant } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { STEPS, user } from './changes.js';
import { ownUserNamespace } from './namespaces.js';

export const USER_CASES: readonly Case[] = [
  { name: 'a user', change: (c) => user(c, 1000, 1000) },
  { name: 'a user with the group of root', change: (c) => user(c, 1000, 0) },
  { name: 'root with another group', change: (c) => user(c, 0, 50) },
  { name: 'additional groups', change: (c) => user(c, 0, 0, 50, 7, 50, 2_000_000_000) },
  { name: 'additional groups of a user', change: (c) => user(c, 1000, 1000, 10, 20) },
  { name: 'a large user id', change: (c) => user(c, 2_000_000_000, 2_147_483_647) },
  { name: 'a user id beyond 31 bits', change: (c) => user(c, 4_000_000_000, 0), fails: /range/ },
  { name: 'a negative user id is refused', change: (c) => user(c, -1, 0), fails: /./ },
  { name: 'a user, created and started', change: (c) => user(c, 1000, 1000), steps: STEPS },
  { name: 'a user namespace, created and started', change: (c) => ownUserNamespace(c), steps: STEPS },
  {
    name: 'a user of a user namespace, created and started',
    change: (c) => {
      ownUserNamespace(c);
      user(c, 1000, 1000);
    },
    steps: STEPS,
  },
  {
    name: 'a umask',
    change: (c) => {
      c.process.user.umask = 0o077;
    },
  },
  {
    name: 'a umask of nothing',
    change: (c) => {
      c.process.user.umask = 0;
    },
  },
];

/** The same names in each of some sets. */
function sets(c: Config, names: readonly string[], ...which: CapabilitySet[]): void {
  c.process.capabilities = Object.fromEntries(which.map((set) => [set, [...names]]));
}

const ALL: readonly CapabilitySet[] = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'];

export const CAPABILITY_CASES: readonly Case[] = [
  { name: 'no capabilities', change: (c) => grant(c, []) },
  { name: 'no object of capabilities', change: (c) => delete c.process.capabilities },
  { name: 'one capability', change: (c) => grant(c, ['CAP_NET_BIND_SERVICE']) },
  { name: 'one capability in all sets', change: (c) => sets(c, ['CAP_NET_RAW'], ...ALL) },
  { name: 'only a bounding set', change: (c) => sets(c, DOCKER_CAPABILITIES, 'bounding') },
  { name: 'only an effective set is refused', change: (c) => sets(c, ['CAP_CHOWN'], 'effective'), fails: /./ },
  {
    name: 'inheritable and ambient capabilities of root',
    change: (c) => sets(c, ['CAP_NET_RAW', 'CAP_KILL'], ...ALL),
    more: 'grep ^Cap /proc/self/status',
  },
  { name: 'capabilities of a user', change: (c) => user(c, 1000, 1000), more: 'grep ^Cap /proc/self/status' },
  {
    name: 'ambient capabilities of a user',
    change: (c) => {
      user(c, 1000, 1000);
      sets(c, ['CAP_NET_RAW', 'CAP_SYS_CHROOT'], ...ALL);
    },
    more: 'grep ^Cap /proc/self/status',
  },
  {
    name: 'inheritable capabilities without ambient ones, of a user',
    change: (c) => {
      user(c, 1000, 1000);
      sets(c, ['CAP_NET_RAW'], 'bounding', 'effective', 'inheritable', 'permitted');
    },
  },
  {
    name: 'ambient capabilities that are not inheritable',
    change: (c) => {
      user(c, 1000, 1000);
      sets(c, ['CAP_NET_RAW'], 'bounding', 'effective', 'permitted', 'ambient');
    },
  },
  {
    name: 'an unknown capability is passed over',
    change: (c) => grant(c, [...DOCKER_CAPABILITIES, 'CAP_TO_FLY']),
    unseen: 'the process gets what is known; only a warning tells',
  },
  { name: 'a capability in small letters is unknown', change: (c) => grant(c, ['cap_chown', 'CAP_KILL']) },
  { name: 'a capability that the runtime lacks is refused', change: (c) => grant(c, ['CAP_SYS_RESOURCE']), fails: /./ },
  {
    name: 'SYS_ADMIN may mount',
    change: (c) => grant(c, [...DOCKER_CAPABILITIES, 'CAP_SYS_ADMIN']),
  },
  {
    name: 'capabilities in a user namespace',
    more: 'grep ^Cap /proc/self/status; ls -l /proc/1/exe',
    change: (c) => {
      ownUserNamespace(c);
      grant(c, ['CAP_SYS_ADMIN', 'CAP_CHOWN']);
    },
  },
  {
    name: 'no new privileges',
    change: (c) => {
      c.process.noNewPrivileges = true;
    },
  },
  {
    name: 'no new privileges, of a user',
    change: (c) => {
      c.process.noNewPrivileges = true;
      user(c, 1000, 1000);
    },
  },
];
