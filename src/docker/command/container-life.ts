import { CREATE_FLAGS } from './create-flags.js';
import { type CommandSpec, flag } from './spec.js';

/** Commands that make, change and end containers. */
export const CONTAINER_LIFE: readonly CommandSpec[] = [
  {
    names: ['container run', 'run'],
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Create and run a new container from an image',
    stopsAtArgument: true,
    flags: [
      ...CREATE_FLAGS,
      flag('detach', 'd', 'bool', 'Run container in background and print container ID'),
      flag('detach-keys', null, 'string', 'Override the key sequence for detaching a container'),
      flag('pull', null, 'string', 'Pull image before running ("always", "missing", "never")', {
        initial: '"missing"',
      }),
      flag('sig-proxy', null, 'bool', 'Proxy received signals to the process', { initial: 'true' }),
    ],
  },
  {
    names: ['container create', 'create'],
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Create a new container',
    stopsAtArgument: true,
    flags: [
      ...CREATE_FLAGS,
      flag('pull', null, 'string', 'Pull image before creating ("always", "|missing", "never")', {
        initial: '"missing"',
      }),
    ],
  },
  {
    names: ['container kill', 'kill'],
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Kill one or more running containers',
    flags: [flag('signal', 's', 'string', 'Signal to send to the container')],
  },
  {
    names: ['container pause', 'pause'],
    usage: 'CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Pause all processes within one or more containers',
    flags: [],
  },
  {
    names: ['container rename', 'rename'],
    usage: 'CONTAINER NEW_NAME',
    args: [2, 2],
    text: 'Rename a container',
    flags: [],
  },
  {
    names: ['container restart', 'restart'],
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Restart one or more containers',
    flags: [
      flag('signal', 's', 'string', 'Signal to send to the container'),
      flag('timeout', 't', 'int', 'Seconds to wait before killing the container'),
      flag('time', null, 'int', 'Seconds to wait before killing the container', { hidden: true }),
    ],
  },
  {
    names: ['container rm', 'container remove', 'rm'],
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Remove one or more containers',
    flags: [
      flag('force', 'f', 'bool', 'Force the removal of a running container (uses SIGKILL)'),
      flag('link', 'l', 'bool', 'Remove the specified link'),
      flag('volumes', 'v', 'bool', 'Remove anonymous volumes associated with the container'),
    ],
  },
  {
    names: ['container start', 'start'],
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Start one or more stopped containers',
    flags: [
      flag('attach', 'a', 'bool', 'Attach STDOUT/STDERR and forward signals'),
      flag('checkpoint', null, 'string', 'Restore from this checkpoint', { refused: true }),
      flag('checkpoint-dir', null, 'string', 'Use a custom checkpoint storage directory', { refused: true }),
      flag('detach-keys', null, 'string', 'Override the key sequence for detaching a container'),
      flag('interactive', 'i', 'bool', "Attach container's STDIN"),
    ],
  },
  {
    names: ['container stop', 'stop'],
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Stop one or more running containers',
    flags: [
      flag('signal', 's', 'string', 'Signal to send to the container'),
      flag('timeout', 't', 'int', 'Seconds to wait before killing the container'),
      flag('time', null, 'int', 'Seconds to wait before killing the container', { hidden: true }),
    ],
  },
  {
    names: ['container unpause', 'unpause'],
    usage: 'CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Unpause all processes within one or more containers',
    flags: [],
  },
  {
    names: ['container update', 'update'],
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Update configuration of one or more containers',
    flags: [
      flag('blkio-weight', null, 'uint16', 'Block IO (relative weight), between 10 and 1000, or 0 to disable', {
        initial: '0',
      }),
      flag('cpu-period', null, 'int', 'Limit CPU CFS (Completely Fair Scheduler) period'),
      flag('cpu-quota', null, 'int', 'Limit CPU CFS (Completely Fair Scheduler) quota'),
      flag('cpu-rt-period', null, 'int', 'Limit the CPU real-time period in microseconds'),
      flag('cpu-rt-runtime', null, 'int', 'Limit the CPU real-time runtime in microseconds'),
      flag('cpu-shares', 'c', 'int', 'CPU shares (relative weight)'),
      flag('cpus', null, 'decimal', 'Number of CPUs'),
      flag('cpuset-cpus', null, 'string', 'CPUs in which to allow execution (0-3, 0,1)'),
      flag('cpuset-mems', null, 'string', 'MEMs in which to allow execution (0-3, 0,1)'),
      flag('memory', 'm', 'bytes', 'Memory limit'),
      flag('memory-reservation', null, 'bytes', 'Memory soft limit'),
      flag('memory-swap', null, 'bytes', 'Swap limit equal to memory plus swap: -1 to enable unlimited swap'),
      flag('pids-limit', null, 'int', 'Tune container pids limit (set -1 for unlimited)'),
      flag('restart', null, 'string', 'Restart policy to apply when a container exits'),
    ],
  },
  {
    names: ['container wait', 'wait'],
    usage: 'CONTAINER [CONTAINER...]',
    args: [1, Number.POSITIVE_INFINITY],
    text: 'Block until one or more containers stop, then print their exit codes',
    flags: [],
  },
  {
    names: ['container prune'],
    usage: '[OPTIONS]',
    args: [0, 0],
    text: 'Remove all stopped containers',
    flags: [
      flag('filter', null, 'filter', 'Provide filter values (e.g. "until=<timestamp>")'),
      flag('force', 'f', 'bool', 'Do not prompt for confirmation'),
    ],
  },
];
