/** The runtime's command with real containers, in front of a terminal and without one. Uses the built command. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultSpec } from '../../engine/runtime/spec/default-spec.js';
import { openPty } from '../helpers/pty.js';
import { ROOT } from '../helpers/run-cli.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const BIN = join(ROOT, 'bin/glassbox-runtime.cjs');
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
const skip = !isRoot
  ? 'needs root'
  : BUSYBOX === undefined
    ? 'busybox is not installed'
    : existsSync(join(ROOT, 'dist/glassbox-runtime.js'))
      ? false
      : 'not built: npm run build';

if (skip !== false || !inSandbox) {
  it("the runtime's command with real containers", { skip, timeout: 600_000 }, () => rerunInSandbox(import.meta.url));
} else {
  const base = '/run/runtime-cli';
  const root = `${base}/state`;
  const cgroup = `/glassbox-runtime-cli-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
  let count = 0;

  before(() => {
    mkdirSync(`${base}/rootfs/bin`, { recursive: true });
    for (const name of ['proc', 'dev', 'sys', 'tmp']) mkdirSync(`${base}/rootfs/${name}`);
    cpSync(BUSYBOX!, `${base}/rootfs/bin/busybox`);
    for (const name of ['sh', 'sleep', 'stty', 'cat', 'ls', 'readlink', 'test', 'dd', 'true', 'tty', 'wc'])
      symlinkSync('busybox', `${base}/rootfs/bin/${name}`);
    chmodSync(`${base}/rootfs/tmp`, 0o1777);
  });
  after(() => {
    const left = containers();
    for (const id of left) command(['delete', '--force', id]);
    removeGroups();
    assert.deepEqual(left, [], 'containers were left');
  });

  const containers = (): string[] => (existsSync(root) ? readdirSync(root) : []);

  function removeGroups(): void {
    const below = (path: string): void => {
      for (const entry of readdirSync(path, { withFileTypes: true }))
        if (entry.isDirectory()) below(join(path, entry.name));
      rmdirSync(path);
    };
    for (const name of readdirSync('/sys/fs/cgroup')) {
      const path = join('/sys/fs/cgroup', name, cgroup);
      if (existsSync(path)) below(path);
    }
  }

  /** A bundle whose process is a shell script; returns its directory and a name for the container. */
  function bundle(
    script: string,
    change: { terminal?: boolean; resources?: object } = {},
  ): { dir: string; id: string } {
    const id = `c${++count}`;
    const dir = `${base}/${id}`;
    const spec = JSON.parse(defaultSpec({ unifiedCgroups: false })) as Record<
      'process' | 'linux',
      Record<string, unknown>
    >;
    mkdirSync(dir);
    const config = {
      ...spec,
      root: { path: `${base}/rootfs` },
      process: { ...spec.process, terminal: change.terminal === true, args: ['sh', '-c', script] },
      linux: {
        ...spec.linux,
        cgroupsPath: `${cgroup}/${id}`,
        resources: { ...(spec.linux['resources'] as object), ...change.resources },
      },
    };
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
    return { dir, id };
  }

  const words = (...rest: string[]): string[] => [process.execPath, BIN, '--root', root, ...rest];

  function command(argv: string[], options: { stdio?: (number | 'pipe' | 'ignore')[]; env?: NodeJS.ProcessEnv } = {}) {
    const [file = '', ...rest] = words(...argv);
    const done = spawnSync(file, rest, {
      encoding: 'utf8',
      stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...options.env },
      timeout: 600_000,
      killSignal: 'SIGKILL',
    });
    return { code: done.status, out: done.stdout, err: done.stderr };
  }

  /** A command on a terminal; `talk` is typed when its text has been shown. */
  async function converse(
    argv: string[],
    talk: readonly (readonly [seen: string, act: string | (() => void)])[],
    env = {},
  ) {
    const pty = openPty(argv, { columns: 81, rows: 23, env: { PATH: process.env['PATH'], TERM: 'dumb', ...env } });
    let shown = '';
    let from = 0;
    const left = [...talk];
    pty.onData((bytes) => {
      shown += Buffer.from(bytes).toString();
      for (let next = left[0]; next !== undefined; next = left[0]) {
        const at = shown.indexOf(next[0], from);
        if (at < 0) break;
        from = at + next[0].length;
        left.shift();
        if (typeof next[1] === 'string') pty.write(next[1]);
        else next[1]();
      }
    });
    const code = await pty.exited;
    assert.deepEqual(
      left.map(([seen]) => seen),
      [],
      `never shown; what was: ${shown}`,
    );
    return { code, shown: shown.replaceAll('\r\n', '\n'), pty };
  }

  async function until(what: string, condition: () => boolean): Promise<void> {
    for (const start = Date.now(); !condition(); await sleep(10))
      if (Date.now() - start > 20_000) assert.fail(`it never happened: ${what}`);
  }

  describe('run without a terminal', () => {
    it('passes output, errors and the exit code on, and deletes the container', () => {
      const { dir, id } = bundle('echo out; echo err >&2; exit 7');
      assert.deepEqual(command(['run', '-b', dir, id]), { code: 7, out: 'out\n', err: 'err\n' });
      assert.ok(!containers().includes(id), 'the container is still there');
    });

    it('says 128 and the signal that ended the process', () => {
      const { dir, id } = bundle('while :; do sleep 0.05; done');
      const [file = '', ...rest] = words('run', '-b', dir, '--pid-file', `${base}/killed`, id);
      const shell = '"$@" & until kill -KILL $(cat "$0"); do sleep 0.05; done 2>/dev/null; wait $!';
      const done = spawnSync('sh', ['-c', shell, `${base}/killed`, file, ...rest], {
        timeout: 600_000,
        killSignal: 'SIGKILL',
      });
      assert.equal(done.status, 137);
    });

    it('passes signals on, but those that are our own', async () => {
      const { dir, id } = bundle(
        'trap "echo usr1" USR1; trap "echo hup" HUP; trap "echo term; exit 4" TERM; echo ready; while :; do sleep 0.05; done',
      );
      const [file = '', ...rest] = words('run', '-b', dir, id);
      const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = new Promise((resolve) => child.on('close', resolve));
      let shown = '';
      child.stdout.on('data', (bytes: Buffer) => {
        shown += bytes.toString();
      });
      await until('ready', () => shown.includes('ready'));
      for (const [signal, answer] of [
        ['SIGUSR1', 'usr1'],
        ['SIGHUP', 'hup'],
        ['SIGTERM', 'term'],
      ] as const) {
        process.kill(child.pid!, 'SIGURG');
        process.kill(child.pid!, 'SIGWINCH');
        process.kill(child.pid!, signal);
        await until(answer, () => shown.includes(answer));
      }
      assert.equal(await closed, 4);
    });

    it('gives the process files that were given to us, and none of our own', () => {
      const { dir, id } = bundle('ls /proc/self/fd | wc -l; cat <&3; readlink /proc/self/fd/4 || echo none');
      writeFileSync(`${base}/given`, 'given\n');
      const given = openSync(`${base}/given`, 'r');
      const { code, out, err } = command(['run', '-b', dir, '--preserve-fds', '1', id], {
        stdio: ['ignore', 'pipe', 'pipe', given],
      });
      assert.deepEqual([code, err, out.split('\n').slice(1)], [0, '', ['given', 'none', '']]);
      const refused = command(['run', '-b', dir, '--preserve-fds', '2', id], {
        stdio: ['ignore', 'pipe', 'pipe', given],
      });
      assert.equal(refused.code, 1);
      assert.match(refused.err, /unable to stat preserved-fd 1 \(of 2\)/);
    });

    it('in front of a person gives pipes: the terminal is not for the process', async () => {
      const { dir, id } = bundle('tty; test -t 1 || echo no terminal; cat');
      const { code, shown } = await converse(words('run', '-b', dir, id), [['no terminal\r\n', 'typed\n\x04']]);
      assert.equal(code, 0, shown);
      assert.match(shown, /not a tty\n/);
      assert.match(shown, /typed\n.*typed\n/s);
    });
  });

  describe('run with a terminal', () => {
    it('is a terminal of the size of ours, whose keys reach the process, and ours is given back', async () => {
      const { dir, id } = bundle(
        'trap "echo interrupted" INT; trap "stty size" WINCH; stty size; while :; do read -r line || continue; echo "<$line>"; [ "$line" = end ] && exit 5; done',
        { terminal: true },
      );
      const script = `stty -a >${base}/before; ${words('run', '-b', dir, id).join(' ')}; code=$?; stty -a >${base}/after; exit $code`;
      const { code, shown } = await converse(
        ['sh', '-c', script],
        [
          ['23 81', 'one\n'],
          ['<one>', '\x03'],
          ['interrupted', 'end\n'],
        ],
      );
      assert.equal(code, 5, shown);
      assert.equal(readFileSync(`${base}/after`, 'utf8'), readFileSync(`${base}/before`, 'utf8'));
    });

    it('follows the size', async () => {
      const { dir, id } = bundle('trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done', {
        terminal: true,
      });
      const pty = openPty(words('run', '-b', dir, id), { columns: 81, rows: 23, env: { PATH: process.env['PATH'] } });
      let shown = '';
      pty.onData((bytes) => {
        shown += Buffer.from(bytes).toString();
      });
      await until('ready', () => shown.includes('ready'));
      pty.resize(100, 40);
      assert.equal(await pty.exited, 0, shown);
      assert.match(shown, /40 100/);
    });

    it('needs one of ours', () => {
      const { dir, id } = bundle('true', { terminal: true });
      const [file = '', ...rest] = words('run', '-b', dir, id);
      const done = spawnSync('setsid', ['--wait', file, ...rest], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      assert.equal(done.status, 1);
      assert.match(done.stderr, /run failed: open \/dev\/tty: no such device or address/);
    });
  });

  describe('a container that lives on', () => {
    it('is created, started, looked at, entered, limited, paused, killed and deleted', async () => {
      const { dir, id } = bundle('trap "exit 0" TERM; while :; do sleep 0.05; done');
      const log = `${base}/log.json`;
      // its output would be the container's as well, which lives on
      const made = command(
        ['--log', log, '--log-format', 'json', 'create', '-b', dir, '--pid-file', `${base}/pid`, id],
        { stdio: ['ignore', 'ignore', 'ignore'] },
      );
      assert.equal(made.code, 0, existsSync(log) ? readFileSync(log, 'utf8') : 'nothing was logged');
      const state = (): { status: string; pid: number } =>
        JSON.parse(command(['state', id]).out) as { status: string; pid: number };
      assert.equal(state().status, 'created');
      assert.equal(String(state().pid), readFileSync(`${base}/pid`, 'utf8'));
      assert.equal(command(['start', id]).code, 0);
      assert.equal(state().status, 'running');
      assert.deepEqual(command(['exec', id, 'sh', '-c', 'echo in; exit 3']), { code: 3, out: 'in\n', err: '' });
      const entered = await converse(words('exec', '-t', id, 'sh', '-c', 'tty; stty size; exit 6'), []);
      assert.equal(entered.code, 6, entered.shown);
      assert.match(entered.shown, /^\/dev\/(pts\/\d+|console)\n23 81\n/);
      assert.match(command(['ps', id]).out, new RegExp(`^\\S+ +${state().pid} `, 'm'));
      const stats = JSON.parse(command(['events', '--stats', id]).out) as {
        type: string;
        data: { pids: { current: number }; memory: { usage: { usage: number } } };
      };
      assert.equal(stats.type, 'stats');
      assert.ok(stats.data.pids.current >= 1, 'no process is counted');
      assert.ok(stats.data.memory.usage.usage > 0, 'no memory is counted');
      assert.equal(command(['update', '--pids-limit', '33', id]).code, 0);
      assert.equal(
        (JSON.parse(command(['events', '--stats', id]).out) as { data: { pids: { limit: number } } }).data.pids.limit,
        33,
      );
      assert.equal(command(['pause', id]).code, 0);
      assert.equal(state().status, 'paused');
      assert.equal(command(['resume', id]).code, 0);
      assert.equal(command(['--log', log, '--log-format', 'json', 'delete', id]).code, 1);
      const last = JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1)!) as { level: string; msg: string };
      assert.deepEqual([last.level, last.msg], ['error', `cannot delete container ${id} that is not stopped: running`]);
      assert.equal(command(['kill', id, 'TERM']).code, 0);
      await until('stopped', () => state().status === 'stopped');
      assert.equal(command(['delete', id]).code, 0);
    });

    it('tells when memory runs out, and that it has ended', async () => {
      const { dir, id } = bundle(
        'while [ ! -e /tmp/go ]; do sleep 0.05; done; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 0.2',
        {
          resources: { memory: { limit: 16 << 20, swap: 16 << 20 } },
        },
      );
      assert.equal(command(['run', '-d', '-b', dir, id], { stdio: ['ignore', 'ignore', 'ignore'] }).code, 0);
      const [file = '', ...rest] = words('events', '--interval', '50ms', id);
      const watcher = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = new Promise((resolve) => watcher.on('close', resolve));
      let shown = '';
      watcher.stdout.on('data', (bytes: Buffer) => {
        shown += bytes.toString();
      });
      await until('a measurement', () => shown.includes('"type":"stats"'));
      writeFileSync(`${base}/rootfs/tmp/go`, '');
      assert.equal(await closed, 0);
      assert.match(shown, new RegExp(`^\\{"type":"oom","id":"${id}"\\}$`, 'm'));
      assert.equal(command(['delete', '--force', id]).code, 0);
    });
  });

  describe('run --step', () => {
    it('without a terminal tells each call with its result, and goes on', () => {
      const { dir, id } = bundle('echo ran');
      const { code, out, err } = command(['run', '--step', '-b', dir, id], { env: { LANG: 'zh_CN.UTF-8' } });
      assert.equal(code, 0, err);
      assert.equal(out, 'ran\n');
      assert.match(err, /^ +\d+ {2}pivot_root\(.*pivot_root\(2\)$/m);
      assert.match(err, /[\u4e00-\u9fff]/);
      const told = [...err.matchAll(/^ +(\d+) {2}[a-z]\w*\(/gm)].map(([, index]) => index);
      const results = new Set([...err.matchAll(/^ +(\d+) {2}= .*µs$/gm)].map(([, index]) => index));
      assert.ok(told.length > 30, `only ${told.length} calls were told`);
      assert.ok(results.size > told.length * 0.8, `${results.size} results of ${told.length} calls`);
    });

    it('on a terminal waits for a key; c goes on to the end', async () => {
      const { dir, id } = bundle('echo ran');
      const { code, shown } = await converse(
        words('run', '--step', '-b', dir, id),
        [
          ['undo everything', '\r'],
          ['undo everything', ' '],
          ['undo everything', 'c'],
          ['ran', ''],
        ],
        { LANG: 'C' },
      );
      assert.equal(code, 0, shown);
      assert.equal(shown.split('undo everything').length - 1, 3);
    });

    it('q undoes everything', async () => {
      const { dir, id } = bundle('echo ran');
      const { code, shown } = await converse(
        words('run', '--step', '-b', dir, id),
        [
          ['undo everything', '\r'],
          ['undo everything', 'q'],
          ['everything is undone', ''],
        ],
        { LANG: 'C' },
      );
      assert.equal(code, 1, shown);
      assert.ok(!shown.includes('ran\n'), 'the process ran');
      assert.ok(!containers().includes(id), 'the state is still there');
      for (const name of readdirSync('/sys/fs/cgroup'))
        assert.ok(!existsSync(join('/sys/fs/cgroup', name, cgroup, id)), `a group of ${name} is left`);
    });
  });
}
