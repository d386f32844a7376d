import { CONTAINER_LIFE } from './container-life.js';
import { CONTAINER_LOOK } from './container-look.js';
import { IMAGE_COMMANDS } from './image-commands.js';
import { OBJECT_COMMANDS } from './object-commands.js';
import { type CommandSpec, type FlagSpec, flag } from './spec.js';

const COMPLETION: readonly CommandSpec[] = ['bash', 'zsh', 'fish'].map((shell) => ({
  names: [`completion ${shell}`],
  usage: '',
  args: [0, 0] as const,
  text: `Generate the autocompletion script for ${shell}`,
  flags: [],
}));

/** Every command that does something. */
export const COMMANDS: readonly CommandSpec[] = [
  ...CONTAINER_LIFE,
  ...CONTAINER_LOOK,
  ...IMAGE_COMMANDS,
  ...OBJECT_COMMANDS,
  ...COMPLETION,
];

/** Words that only have others behind them. */
export const GROUPS: ReadonlyMap<string, string> = new Map([
  ['container', 'Manage containers'],
  ['context', 'Manage contexts'],
  ['image', 'Manage images'],
  ['network', 'Manage networks'],
  ['system', 'Manage Docker'],
  ['volume', 'Manage volumes'],
  ['completion', 'Generate the autocompletion script for the specified shell'],
]);

/** In front of the command. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  flag('config', null, 'string', 'Location of client config files'),
  flag(
    'context',
    'c',
    'string',
    'Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "docker context use")',
  ),
  flag('debug', 'D', 'bool', 'Enable debug mode'),
  flag('host', 'H', 'list', 'Daemon socket to connect to'),
  flag('lang', null, 'string', "Language of help's summaries (en, zh)", { hidden: true }),
  flag('log-level', 'l', 'string', 'Set the logging level ("debug", "info", "warn", "error", "fatal")', {
    initial: '"info"',
  }),
  flag('tls', null, 'bool', 'Use TLS; implied by --tlsverify'),
  flag('tlscacert', null, 'string', 'Trust certs signed only by this CA'),
  flag('tlscert', null, 'string', 'Path to TLS certificate file'),
  flag('tlskey', null, 'string', 'Path to TLS key file'),
  flag('tlsverify', null, 'bool', 'Use TLS and verify the remote'),
  flag('version', 'v', 'bool', 'Print version information and quit'),
];

const LATER = 'is not part of this command yet: it comes with the engine that builds';
const SWARM = 'is not supported: this command drives one engine, without swarm mode';
const TRUST = 'is not supported: this command does not sign images';
const PLUGIN = 'is not supported: this command does not manage plugins';
const CONTEXT = 'is not supported: there is only the context "default"; use -H or DOCKER_HOST';

/** What docker knows and this command does not do, and what it says instead. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['build', LATER],
  ['buildx', LATER],
  ['builder', LATER],
  ['compose', LATER],
  ['image build', LATER],
  ['manifest', 'is not supported: use a registry tool to edit manifest lists'],
  ['plugin', PLUGIN],
  ['trust', TRUST],
  ['checkpoint', 'is not supported: this command does not checkpoint containers'],
  ['config', SWARM],
  ['node', SWARM],
  ['secret', SWARM],
  ['service', SWARM],
  ['stack', SWARM],
  ['swarm', SWARM],
  ['volume update', SWARM],
  ['context create', CONTEXT],
  ['context export', CONTEXT],
  ['context import', CONTEXT],
  ['context rm', CONTEXT],
  ['context update', CONTEXT],
  ['context use', CONTEXT],
  ['completion powershell', 'is not supported: there are bash, zsh and fish'],
]);
