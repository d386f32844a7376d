import { rmSync, writeFileSync } from 'node:fs';
import { without } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { END, STARTED, sleeps } from './changes.js';

export const LIFE_CASES: readonly Case[] = [
  {
    name: 'the states of a life',
    change: sleeps,
    steps: [
      ['create'],
      ['state', '{id}'],
      ['start', '{id}'],
      ['state', '{id}'],
      ['kill', '{id}', '9'],
      ['@wait'],
      ['state', '{id}'],
      ['delete', '{id}'],
      ['state', '{id}'],
    ],
    exit: 1,
  },
  {
    name: 'create and start',
    steps: [['create'], ['start', '{id}'], ['@wait'], ['state', '{id}'], ['delete', '{id}']],
    unseen: 'it is the base',
  },
  {
    name: 'run detached',
    steps: [['run', '--detach'], ['@wait'], ['state', '{id}'], ['delete', '{id}']],
    unseen: 'it is the base',
  },
  {
    name: 'create and delete',
    unseen: 'the process never runs',
    steps: [['create'], ['delete', '{id}']],
    change: sleeps,
  },
  {
    name: 'create and delete with force',
    unseen: 'nothing of the process is seen',
    steps: [['create'], ['delete', '--force', '{id}'], ['state', '{id}']],
    exit: 1,
    change: sleeps,
  },
  { name: 'delete of what runs', change: sleeps, steps: [...STARTED, ['delete', '{id}'], ...END], exit: 1 },
  {
    name: 'delete of what runs with force',
    unseen: 'nothing of the process is seen',
    change: sleeps,
    steps: [...STARTED, ['delete', '--force', '{id}']],
  },
  { name: 'start twice', change: sleeps, steps: [...STARTED, ['start', '{id}'], ...END], exit: 1 },
  {
    name: 'start of what has ended',
    change: (c) => {
      c.process.args = ['/bin/true'];
    },
    steps: [...STARTED, ['@wait'], ['start', '{id}'], ['delete', '{id}']],
    exit: 1,
  },
  {
    name: 'kill of what has ended',
    change: (c) => {
      c.process.args = ['/bin/true'];
    },
    steps: [...STARTED, ['@wait'], ['kill', '{id}', 'KILL'], ['delete', '{id}']],
    exit: 1,
  },
  {
    name: 'kill before the start',
    unseen: 'what the commands say is compared',
    change: sleeps,
    steps: [['create'], ['kill', '{id}', 'KILL'], ['@wait'], ['state', '{id}'], ['delete', '{id}']],
  },
  {
    name: 'kill by an unknown signal',
    unseen: 'what the commands say is compared',
    change: sleeps,
    steps: [...STARTED, ['kill', '{id}', 'LOUD'], ...END],
    exit: 1,
  },
  {
    name: 'kill by names and numbers',
    change: (c) => {
      c.process.args = [
        '/bin/sh',
        '-c',
        'for s in HUP USR1 USR2 TERM; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.05; done',
      ];
    },
    steps: [
      ...STARTED,
      ['exec', '{id}', '/bin/sleep', '0.3'],
      ['kill', '{id}', 'SIGHUP'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ['kill', '{id}', 'USR1'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ['kill', '{id}', '12'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ['kill', '{id}'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ...END,
    ],
  },
  {
    name: 'kill of all',
    change: (c) => {
      without(c, 'pid');
      c.process.args = ['/bin/sh', '-c', 'sleep 1000 & exec sleep 1000'];
    },
    steps: [...STARTED, ['kill', '--all', '{id}', 'KILL'], ['@wait'], ['delete', '{id}']],
  },
  {
    name: 'pause and resume',
    change: sleeps,
    steps: [
      ...STARTED,
      ['pause', '{id}'],
      ['state', '{id}'],
      ['@groups'],
      ['resume', '{id}'],
      ['state', '{id}'],
      ...END,
    ],
  },
  {
    name: 'pause twice and resume twice',
    change: sleeps,
    steps: [...STARTED, ['pause', '{id}'], ['pause', '{id}'], ['resume', '{id}'], ['resume', '{id}'], ...END],
    exit: 1,
  },
  {
    name: 'delete with force of what is paused',
    unseen: 'nothing of the process is seen',
    change: sleeps,
    steps: [...STARTED, ['pause', '{id}'], ['delete', '--force', '{id}']],
  },
  {
    name: 'kill of what is paused',
    exit: 1,
    change: sleeps,
    steps: [
      ...STARTED,
      ['pause', '{id}'],
      ['kill', '{id}', 'KILL'],
      ['@wait'],
      ['state', '{id}'],
      ['resume', '{id}'],
      ['delete', '{id}'],
    ],
  },
  {
    name: 'update of memory and pids',
    change: sleeps,
    steps: [...STARTED, ['update', '--memory', '67108864', '--pids-limit', '44', '{id}'], ['@groups'], ...END],
  },
  {
    name: 'update of the cpu',
    change: sleeps,
    steps: [
      ...STARTED,
      ['update', '--cpu-share', '200', '--cpu-quota', '30000', '--cpu-period', '60000', '--cpuset-cpus', '0', '{id}'],
      ['@groups'],
      ...END,
    ],
  },
  {
    name: 'update from a file',
    change: sleeps,
    prepare: (w) => writeFileSync(`${w.output}/resources`, '{"pids":{"limit":45},"memory":{"limit":33554432}}'),
    steps: [...STARTED, ['update', '--resources', '{out}/resources', '{id}'], ['@groups'], ...END],
  },
  { name: 'ps as json', change: sleeps, steps: [...STARTED, ['ps', '--format', 'json', '{id}'], ...END] },
  {
    name: 'list as json',
    unseen: 'what the commands say is compared',
    change: sleeps,
    steps: [...STARTED, ['list', '--format', 'json'], ...END],
  },
  { name: 'list quietly', change: sleeps, steps: [...STARTED, ['list', '--quiet'], ...END] },
  {
    name: 'list of nothing',
    steps: [
      ['list', '--quiet'],
      ['list', '--format', 'json'],
    ],
    unseen: 'there is none',
  },
  {
    name: 'an id that is taken',
    unseen: 'nothing of the process is seen',
    change: sleeps,
    steps: [['create'], ['create'], ['delete', '--force', '{id}']],
    exit: 1,
  },
  { name: 'state of what is not there', steps: [['state', 'nobody']], fails: /does not exist/ },
  { name: 'start of what is not there', steps: [['start', 'nobody']], fails: /does not exist/ },
  { name: 'kill of what is not there', steps: [['kill', 'nobody', 'KILL']], fails: /does not exist/ },
  { name: 'delete of what is not there', steps: [['delete', 'nobody']], fails: /does not exist/ },
  { name: 'delete with force of what is not there', steps: [['delete', '--force', 'nobody']], unseen: 'there is none' },
  { name: 'exec in what is not there', steps: [['exec', 'nobody', 'true']], fails: /does not exist/ },
  { name: 'an id with a slash', steps: [['state', 'a/b']], fails: /invalid/ },
  { name: 'no command', steps: [['no-such-command']], fails: /./ },
  {
    name: 'a bundle without a config.json',
    prepare: (w) => rmSync(`${w.bundle}/config.json`),
    fails: /config\.json/,
  },
  {
    name: 'a log in json',
    global: ['--log', '{out}/log', '--log-format', 'json'],
    change: (c) => {
      c.process.args = ['/bin/nowhere'];
    },
    fails: /no such file/,
  },
];
