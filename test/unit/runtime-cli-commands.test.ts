/** What each command asks of a runtime, prints and exits with; the runtime is a table in memory. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EngineError, SyscallError } from '../../engine/kernel/errors.js';
import { main } from '../../engine/runtime/cli/main.js';
import { ofContainer } from '../../engine/runtime/cli/ps.js';
import { preservedFds } from '../../engine/runtime/cli/start-container.js';
import { listOf } from '../../engine/runtime/cli/stats.js';
import { sizeInBytes } from '../../engine/runtime/cli/update.js';
import { defaultSpec } from '../../engine/runtime/spec/default-spec.js';
import { readSpecFile } from '../../engine/runtime/spec/parse.js';
import type { ContainerStatus, CreateOptions, ExecOptions } from '../../engine/runtime/types.js';
import { FakeProcess, FakeRuntime, fakeWorld } from '../helpers/fake-oci-runtime.js';

let dir: string;
let runtime: FakeRuntime;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'glassbox-runtime-cli-'));
  runtime = new FakeRuntime();
  bundle('plain', { terminal: false });
  bundle('tty', {});
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function bundle(name: string, change: Record<string, unknown>): void {
  const spec = JSON.parse(defaultSpec({ unifiedCgroups: false })) as { process: object };
  mkdirSync(join(dir, name, 'rootfs'), { recursive: true });
  writeFileSync(join(dir, name, 'config.json'), JSON.stringify({ ...spec, process: { ...spec.process, ...change } }));
}

function contain(id: string, status: ContainerStatus): void {
  runtime.containers.set(id, { status, spec: readSpecFile(join(dir, 'plain', 'config.json')) });
}

/** Run a command line; `message` is what its last line of the log says. */
async function run(line: string): Promise<{ code: number; out: string; err: string; message: string }> {
  const { world, said } = fakeWorld(runtime, dir);
  const code = await main(line.split(' '), world);
  const last = said.err.trimEnd().split('\n').at(-1) ?? '';
  const message = /msg=(.*)$/.exec(last)?.[1] ?? last;
  return { code, ...said, message: message.startsWith('"') ? (JSON.parse(message) as string) : message };
}

const asked = (name: string): unknown[][] =>
  runtime.asked.filter(([first]) => first === name).map(([, ...rest]) => rest);

describe('create', () => {
  it('gives the runtime everything and leaves the pid in a file', async () => {
    const { code, err } = await run('create -b plain --pid-file pid --no-pivot --no-new-keyring --init --shim c1');
    assert.equal(err, '');
    assert.equal(code, 0);
    const [options] = asked('create')[0] as [CreateOptions];
    assert.deepEqual(
      { ...options, spec: options.spec.process?.args },
      {
        id: 'c1',
        bundle: join(dir, 'plain'),
        spec: ['sh'],
        stdio: [0, 1, 2],
        preserveFds: 0,
        noPivot: true,
        noNewKeyring: true,
        init: true,
        shim: true,
      },
    );
    assert.equal(readFileSync(join(dir, 'pid'), 'utf8'), '4711');
    assert.ok(!existsSync(join(dir, '.pid')), 'the unfinished pid file is there');
    assert.deepEqual(asked('start'), []);
    assert.ok(runtime.process.disposed, 'the process is still held');
  });

  it('sends the terminal to a socket, or leaves it with the shim', async () => {
    assert.equal((await run('create -b tty --console-socket sock c1')).code, 0);
    assert.equal((await run('create -b tty --shim c2')).code, 0);
    const consoles = asked('create').map(([options]) => (options as CreateOptions).console);
    assert.deepEqual(consoles, [{ kind: 'socket', path: join(dir, 'sock') }, { kind: 'shim' }]);
  });

  it('undoes all when the pid file cannot be written', async () => {
    const { code, message } = await run('create -b plain --pid-file nosuch/pid c1');
    assert.equal(code, 1);
    assert.equal(message, `glassbox-runtime create failed: open ${dir}/nosuch/.pid: no such file or directory`);
    assert.deepEqual(runtime.process.signals, [9]);
    assert.deepEqual(asked('delete'), [['c1', { force: true }]]);
  });

  it('tells a refused call as runc does, and other failures as they are', async () => {
    runtime.failures.set(
      'create',
      new SyscallError('execve', 2, { text: 'exec: "foo": executable file not found in $PATH' }),
    );
    assert.equal(
      (await run('create -b plain c1')).message,
      'glassbox-runtime create failed: unable to start container process: exec: "foo": executable file not found in $PATH',
    );
    runtime.failures.set(
      'create',
      new EngineError('FailedPrecondition', 'error running hook #1: fork/exec /x: permission denied'),
    );
    assert.equal(
      (await run('create -b plain c1')).message,
      'glassbox-runtime create failed: unable to start container process: error during container init: error running hook #1: fork/exec /x: permission denied',
    );
    runtime.failures.set('create', new EngineError('AlreadyExists', 'container with given ID already exists'));
    assert.equal(
      (await run('run -b plain c1')).message,
      'glassbox-runtime run failed: container with given ID already exists',
    );
  });

  it('refuses the systemd cgroup driver, and takes the one of files, by the names of runc and crun', async () => {
    for (const flag of ['--systemd-cgroup', '--cgroup-manager systemd', '--cgroup-manager=systemd']) {
      const { code, message } = await run(`${flag} create -b plain c1`);
      assert.equal(code, 1);
      assert.match(message, /systemd cgroup flag passed/);
    }
    assert.match((await run('--cgroup-manager nosuch run -b plain c1')).message, /unknown cgroup manager: nosuch$/);
    assert.deepEqual(runtime.asked, []);
    assert.equal((await run('--cgroup-manager cgroupfs create -b plain c1')).code, 0);
  });

  it("reads another file than the bundle's, from where it was called", async () => {
    writeFileSync(
      join(dir, 'other.json'),
      readFileSync(join(dir, 'plain/config.json'), 'utf8').replace('"sh"', '"id"'),
    );
    assert.equal((await run('create -b plain --config other.json c1')).code, 0);
    const [options] = asked('create')[0] as [CreateOptions];
    assert.deepEqual([options.bundle, options.spec.process?.args], [join(dir, 'plain'), ['id']]);
    assert.match((await run('create -b plain -f nosuch c2')).message, /JSON specification file .*nosuch not found$/);
  });
});

describe('run', () => {
  it('starts, waits, deletes, and exits with the code of the process', async () => {
    runtime.process = new FakeProcess(137);
    const { code, err } = await run('run -b plain c1');
    assert.equal(err, '');
    assert.equal(code, 137);
    assert.deepEqual(
      runtime.asked.map(([name]) => name),
      ['create', 'start', 'delete'],
    );
  });

  it('keeps the container with --keep, and does not wait with --detach', async () => {
    runtime.process = new FakeProcess(3);
    assert.equal((await run('run -b plain --keep c1')).code, 3);
    assert.equal((await run('run -b plain --detach c2')).code, 0);
    assert.deepEqual([...runtime.containers.keys()], ['c1', 'c2']);
  });

  it('leaves nothing when the start fails', async () => {
    runtime.failures.set('start', new SyscallError('execve', 13, { text: 'exec /x: permission denied' }));
    const { code, message } = await run('run -b plain c1');
    assert.equal(code, 1);
    assert.equal(message, 'glassbox-runtime run failed: unable to start container process: exec /x: permission denied');
    assert.deepEqual(runtime.process.signals, [9]);
    assert.equal(runtime.containers.size, 0);
  });

  it('tells what it cannot clean up, and still exits with the code', async () => {
    runtime.process = new FakeProcess(5);
    runtime.failures.set('delete', new EngineError('Internal', 'rmdir: EBUSY'));
    const { code, message } = await run('run -b plain c1');
    assert.equal(code, 5);
    assert.equal(message, 'rmdir: EBUSY');
  });

  it('asks for every record with --step', async () => {
    await run('run -b plain --step c1');
    const [options] = asked('create')[0] as [CreateOptions];
    assert.equal(typeof options.step, 'function');
    assert.equal(typeof options.stepped, 'function');
  });
});

describe('descriptors to be kept', () => {
  it('must have been given: none of our own goes to a container', () => {
    assert.equal(preservedFds(0, 0), 0);
    assert.throws(() => preservedFds(4096, 0), /^Error: unable to stat preserved-fd \d+ \(of 4096\)/);
  });
});

describe('exec', () => {
  const options = (): ExecOptions => asked('exec')[0]?.[0] as ExecOptions;

  it("runs the container's process with what the flags change", async () => {
    contain('c1', 'running');
    runtime.process = new FakeProcess(9);
    const { code, err } = await run(
      'exec --cwd /w -e A=1 -e B=2 -u 5:6 -g 7 -c CAP_SYS_ADMIN --no-new-privs=false --apparmor p --cgroup cpu,memory:a --cgroup pids:b c1 sh -c x',
    );
    assert.equal(err, '');
    assert.equal(code, 9);
    const { process, cgroup, id } = options();
    assert.equal(id, 'c1');
    assert.deepEqual(process.args, ['sh', '-c', 'x']);
    assert.equal(process.cwd, '/w');
    assert.deepEqual(process.env.slice(-2), ['A=1', 'B=2']);
    assert.deepEqual(process.user, { uid: 5, gid: 6, additionalGids: [7] });
    assert.equal(process.terminal, false);
    assert.equal(process.noNewPrivileges, false);
    assert.equal(process.apparmorProfile, 'p');
    assert.ok(process.capabilities?.effective.includes('CAP_SYS_ADMIN'), 'the capability is not effective');
    assert.ok(
      !process.capabilities?.inheritable.includes('CAP_SYS_ADMIN'),
      'the capability is inheritable (CVE-2022-29162)',
    );
    assert.ok(
      !process.capabilities?.ambient.includes('CAP_SYS_ADMIN'),
      'ambient without inheritable is refused by the kernel',
    );
    assert.deepEqual(cgroup, { cpu: 'a', memory: 'a', pids: 'b' });
  });

  it('reads the process from a file', async () => {
    contain('c1', 'running');
    writeFileSync(join(dir, 'p.json'), JSON.stringify({ args: ['id'], cwd: '/', user: { uid: 1, gid: 2 } }));
    assert.equal((await run('exec -p p.json c1')).code, 0);
    assert.deepEqual(options().process.args, ['id']);
  });

  it('exits with 255 when it failed itself', async () => {
    contain('stopped', 'stopped');
    contain('paused', 'paused');
    contain('c1', 'running');
    const cases = {
      'stopped true': 'cannot exec in a stopped container',
      'paused true': 'cannot exec in a paused container (use --ignore-paused to override)',
      c1: 'process args cannot be empty',
      '--cwd x c1 true': 'Cwd must be an absolute path',
      '-u a c1 true': 'parsing a as int for uid failed: strconv.Atoi: parsing "a": invalid syntax',
      '-u 1:b c1 true': 'parsing b as int for gid failed: strconv.Atoi: parsing "b": invalid syntax',
      '-u 4294967295 c1 true': 'uid 4294967295 is out of range: 0 to 2147483647',
      '-g=-1 c1 true': 'additional-gids must be a positive number -1',
      '--cgroup a:b:c c1 true': 'invalid --cgroup argument: a:b:c',
      '--cgroup a --cgroup b c1 true': 'invalid --cgroup argument: a (missing <controller>: prefix)',
      '--cgroup cpu:a --cgroup cpu:b c1 true': 'invalid --cgroup argument(s): controller cpu specified multiple times',
      '-t -d c1 true': 'cannot allocate tty if runc will detach without setting console socket',
    };
    for (const [line, message] of Object.entries(cases)) {
      const told = await run(`exec ${line}`);
      assert.deepEqual([told.code, told.message], [255, `exec failed: ${message}`], line);
    }
    assert.equal((await run('exec --ignore-paused paused true')).code, 0);
  });
});

describe('the commands on one container', () => {
  it('start only what was created', async () => {
    contain('c1', 'created');
    assert.equal((await run('start c1')).code, 0);
    assert.equal((await run('start c1')).message, 'cannot start an already running container');
    contain('c2', 'stopped');
    assert.equal((await run('start c2')).message, 'cannot start a container that has stopped');
    contain('c3', 'paused');
    assert.equal((await run('start c3')).message, 'cannot start a container in the paused state');
  });

  it('delete what has stopped or has not begun, and the rest by force', async () => {
    contain('run', 'running');
    assert.equal((await run('delete run')).message, 'cannot delete container run that is not stopped: running');
    assert.equal((await run('delete -f run')).code, 0);
    for (const status of ['stopped', 'created'] as const) {
      contain(status, status);
      assert.equal((await run(`delete ${status}`)).code, 0);
    }
    assert.equal(runtime.containers.size, 0);
    assert.equal((await run('delete run')).code, 1);
    assert.equal((await run('delete -f run')).code, 0);
    assert.equal(asked('delete').at(-1)?.[0], 'run', 'what an aborted create left is not asked for');
  });

  it('kill with the signal that is asked for', async () => {
    contain('c1', 'running');
    for (const line of ['kill c1', 'kill c1 KILL', 'kill --all c1 9', 'kill c1 USR1 -a'])
      assert.equal((await run(line)).code, 0);
    assert.deepEqual(asked('kill'), [
      ['c1', 15, { all: false }],
      ['c1', 9, { all: false }],
      ['c1', 9, { all: true }],
      ['c1', 10, { all: true }],
    ]);
    // an empty word is none
    const { world } = fakeWorld(runtime, dir);
    assert.equal(await main(['kill', 'c1', ''], world), 0);
    assert.deepEqual(asked('kill').at(-1), ['c1', 15, { all: false }]);
    assert.equal((await run('kill c1 NOSUCH')).message, 'unknown signal "NOSUCH"');
  });

  it('pause and resume', async () => {
    contain('c1', 'running');
    assert.equal((await run('pause c1')).code, 0);
    assert.match((await run('state c1')).out, /"status": "paused"/);
    assert.equal((await run('resume c1')).code, 0);
    assert.match((await run('state c1')).out, /"status": "running"/);
  });
});

describe('what is printed', () => {
  it("is runc's JSON and table", async () => {
    contain('a-container-with-a-long-name', 'running');
    assert.equal(
      (await run('state a-container-with-a-long-name')).out,
      `{
  "ociVersion": "1.0.2-dev",
  "id": "a-container-with-a-long-name",
  "pid": 4711,
  "status": "running",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-01-02T03:04:05.678901234Z",
  "owner": "root"
}`,
    );
    assert.equal(
      (await run('list')).out,
      'ID                             PID         STATUS      BUNDLE      CREATED                          OWNER\n' +
        'a-container-with-a-long-name   4711        running     /b          2026-01-02T03:04:05.678901234Z   root\n',
    );
    assert.equal((await run('list -q')).out, 'a-container-with-a-long-name\n');
    assert.equal((JSON.parse((await run('list -f json')).out) as unknown[]).length, 1);
    assert.equal((await run('ps --format json a-container-with-a-long-name')).out, '[4711]\n');
  });

  it('of ps are the lines whose PID is of the container', () => {
    const output = 'UID PID PPID\nroot 1 0\nroot 12 1\nroot 123 12\n';
    assert.equal(ofContainer(output, [12]), 'UID PID PPID\nroot 12 1\n');
    assert.throws(() => ofContainer('COMMAND\nsh\n', [12]), { message: "couldn't find PID field in ps output" });
  });

  it('of --version is what dockerd and go-runc read', async () => {
    const { out } = await run('--version');
    const lines = out.trim().split('\n');
    assert.match(lines[0] ?? '', /^glassbox-runtime version \d+\.\d+\.\d+$/);
    assert.ok(lines.includes('spec: 1.2.0'), out);
    // moby's parseRuntimeVersion takes the last word of every line that has "version" in it
    assert.equal(lines.filter((line) => line.includes('version')).length, 1);
  });

  it('of spec is a bundle that parses', async () => {
    mkdirSync(join(dir, 'new'));
    assert.equal((await run('spec -b new')).code, 0);
    assert.equal(readSpecFile(join(dir, 'new/config.json')).process?.args[0], 'sh');
    assert.equal((await run('spec -b new')).message, 'File config.json exists. Remove it first');
    rmSync(join(dir, 'new/config.json'));
    assert.equal((await run('spec --rootless -b new')).code, 0);
    assert.ok(readSpecFile(join(dir, 'new/config.json')).linux.uidMappings.length > 0, 'no ids are mapped');
  });

  it('of features is JSON with what this runtime knows', async () => {
    const known = JSON.parse((await run('features')).out) as {
      ociVersionMax: string;
      linux: { seccomp: { operators: string[] } };
    };
    assert.equal(known.ociVersionMax, '1.2.0');
    assert.ok(known.linux.seccomp.operators.includes('SCMP_CMP_MASKED_EQ'), 'an operator is missing');
  });
});

describe('update', () => {
  const resources = (): unknown => asked('update').at(-1)?.[1];
  const NONE = { devices: [], hugepageLimits: [], rdma: {}, unified: {} };

  it('asks for what the flags say, and nothing else', async () => {
    contain('c1', 'running');
    assert.equal(
      (
        await run(
          'update --memory 64m --memory-swap -1 --cpu-share 512 --cpu-quota -1 --pids-limit 20 --cpuset-cpus 0-1 c1',
        )
      ).code,
      0,
    );
    assert.deepEqual(resources(), {
      ...NONE,
      memory: { limit: 67108864n, swap: -1n },
      cpu: { shares: 512n, quota: -1n, cpus: '0-1' },
      pids: { limit: 20n },
    });
    assert.equal((await run('update --cpu-idle 0 c1')).code, 0);
    assert.deepEqual(resources(), { ...NONE, cpu: { idle: 0 } });
    assert.equal((await run('update c1')).code, 0);
    assert.deepEqual(resources(), NONE);
  });

  it('makes memory without a limit so with swap', async () => {
    contain('c1', 'running');
    await run('update --memory -1 c1');
    assert.deepEqual(resources(), { ...NONE, memory: { limit: -1n, swap: -1n } });
  });

  it('reads a file, and then no other flag', async () => {
    contain('c1', 'running');
    writeFileSync(join(dir, 'r.json'), '{"memory":{"limit":18446744},"pids":{"limit":9}}');
    assert.equal((await run('update -r r.json --cpu-share 4 c1')).code, 0);
    const { memory, pids, cpu } = resources() as Record<string, unknown>;
    assert.deepEqual([memory, pids, cpu], [{ limit: 18446744n }, { limit: 9n }, undefined]);
  });

  it('refuses what is no amount', async () => {
    contain('c1', 'running');
    const cases = {
      '--cpu-period abc': 'invalid value for cpu-period: strconv.ParseUint: parsing "abc": invalid syntax',
      '--cpu-quota 1.5': 'invalid value for cpu-quota: strconv.ParseInt: parsing "1.5": invalid syntax',
      '--cpu-share 18446744073709551616':
        'invalid value for cpu-share: strconv.ParseUint: parsing "18446744073709551616": value out of range',
      '--memory 12x': "invalid value for memory: invalid size: '12x'",
      '--l3-cache-schema x': 'Intel RDT/CAT: l3 cache schema is not enabled',
      '--mem-bw-schema x': 'Intel RDT/MBA: memory bandwidth schema is not enabled',
    };
    for (const [line, message] of Object.entries(cases))
      assert.equal((await run(`update ${line} c1`)).message, message);
    assert.deepEqual(asked('update'), []);
    const { code, message } = await run('update --kernel-memory 1m c1');
    assert.deepEqual([code, message], [0, 'Setting --kernel-memory is ignored: the kernel has no such limit']);
  });

  it('knows amounts as Docker writes them', () => {
    const cases = ['1', '1k', '1K', '1kb', '1KiB', '2 m', '1.5g', '3t', '0'];
    assert.deepEqual(
      cases.map((text) => sizeInBytes('memory', text)),
      [1n, 1024n, 1024n, 1024n, 1024n, 2097152n, 1610612736n, 3298534883328n, 0n],
    );
  });
});

describe('lists of CPUs', () => {
  it('are written out', () => {
    assert.deepEqual([listOf('0-3,5\n'), listOf('\n'), listOf(null), listOf('7')], [[0, 1, 2, 3, 5], [], [], [7]]);
  });
});
