import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ROOT, runProgram } from '../helpers/run-cli.js';

/** The set-up is plain JavaScript, so that it runs before anything is built; here is as much of it as is tested. */
interface SetupModules {
  dependenciesAreCurrent(root: string): boolean;
  sourceDigest(root: string): string;
  buildIsCurrent(root: string): boolean;
  missingPackages(packages: readonly HostPackage[], host: Host): readonly HostPackage[];
  offerPackages(
    packages: readonly HostPackage[],
    options: { memory: string; yes: boolean; host: Host },
  ): Promise<string>;
  readonly SUITES: readonly Suite[];
  suiteFiles(root: string, name: string): readonly string[];
  partsOf(suite: Suite, files: readonly string[]): { alone: readonly string[]; together: readonly string[] };
  holdServices<T>(action: () => Promise<T>, path: string): Promise<T>;
  readArguments(argv: readonly string[]): { yes: boolean; rest: readonly string[]; textOnly: boolean };
  describeFailure(error: unknown): { message: string; exitCode: number };
  setupLanguage(argv: readonly string[], env: Record<string, string>): string;
}

interface Suite {
  readonly name: string;
  readonly first?: readonly string[];
  readonly alone?: readonly string[];
}

interface HostPackage {
  readonly name: string;
  readonly programs: readonly string[];
  readonly services?: readonly string[];
  readonly static?: boolean;
  readonly why: { readonly en: string; readonly zh: string };
}

interface Host {
  find(name: string): string | null;
  isRoot(): boolean;
  isStatic(path: string): boolean;
  run(
    file: string,
    args: readonly string[],
    options: { env: Record<string, string> },
  ): Promise<{ code: number; output: string }>;
  ask(): Promise<boolean>;
  hasPackageIndex(): boolean;
  holdServices<T>(action: () => Promise<T>): Promise<T>;
}

const load = async (name: string) =>
  (await import(pathToFileURL(join(ROOT, 'scripts', 'lib', name)).href)) as SetupModules;
const { dependenciesAreCurrent } = await load('dependencies.mjs');
const { sourceDigest, buildIsCurrent } = await load('build.mjs');
const { missingPackages, offerPackages } = await load('packages.mjs');
const { holdServices } = await load('hold-services.mjs');
const { partsOf, SUITES, suiteFiles } = await load('suites.mjs');
const { setupLanguage, describeFailure } = await load('say.mjs');
const { readArguments } = await load('start-arguments.mjs');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'glassbox-setup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: unknown): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

describe('dependencies', () => {
  const one = { version: '1.0.0', integrity: 'sha512-a' };
  const foreign = { ...one, optional: true, os: ['win32'] };
  const wanted = { packages: { '': {}, 'node_modules/a': one, 'node_modules/w': foreign } };
  const install = (packages: object = { 'node_modules/a': one }) => {
    put('package-lock.json', wanted);
    put('node_modules/a/package.json', {});
    put('node_modules/.package-lock.json', { packages });
  };

  it('are current when what is installed is what is locked, other platforms aside', () => {
    install();
    assert.equal(dependenciesAreCurrent(root), true);
  });

  it('are not after an install that was interrupted: npm writes its own lock file last', () => {
    install();
    rmSync(join(root, 'node_modules/.package-lock.json'));
    assert.equal(dependenciesAreCurrent(root), false);
    put('node_modules/.package-lock.json', '{"packages":{"node_mod');
    assert.equal(dependenciesAreCurrent(root), false);
  });

  it('are not when a version or a digest differs, or a folder is gone', () => {
    install({ 'node_modules/a': { ...one, version: '1.0.1' } });
    assert.equal(dependenciesAreCurrent(root), false);
    install({ 'node_modules/a': { ...one, integrity: 'sha512-b' } });
    assert.equal(dependenciesAreCurrent(root), false);
    install();
    rmSync(join(root, 'node_modules/a'), { recursive: true });
    assert.equal(dependenciesAreCurrent(root), false);
  });

  it('need an optional package that is for this platform', () => {
    install();
    put('package-lock.json', {
      packages: {
        ...wanted.packages,
        'node_modules/l': { ...one, optional: true, os: ['linux', 'darwin'], cpu: [process.arch] },
      },
    });
    assert.equal(dependenciesAreCurrent(root), false);
    put('package-lock.json', {
      packages: { ...wanted.packages, 'node_modules/l': { ...one, optional: true, os: ['!linux'] } },
    });
    assert.equal(dependenciesAreCurrent(root), true);
  });
});

it('the lock file holds every package that a locked one names: otherwise npm ci refuses it', () => {
  type Entry = { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> };
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Entry>;
  };
  const names = new Set(
    Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
  );
  const absent = Object.values(packages).flatMap((entry) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }).filter((name) => !names.has(name)),
  );
  assert.deepEqual(absent, []);
});

describe('the build', () => {
  beforeEach(() => {
    for (const name of ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json']) put(name, '{}');
    put('src/a.ts', 'export {};');
  });

  it('is current only with the stamp of exactly these sources', () => {
    assert.equal(buildIsCurrent(root), false);
    put('dist/.stamp', sourceDigest(root));
    assert.equal(buildIsCurrent(root), true);
  });

  it('is not after a change of content, of a name, of the settings, or a new file; a text beside does not count', () => {
    const before = sourceDigest(root);
    put('src/README.md', 'x');
    assert.equal(sourceDigest(root), before);
    put('src/a.ts', 'export { };');
    const changed = sourceDigest(root);
    put('src/b.ts', '');
    const added = sourceDigest(root);
    rmSync(join(root, 'src/b.ts'));
    put('src/c.ts', '');
    const renamed = sourceDigest(root);
    put('tsconfig.base.json', '{"compilerOptions":{}}');
    assert.equal(new Set([before, changed, added, renamed, sourceDigest(root)]).size, 5);
  });
});

describe('Debian packages', () => {
  const packages: HostPackage[] = [
    { name: 'iproute2', programs: ['ip', 'ss'], why: { en: 'links', zh: '接口' } },
    { name: 'busybox-static', programs: ['busybox'], static: true, why: { en: 'one file', zh: '单个文件' } },
  ];

  interface Setting {
    programs?: string[];
    root?: boolean;
    answer?: boolean;
    index?: boolean;
    fails?: number;
  }

  function makeHost({ programs = ['apt-get'], root: isRoot = true, answer = true, index = true, fails = 0 }: Setting) {
    const calls: string[] = [];
    const there = new Set(programs);
    let left = fails;
    let asked = 0;
    let held = false;
    const host: Host = {
      find: (name) => (there.has(name) ? `/bin/${name}` : null),
      isRoot: () => isRoot,
      isStatic: () => true,
      run: (file, args, { env }) => {
        calls.push([file, ...args].join(' '));
        assert.equal(env['RUNLEVEL'], '1', 'an install may start no service');
        if (file === 'apt-get') assert.ok(held, 'apt-get runs while services are held');
        if (args[0] === 'install' && left-- > 0) return Promise.resolve({ code: 100, output: 'E: failed\n' });
        if (args[0] === 'install')
          for (const { programs: names } of packages) for (const name of names) there.add(name);
        return Promise.resolve({ code: 0, output: '' });
      },
      ask: () => {
        asked += 1;
        return Promise.resolve(answer);
      },
      hasPackageIndex: () => index,
      holdServices: async (action) => {
        held = true;
        return action().finally(() => {
          held = false;
        });
      },
    };
    return { host, calls, asked: () => asked };
  }

  const offer = (host: Host, yes = false) => offerPackages(packages, { memory: join(root, 'memory'), yes, host });

  it('are looked for by their programs', () => {
    const { host } = makeHost({ programs: ['ip', 'busybox'] });
    assert.deepEqual(
      missingPackages(packages, host).map((one) => one.name),
      ['iproute2'],
    );
    assert.deepEqual(
      missingPackages(packages, { ...host, isStatic: () => false }).map((one) => one.name),
      ['iproute2', 'busybox-static'],
    );
  });

  it('are installed after one question, without recommended ones', async () => {
    const { host, calls, asked } = makeHost({});
    assert.equal(await offer(host), 'installed');
    assert.equal(asked(), 1);
    assert.deepEqual(calls, ['apt-get install -y -q --no-install-recommends iproute2 busybox-static']);
    assert.equal(await offer(host), 'complete');
  });

  it('are installed without a question with --yes', async () => {
    const { host, asked } = makeHost({ answer: false });
    assert.equal(await offer(host, true), 'installed');
    assert.equal(asked(), 0);
  });

  it('that are new leave no service enabled; what was there before is left alone', async () => {
    const withServices = [
      { ...packages[0]!, services: ['a.service', 'a.socket'] },
      { ...packages[1]!, services: ['b.service'] },
    ];
    const offered = (host: Host) => offerPackages(withServices, { memory: join(root, 'memory'), yes: true, host });
    const fresh = makeHost({ programs: ['apt-get', 'systemctl', 'ip'] });
    assert.equal(await offered(fresh.host), 'installed');
    assert.deepEqual(fresh.calls.slice(1), ['systemctl disable --quiet b.service']);
    const failing = makeHost({ programs: ['apt-get', 'systemctl'], fails: 9 });
    assert.equal(await offered(failing.host), 'failed');
    assert.ok(!failing.calls.some((call) => call.startsWith('systemctl')), failing.calls.join('\n'));
  });

  it('are asked for once: a "no" holds until something else is missing', async () => {
    const { host, calls, asked } = makeHost({ answer: false });
    assert.deepEqual([await offer(host), await offer(host)], ['declined', 'declined']);
    assert.equal(asked(), 1);
    assert.deepEqual(calls, []);
    const other = makeHost({ answer: false, programs: ['apt-get', 'busybox'] });
    assert.equal(await offer(other.host), 'declined');
    assert.equal(other.asked(), 1);
  });

  it('fetch the package index when there is none, or when it seems stale', async () => {
    const none = makeHost({ index: false });
    assert.equal(await offer(none.host), 'installed');
    assert.deepEqual(
      none.calls.map((call) => call.split(' ')[1]),
      ['update', 'install'],
    );
    const stale = makeHost({ fails: 1 });
    assert.equal(await offer(stale.host), 'installed');
    assert.deepEqual(
      stale.calls.map((call) => call.split(' ')[1]),
      ['install', 'update', 'install'],
    );
  });

  it('that cannot be had stop nothing: no root, no apt, no network', async () => {
    const user = makeHost({ root: false });
    assert.equal(await offer(user.host), 'cannot');
    const elsewhere = makeHost({ programs: [] });
    assert.equal(await offer(elsewhere.host, true), 'cannot');
    const offline = makeHost({ fails: 9 });
    assert.equal(await offer(offline.host, true), 'failed');
    assert.deepEqual([user.calls, elsewhere.calls], [[], []]);
  });
});

describe('while packages are installed', () => {
  const ask = (path: string) => runProgram('sh', [path, 'docker', 'start']);

  it('no service is started, and nothing stays of what prevents it', async () => {
    const path = join(root, 'policy-rc.d');
    const answer = await holdServices(() => ask(path), path);
    assert.deepEqual([answer.code, existsSync(path)], [101, false]);
    await assert.rejects(
      holdServices(() => Promise.reject(new Error('apt')), path),
      /apt/,
    );
    assert.equal(existsSync(path), false, 'the policy of an install that failed is still there');
  });

  it('a policy that the machine has stays as it is', async () => {
    put('policy-rc.d', 'exit 104');
    const path = join(root, 'policy-rc.d');
    assert.equal(await holdServices(() => Promise.resolve('done'), path), 'done');
    assert.equal(readFileSync(path, 'utf8'), 'exit 104');
  });

  it('a policy whose set-up was killed allows all again and goes', async () => {
    const path = join(root, 'policy-rc.d');
    const script = `
      import { holdServices } from ${JSON.stringify(join(ROOT, 'scripts/lib/hold-services.mjs'))};
      await holdServices(() => new Promise((done) => setTimeout(done, 60_000)), ${JSON.stringify(path)});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    while (!existsSync(path) || readFileSync(path, 'utf8') === '') await new Promise((done) => setTimeout(done, 20));
    assert.equal((await ask(path)).code, 101);
    child.kill('SIGKILL');
    await new Promise((done) => child.on('close', done));
    assert.equal((await ask(path)).code, 0);
    assert.equal(existsSync(path), false);
  });
});

describe('two set-ups at once', () => {
  /** A process that holds the lock for a moment and notes when; `%` stands for its number. */
  const holder = (number: number) => `
    import { appendFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(join(ROOT, 'scripts/lib/lock.mjs'))};
    await withLock(${JSON.stringify(join(root, 'lock'))}, async () => {
      appendFileSync(${JSON.stringify(join(root, 'log'))}, 'in ${number}\\n');
      await new Promise((done) => setTimeout(done, 150));
      appendFileSync(${JSON.stringify(join(root, 'log'))}, 'out ${number}\\n');
    });`;
  const start = (number: number) => runProgram(process.execPath, ['--input-type=module', '-e', holder(number)]);

  it('take turns, and leave no lock behind', async () => {
    const runs = await Promise.all([1, 2, 3].map(start));
    assert.deepEqual(
      runs.map((run) => run.code),
      [0, 0, 0],
      runs.map((run) => run.stderr).join(''),
    );
    const lines = readFileSync(join(root, 'log'), 'utf8').trim().split('\n');
    for (let at = 0; at < lines.length; at += 2) assert.equal(lines[at + 1], lines[at]!.replace('in', 'out'));
    assert.equal(lines.length, 6);
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('lock')),
      [],
    );
  });

  it('take over the lock of a process that was killed', async () => {
    const dead = spawn(process.execPath, ['--input-type=module', '-e', holder(0).replace('150', '60000')], {
      stdio: 'ignore',
    });
    while (!existsSync(join(root, 'log'))) await new Promise((done) => setTimeout(done, 20));
    dead.kill('SIGKILL');
    await new Promise((done) => dead.on('close', done));
    assert.ok(existsSync(join(root, 'lock')));
    assert.equal((await start(1)).code, 0);
    assert.match(readFileSync(join(root, 'log'), 'utf8'), /in 1\nout 1\n$/);
  });

  it('wait for what a killed set-up had started and that still runs', async () => {
    const script = holder(0)
      .replace(
        'async () => {',
        "async (hold) => { hold((await import('node:child_process')).spawn('sh', ['-c', 'sleep 1.5; echo ended >>' + process.argv[1]], { stdio: 'ignore' }).pid);",
      )
      .replace('150', '60000');
    const log = join(root, 'log');
    const dead = spawn(process.execPath, ['--input-type=module', '-e', script, log], { stdio: 'ignore' });
    while (!existsSync(log)) await new Promise((done) => setTimeout(done, 20));
    dead.kill('SIGKILL');
    assert.equal((await start(1)).code, 0);
    assert.equal(
      readFileSync(log, 'utf8'),
      'in 0\nended\nin 1\nout 1\n',
      'the lock was taken while the child still ran',
    );
  });
});

describe('npm test', () => {
  it('knows every folder that holds tests', () => {
    const folders = readdirSync(join(ROOT, 'test'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const withTests = folders.map((entry) => entry.name).filter((name) => suiteFiles(ROOT, name).length > 0);
    assert.deepEqual(
      withTests.filter((name) => !SUITES.some((suite) => suite.name === name) && name !== 'bench'),
      [],
    );
  });

  it('runs every file once, and knows the files that run first or alone', () => {
    for (const suite of SUITES) {
      const files = suiteFiles(ROOT, suite.name);
      const { alone, together } = partsOf(suite, files);
      assert.deepEqual([...alone, ...together].sort(), [...files].sort());
      assert.equal(alone.length, suite.alone?.length ?? 0, suite.name);
      const first = (suite.first ?? []).map((name) => `test/${suite.name}/${name}.test.ts`);
      assert.deepEqual(together.slice(0, first.length), first, suite.name);
    }
  });

  it('says which suites there are when asked for another', async () => {
    const { code, stderr } = await runProgram(process.execPath, ['scripts/test.mjs', 'no-such-suite']);
    assert.equal(code, 2);
    assert.match(stderr, /no suite or test file no-such-suite: the suites are unit, /);
  });

  it('counts tests, not suites, keeps the reasons of skips, and sees files without a test', async () => {
    put(
      'a.test.mjs',
      "import test, { describe, it } from 'node:test'; describe('s', () => { it('x', () => {}); it('y', { skip: 'no root' }, () => {}); it('z', (t) => t.skip('later')); }); test('f', () => { throw new Error('x'); });",
    );
    put('b.test.ts', 'export {};');
    const reporter = join(ROOT, 'scripts/lib/report.mjs');
    const { stdout } = await runProgram(process.execPath, [
      '--test',
      `--test-reporter=${reporter}`,
      join(root, 'a.test.mjs'),
    ]);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; result: string; reason: string });
    assert.deepEqual(
      rows.map((row) => [row.name, row.result, row.reason]),
      [
        ['x', 'passed', ''],
        ['y', 'skipped', 'no root'],
        ['z', 'skipped', 'later'],
        ['f', 'failed', ''],
      ],
    );
    const tsx = import.meta.resolve('tsx');
    const empty = await runProgram(process.execPath, [
      '--import',
      tsx,
      '--test',
      `--test-reporter=${reporter}`,
      join(root, 'b.test.ts'),
    ]);
    assert.match(empty.stdout, /"empty":true/);
  });
});

it('speaks the language of the locale before anything is built', () => {
  assert.equal(setupLanguage([], { LANG: 'zh_CN.UTF-8' }), 'zh');
  assert.equal(setupLanguage(['--lang', 'en'], { LANG: 'zh_CN.UTF-8' }), 'en');
  assert.equal(setupLanguage(['--lang=zh'], {}), 'zh');
});

it('npm start takes --yes for itself and leaves everything after -- alone', () => {
  assert.deepEqual(readArguments(['--yes', 'play', '--', 'apt', '--yes', '--help']), {
    yes: true,
    rest: ['play', '--', 'apt', '--yes', '--help'],
    textOnly: false,
  });
  assert.deepEqual(readArguments(['play', '--', 'apt', '-y']), {
    yes: false,
    rest: ['play', '--', 'apt', '-y'],
    textOnly: false,
  });
  assert.equal(
    readArguments(['doctor', '--help']).textOnly,
    true,
    'a question about packages would only be in the way',
  );
  assert.deepEqual(readArguments([]), { yes: false, rest: [], textOnly: false });
});

it('a set-up that cannot write says which file and why; a fault of ours keeps its stack', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), {
    code: 'ENOSPC',
    path: '/x/dist/.stamp.new',
  });
  const { message, exitCode } = describeFailure(full);
  assert.equal(exitCode, 1);
  assert.match(message, /^(no space left: |磁盘空间不足：)\/x\/dist\/\.stamp\.new$/);
  assert.throws(() => describeFailure(new TypeError('x')), TypeError);
});
