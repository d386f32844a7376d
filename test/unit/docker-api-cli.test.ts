import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Served, serveFakes } from '../helpers/api/serve.js';

/** Debian's docker command and a newer one beside it, where they are. */
const CLIS = ['/usr/bin/docker', '/usr/local/bin/docker'].filter(existsSync);
const skip = CLIS.length === 0 ? 'no docker command is installed here' : false;

let served: Served;
before(async () => {
  served = await serveFakes();
});
after(() => served.close());

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function docker(cli: string, args: readonly string[], input: string | Buffer = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(cli, args, {
      env: { PATH: '/usr/bin:/bin', HOME: served.directory, DOCKER_HOST: `unix://${served.socket}` },
      timeout: 600_000,
    });
    const said = { out: '', err: '' };
    child.stdout.on('data', (part: Buffer) => (said.out += part.toString('latin1')));
    child.stderr.on('data', (part: Buffer) => (said.err += part.toString('latin1')));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said }));
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(input);
  });
}

for (const cli of CLIS) {
  const name = `c${CLIS.indexOf(cli)}`;
  const ok = async (args: readonly string[], input?: string | Buffer): Promise<string> => {
    const said = await docker(cli, args, input);
    assert.equal(said.code, 0, `${args.join(' ')}: ${said.err}`);
    return said.out;
  };

  test(`${cli}: version, info, ps, images, inspect`, async () => {
    assert.match(await ok(['version']), /Server: Glassbox Engine[\s\S]*API version: +1.50 \(minimum version 1.24\)/);
    assert.equal(
      await ok(['info', '-f', '{{.Driver}} {{.CgroupDriver}} {{.ServerVersion}}']),
      'overlay2 cgroupfs 28.2.2\n',
    );
    assert.match(await ok(['images']), /busybox +latest +a{12} +\d+ years ago +4MB/);
    await ok(['create', '--name', name, '-p', '8080:80', '-e', 'A=B', '--label', 'x=y', 'busybox', 'sleep']);
    assert.match(await ok(['ps', '-a']), new RegExp(`"sleep".*0.0.0.0:8080->80/tcp +${name}`));
    assert.equal(
      await ok([
        'inspect',
        '-f',
        '{{.Name}} {{.HostConfig.NetworkMode}} {{json .Config.Env}} {{json .HostConfig.PortBindings}}',
        name,
      ]),
      `/${name} bridge ["A=B"] {"80/tcp":[{"HostIp":"","HostPort":"8080"}]}\n`,
    );
    assert.match(await ok(['system', 'df']), /Images +2 +\d+ +4MB/);
  });

  test(`${cli}: run with input, both streams and the exit code; exec; logs`, async () => {
    assert.equal(await ok(['run', '-i', '--rm', 'busybox', 'cat'], 'to cat and back'), 'to cat and back');
    const both = await docker(cli, ['run', '--name', `${name}-both`, 'busybox', 'both']);
    assert.deepEqual(both, { code: 3, out: 'out\n', err: 'err\n' });
    assert.equal(await ok(['logs', '--tail', '2', `${name}-both`]), 'out\n');
    await ok(['start', name]);
    assert.equal(await ok(['exec', '-i', name, 'cat'], 'into exec'), 'into exec');
    const nosuch = await docker(cli, ['exec', name, 'nosuch']);
    assert.equal(nosuch.code, 127);
    assert.match(nosuch.out + nosuch.err, /executable file not found in \$PATH: unknown/);
    assert.match(await ok(['stats', '--no-stream', name]), /1MiB \/ 1GiB/);
    assert.match(await ok(['top', name]), /root +1 +sleep/);
    assert.equal(await ok(['wait', `${name}-both`]), '3\n');
  });

  test(`${cli}: a terminal`, {
    skip: existsSync('/usr/bin/script') ? false : 'script(1) is not installed here',
  }, async () => {
    const line = `${cli} run -it --rm busybox echo on a terminal`;
    assert.match((await docker('/usr/bin/script', ['-qec', line, '/dev/null'])).out, /on a terminal/);
    const { value } = served.containers.asked.filter(({ what }) => what === 'create').at(-1)!;
    assert.equal((value as { config: { Tty: boolean } }).config.Tty, true);
  });

  test(`${cli}: pull, push, load, save, import, cp, events`, async () => {
    const pull = await ok(['pull', 'busybox']);
    assert.match(pull, /0123456789ab: Pull complete\nDigest: sha256:d{64}\nStatus: Downloaded newer image for/);
    const missing = await docker(cli, ['pull', 'localhost:1/missing']);
    assert.equal(missing.code, 0, 'the fake has every name but `missing` itself');
    assert.match(await ok(['push', 'busybox']), /The push refers to repository/);
    assert.match(await ok(['load'], Buffer.alloc(1 << 20)), /Loaded image: busybox:latest/);
    assert.deepEqual((await docker(cli, ['load'], 'bad')).code, 1);
    assert.equal((await ok(['save', 'busybox'])).length, 1 << 20);
    assert.match(await ok(['import', '-', 'x:y'], Buffer.alloc(100)), /^sha256:a{64}\n$/);
    assert.equal((await ok(['cp', `${name}:/etc/hostname`, '-'])).length, 13);
    assert.match(await ok(['diff', name]), /^C \/etc\nA \/etc\/new\n$/);
    assert.match(await ok(['history', 'busybox']), /<missing> +\d+ years ago +ADD rootfs +2MB/);
    const events = docker(cli, ['events', '--format', '{{.Action}}']);
    const { watchers } = served.containers;
    while (watchers.size === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await ok(['kill', name]);
    for (const one of watchers) one.end();
    assert.match((await events).out, /^die\n/);
  });

  test(`${cli}: networks, volumes, prune, and what is refused`, async () => {
    assert.match(await ok(['network', 'create', `${name}-net`]), /^[0-9a-f]{64}\n$/);
    await ok(['network', 'connect', `${name}-net`, name]);
    assert.match(await ok(['network', 'ls']), new RegExp(`${name}-net +bridge +local`));
    await ok(['network', 'rm', `${name}-net`]);
    assert.equal(await ok(['volume', 'create', `${name}-vol`]), `${name}-vol\n`);
    await ok(['volume', 'rm', `${name}-vol`]);
    for (const [args, message] of [
      [['run', '--restart', 'foo', 'busybox'], /invalid restart policy: unknown policy 'foo'/],
      [['run', '--name', 'a/b', 'busybox'], /Invalid container name \(a\/b\)/],
      [['rm', 'nobody'], /No such container: nobody/],
      [['swarm', 'init'], /swarm mode is not supported by this engine/],
      [['node', 'ls'], /This node is not a swarm manager/],
    ] as const) {
      const said = await docker(cli, args);
      assert.notEqual(said.code, 0, args.join(' '));
      assert.match(said.err, message, args.join(' '));
    }
    assert.match(await ok(['system', 'prune', '-f']), /Total reclaimed space/);
  });
}

test('there is a docker command to try', { skip }, () => assert.ok(CLIS.length > 0, 'none'));
