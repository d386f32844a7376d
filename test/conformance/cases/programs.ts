import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { grant } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { args, user } from './changes.js';

export const PROGRAM_CASES: readonly Case[] = [
  { name: 'arguments', change: (c) => c.process.args.push('one', 'two words', '', "qu'ote", 'ünïcode') },
  { name: 'a program found in PATH', change: (c) => args(c, 'sh', '/probe') },
  {
    name: 'a program found in the second directory of PATH',
    change: (c) => {
      args(c, 'sh', '/probe');
      c.process.env = ['PATH=/nowhere:/bin'];
    },
  },
  {
    name: 'a program below the working directory',
    change: (c) => {
      c.process.cwd = '/bin';
      args(c, './busybox', 'sh', '/probe');
    },
  },
  { name: 'a symbolic link as the program', change: (c) => args(c, '/bin/../bin/sh', '/probe') },
  { name: 'a program that looks at itself', change: (c) => args(c, '/raw-probe') },
  { name: 'an exit code', change: (c) => args(c, '/bin/sh', '-c', 'exit 42'), exit: 42 },
  { name: 'an end by a signal', change: (c) => args(c, '/bin/sh', '-c', 'sleep 9 & kill -9 $!; wait $!'), exit: 137 },
  {
    name: 'an end by a signal of the first process itself',
    change: (c) => args(c, '/bin/sh', '-c', 'kill -TERM $$; exit 3'),
    exit: 3,
  },
  { name: 'no arguments at all', change: (c) => args(c), fails: /args/ },
  {
    name: 'no process at all',
    text: (json) => JSON.stringify({ ...(JSON.parse(json) as object), process: undefined }),
    fails: /./,
  },
  { name: 'a program that is not there', change: (c) => args(c, '/bin/nowhere'), fails: /no such file/ },
  { name: 'a program that is in no directory of PATH', change: (c) => args(c, 'nowhere'), fails: /not found/ },
  {
    name: 'a program without PATH',
    change: (c) => {
      args(c, 'sh');
      c.process.env = [];
    },
    fails: /not found/,
  },
  {
    name: 'a program that may not be executed',
    change: (c) => args(c, '/data/not-executable'),
    fails: /permission denied/,
  },
  { name: 'a program of no format', change: (c) => args(c, '/data/no-format'), fails: /exec format error/ },
  {
    name: 'a script whose interpreter is not there',
    change: (c) => args(c, '/data/no-interpreter'),
    fails: /no such file/,
  },
  {
    name: 'a directory as the program',
    change: (c) => args(c, '/data/dir'),
    fails: /permission denied|is a directory/,
  },
  { name: 'an empty name as the program', change: (c) => args(c, ''), fails: /./ },
  {
    name: 'a program that the user may not reach',
    change: (c) => {
      args(c, '/secret/true');
      user(c, 1000, 1000);
      grant(c, []);
    },
    prepare: (world) => hide(`${world.rootfs}/secret`),
    fails: /permission denied|not found/,
  },
  {
    name: 'no environment',
    change: (c) => {
      c.process.env = [];
    },
    more: 'true',
  },
  {
    name: 'an environment with doubles, empty values and signs',
    change: (c) => c.process.env.push('A=1', 'EMPTY=', 'A=2', 'WORDS=a b  c', 'SIGNS=$A;`x`"y"', 'Ü=ö'),
  },
  { name: 'HOME is kept where it is set', change: (c) => c.process.env.push('HOME=/somewhere') },
  { name: 'HOME of a user of the image', change: (c) => user(c, 1000, 1000) },
  { name: 'HOME of a user whom the image does not know', change: (c) => user(c, 4321, 1000) },
  { name: 'an environment entry without a value', change: (c) => c.process.env.push('NOVALUE'), fails: /NOVALUE/ },
  {
    name: 'a working directory',
    change: (c) => {
      c.process.cwd = '/data/dir';
    },
  },
  {
    name: 'a working directory that is made',
    change: (c) => {
      c.process.cwd = '/made/deeply';
    },
  },
  {
    name: 'a working directory that is made for a user',
    change: (c) => {
      c.process.cwd = '/made/deeply';
      user(c, 1000, 1000);
    },
  },
  {
    name: 'a working directory behind a symbolic link',
    change: (c) => {
      c.process.cwd = '/data/link';
    },
  },
  {
    name: 'a working directory behind an absolute link',
    change: (c) => {
      c.process.cwd = '/data/absolute';
    },
  },
  {
    name: 'a working directory behind a link upwards',
    change: (c) => {
      c.process.cwd = '/data/upwards';
    },
  },
  {
    name: 'a working directory on a mount',
    change: (c) => {
      c.process.cwd = '/dev/shm';
    },
  },
  {
    name: 'a file as the working directory',
    change: (c) => {
      c.process.cwd = '/data/file';
    },
    fails: /not a directory/,
  },
  {
    name: 'a relative working directory',
    change: (c) => {
      c.process.cwd = 'data';
    },
    fails: /absolute|Cwd|cwd/,
  },
  {
    name: 'no working directory',
    change: (c) => {
      c.process.cwd = '';
    },
    fails: /[Cc]wd/,
  },
  {
    name: 'a working directory that only root may enter',
    change: (c) => {
      c.process.cwd = '/secret';
      user(c, 1000, 1000);
      grant(c, []);
    },
    prepare: (world) => hide(`${world.rootfs}/secret`),
  },
];

/** A directory that only root may enter, with a program in it. */
function hide(directory: string): void {
  mkdirSync(directory, { mode: 0o700 });
  copyFileSync(`${directory}/../bin/busybox`, `${directory}/true`);
  chmodSync(`${directory}/true`, 0o755);
}
