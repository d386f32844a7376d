import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { parseExec, parseLabOptions, parsePassthrough, parseSession, parseSize } from '../../engine/api/parse.js';
import { spawnEngine } from '../../src/engine-client/spawn.js';
import { runCli } from '../helpers/run-cli.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** Send bytes as they are; the answer until the connection ends or `quietMs` have passed without any. */
function bytes(socketPath: string, text: string | Buffer, quietMs = 500): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => socket.write(text));
    let got = '';
    let timer = setTimeout(() => socket.destroy(), Math.max(quietMs, 2_000));
    socket.on('data', (part: Buffer) => {
      got += part.toString();
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), quietMs);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      ['EPIPE', 'ECONNRESET'].includes(error.code ?? '') ? undefined : reject(error),
    );
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(got);
    });
  });
}

const status = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
const post = (path: string, body: string, headers = ''): string =>
  `POST /glassbox/v1${path} HTTP/1.1\r\nHost: e\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const rss = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

function engineOf(socketPath: string): number {
  const pid = Number(/\/(\d+)-\d+-\d+\/[^/]+$/.exec(socketPath)?.[1]);
  assert.ok(pid > 1);
  return pid;
}

if (!inSandbox) {
  test('A01: the API under attack, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  test('J01: no body reaches a prototype, an unknown field or a wrong type is refused by name', () => {
    const parsers: [string, (text: string) => unknown][] = [
      ['lab', parseLabOptions],
      ['exec', parseExec],
      ['run', parsePassthrough],
      ['size', parseSize],
      ['session', (text) => parseSession(new URLSearchParams({ request: text }))],
    ];
    const bodies = [
      '{"__proto__":{"polluted":1},"argv":["x"]}',
      '{"constructor":{"prototype":{"polluted":1}},"argv":["x"]}',
      '{"argv":["x"],"toString":1}',
      '[]',
      'null',
      '1',
      '"x"',
      '{"argv":',
      '{"argv":["x"]}}',
      '{"argv":{"length":1,"0":"x"}}',
      `${'['.repeat(100_000)}`,
      '{"argv":["\\u0000"]}',
      '{"argv":[]}',
      '{"argv":["x"],"cwd":7}',
      '{"argv":["x"],"env":{"A=B":"x"}}',
      '{"argv":["x"],"env":{"A":"\\u0000"}}',
      '{"argv":["x"],"env":["a"]}',
      '{"argv":["x"],"timeoutMs":1e99,"cols":-1,"rows":1.5,"hostname":true}',
    ];
    for (const [name, parse] of parsers) {
      for (const body of bodies)
        assert.throws(() => parse(body), { code: 'InvalidArgument' }, `${name} took ${body.slice(0, 60)}`);
    }
    const taken = parseExec('{"argv":["x"],"env":{"__proto__":"y","constructor":"z"}}');
    assert.deepEqual(Object.entries(taken.env ?? {}), [
      ['__proto__', 'y'],
      ['constructor', 'z'],
    ]);
    assert.equal(Object.getPrototypeOf(taken.env), Object.prototype);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    for (const keep of ['..', '.', 'a/b', '-rf', 'a\0b', 'a'.repeat(65), '', 'ａ', 'a\n'])
      assert.doesNotMatch(keep, /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$(?!\n)/);
  });

  test('A01: smuggled, malformed, cut and oversized requests', { timeout: 600_000 }, async () => {
    const engine = await spawnEngine({ passStdio: false });
    try {
      const send = (text: string): Promise<string> => bytes(engine.socketPath, text);
      const exec = '{"argv":["true"]}';
      for (const [what, text] of [
        [
          'two lengths',
          `POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`,
        ],
        [
          'length and chunked',
          `POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\n\r\n`,
        ],
        [
          'folded header',
          `POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nX: a\r\n b\r\nContent-Length\r\n : 2\r\n\r\n{}`,
        ],
        [
          'bad chunk',
          `POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
        ],
        ['negative length', `POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nContent-Length: -1\r\n\r\n{}`],
        ['no protocol', 'hello\r\n\r\n'],
        ['broken path', `GET //[ HTTP/1.1\r\nHost: e\r\n\r\n`],
        ['other body', post('/labs', 'hostname=x')],
        ['lab with a path for a name', post('/labs', '{"keep":"../../etc"}')],
      ] as const) {
        assert.equal(
          Math.floor(status(await send(text)) / 100),
          4,
          `${what} was answered ${(await send(text)).slice(0, 120)}`,
        );
      }
      assert.equal(
        status(await send(`GET /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`)),
        431,
      );
      assert.equal(
        status(await send(`GET //evil.example/glassbox/v1/labs HTTP/1.1\r\nHost: e\r\n\r\n`)),
        404,
        'the host in a path was taken for a host',
      );
      for (const id of ['__proto__', 'constructor', '..', '%2e%2e', 'lab-1%00', 'x'.repeat(5_000)]) {
        assert.equal(status(await send(post(`/labs/${id}/exec`, exec))), 404, id.slice(0, 20));
        assert.equal(
          status(
            await send(
              `GET /glassbox/v1/labs/${id}/session?request=%7B%22argv%22%3A%5B%22x%22%5D%7D HTTP/1.1\r\nHost: e\r\nConnection: Upgrade\r\nUpgrade: terminal\r\n\r\n`,
            ),
          ),
          404,
        );
      }
      const before = rss(engineOf(engine.socketPath));
      const huge = await bytes(
        engine.socketPath,
        Buffer.concat([
          Buffer.from(`POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nContent-Length: ${2 ** 31}\r\n\r\n`),
          Buffer.alloc(64 << 20, 0x20),
        ]),
        2_000,
      );
      assert.ok(status(huge) === 400 || huge === '', huge.slice(0, 100));
      assert.ok(rss(engineOf(engine.socketPath)) - before < 100, 'a body that is refused was kept');
      assert.equal(status(await send(`GET /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\n\r\n`)), 200);
    } finally {
      await engine.close();
    }
  });

  test('A01: connections that say nothing or crawl are ended, and a thousand of them do not keep others out for long', {
    timeout: 600_000,
  }, async () => {
    const engine = await spawnEngine({ passStdio: false });
    const sockets: Socket[] = [];
    try {
      const before = rss(engineOf(engine.socketPath));
      let ended = 0;
      for (let n = 0; n < 1_000; n++) {
        const socket = connect(engine.socketPath, () => socket.write('GET /glassbox/v1/labs HTTP/1.1\r\nX: '));
        socket.on('error', () => undefined);
        socket.on('close', () => ended++);
        socket.resume();
        sockets.push(socket);
      }
      const body = connect(engine.socketPath, () =>
        body.write('POST /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\nContent-Length: 10\r\n\r\n{'),
      );
      body.on('error', () => undefined);
      const began = performance.now();
      while (ended < 1_000 && performance.now() - began < 120_000)
        await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(ended, 1_000, 'connections without a request are kept');
      assert.ok(rss(engineOf(engine.socketPath)) - before < 100);
      assert.equal(status(await bytes(engine.socketPath, 'GET /glassbox/v1/labs HTTP/1.1\r\nHost: e\r\n\r\n')), 200);
      body.destroy();
    } finally {
      for (const socket of sockets) socket.destroy();
      await engine.close();
    }
  });

  test('A01 twin: a server without these limits keeps them all', { timeout: 600_000 }, async () => {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (_, response) => response.end());
    await new Promise<void>((resolve) => server.listen('/run/lax.sock', resolve));
    const socket = connect('/run/lax.sock', () => socket.write('GET / HTTP/1.1\r\nX: '));
    let ended = false;
    socket.on('close', () => {
      ended = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 14_000));
    assert.equal(ended, false);
    socket.destroy();
    server.close();
  });

  test('A04: hundreds of terminals: some are refused with one sentence, all of them are forgotten when they end', {
    timeout: 600_000,
  }, async () => {
    const engine = await spawnEngine({ passStdio: false });
    const sockets: Socket[] = [];
    try {
      const made = await bytes(engine.socketPath, post('/labs', '{}'), 1_000);
      const id = /"id":"(lab-\d+)"/.exec(made)?.[1] as string;
      const answers = await Promise.all(
        Array.from(
          { length: 200 },
          () =>
            new Promise<number>((resolve) => {
              const socket = connect(engine.socketPath, () =>
                socket.write(
                  `GET /glassbox/v1/labs/${id}/session?request=%7B%22argv%22%3A%5B%22sleep%22%2C%2260%22%5D%7D HTTP/1.1\r\nHost: e\r\nConnection: Upgrade\r\nUpgrade: terminal\r\n\r\n`,
                ),
              );
              socket.once('data', (part: Buffer) => resolve(status(part.toString())));
              socket.on('error', () => resolve(0));
              sockets.push(socket);
            }),
        ),
      );
      const count = (code: number): number => answers.filter((answer) => answer === code).length;
      assert.deepEqual([count(101), count(507)], [128, 72], JSON.stringify(answers.slice(0, 5)));
      for (const socket of sockets) socket.destroy();
      const inLab = (): number =>
        spawnSync('pgrep', ['-xc', 'sleep'], { encoding: 'utf8' }).stdout.trim() as unknown as number;
      for (let n = 0; n < 100 && Number(inLab()) > 0; n++) await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(Number(inLab()), 0, 'processes of terminals that were hung up still run');
    } finally {
      await engine.close();
    }
  });

  test('R02: a directory of the machine is not given to a command as its input', { timeout: 600_000 }, async () => {
    writeFileSync('/run/machine-only', 'machine-only');
    const main = new URL('../../src/cli/main.ts', import.meta.url).href;
    const script = `import { main } from ${JSON.stringify(main)}; process.exitCode = await main(process.argv.slice(1));`;
    const node = `${process.execPath} --import ${import.meta.resolve('tsx')} --input-type=module -e '${script}' -- play -- perl -e 'chdir "/proc/self/fd/0" and system "cat run/machine-only"'`;
    const done = spawnSync('sh', ['-c', `${node.replace(`'chdir`, `'chdir`)} < /`], {
      encoding: 'utf8',
      timeout: 600_000,
    });
    assert.doesNotMatch(done.stdout, /machine-only/);
    assert.notEqual(done.status, 0);
    assert.match(done.stderr, /is a directory of the machine/);
  });

  test('R02: kill(0) of a command reaches nobody of those who started it', { timeout: 600_000 }, async () => {
    const { code, stdout } = await runCli([
      'play',
      '--',
      'perl',
      '-e',
      'print "before\\n"; $| = 1; kill "TERM", 0; sleep 2; print "after"',
    ]);
    assert.deepEqual([code, stdout.startsWith('before')], [143, true]);
  });
}
