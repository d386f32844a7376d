/** What `npm pack` would put into the package: all that runs, nothing else; and it runs without any install script. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { projectFiles } from '../helpers/source-tree.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Folder and ending of every file of the package, apart from those beside package.json. */
const KINDS = [
  'assets .json',
  'assets images',
  'bin .cjs',
  'bin .md',
  'bin .mjs',
  'dist .js',
  'lessons .md',
  'lessons .yaml',
  'lessons files',
  'scripts .json',
] as const;

interface Packed {
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

function pack(): Packed {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_config_cache: join(home, 'cache'), npm_config_update_notifier: 'false' },
  });
  return (JSON.parse(text) as [Packed])[0];
}

function kindOf(path: string): string {
  const top = path.split('/')[0]!;
  if (path.startsWith('assets/images/')) return 'assets images';
  return /^lessons\/.*\/files\//.test(path) ? 'lessons files' : `${top} ${extname(path)}`;
}

let home = '';
let paths: readonly string[] = [];
let packed: Packed;

before(() => {
  home = mkdtempSync(join(tmpdir(), 'glassbox-pack-'));
  packed = pack();
  paths = packed.files.map(({ path }) => path);
});
after(() => rmSync(home, { recursive: true, force: true }));

describe('the package', () => {
  it('holds these kinds of files and no other: no test, no source, no map', () => {
    const beside = paths.filter((path) => !path.includes('/'));
    assert.deepEqual(
      beside.filter((path) => !/^(README|LICENSE)/.test(path)),
      ['package.json'],
    );
    const kinds = new Set(paths.filter((path) => path.includes('/')).map(kindOf));
    // Fixtures of lessons are there only when some lesson has them.
    assert.deepEqual([...kinds, 'lessons files'].filter((kind, i, all) => all.indexOf(kind) === i).sort(), KINDS);
    assert.deepEqual(
      paths.filter((path) => /\.(ts|map|tsbuildinfo|S)$|^(test|docs|engine|src|\.)/.test(path)),
      [],
    );
    assert.ok(packed.size < 2 << 20, `${packed.size} bytes packed`);
  });

  it('holds what every source became, every file of every lesson, the schema, the table of Debian packages', () => {
    const files = projectFiles();
    const wanted = [
      ...files
        .filter((path) => /^(engine|src)\/.*\.ts$/.test(path) && !path.endsWith('.d.ts'))
        .map((path) => `dist/${path.replace(/ts$/, 'js')}`),
      ...files.filter((path) => /^(lessons|assets|bin)\//.test(path)),
      'scripts/lib/host-packages.json',
      'dist/glassbox-runtime.js',
    ];
    const there = new Set(paths);
    assert.deepEqual(
      wanted.filter((path) => !there.has(path)),
      [],
      'not in the package; sources that were never built: npm run build',
    );
    for (const name of ['lesson.yaml', 'text.en.md', 'text.zh.md'])
      assert.ok(paths.filter((path) => path.endsWith(`/${name}`)).length >= 5, `lessons without ${name}`);
  });

  it('runs from these files alone', () => {
    const place = join(home, 'glassbox');
    for (const path of paths) {
      mkdirSync(join(place, dirname(path)), { recursive: true });
      cpSync(join(ROOT, path), join(place, path));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'));
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, [join(place, 'bin/glassbox.mjs'), ...args], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8' },
      });
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.ok(run('--version').includes(version));
    assert.equal(run('lesson', 'schema'), readFileSync(join(ROOT, 'assets/lesson.schema.json'), 'utf8'));
    assert.match(run('lesson', 'list', '--lang', 'en'), /veth-pair/);
  });
});

describe('install scripts', () => {
  it('are named in the lock by these packages only, and none of them is run', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; dev?: boolean; optional?: boolean }>;
    };
    const scripted = Object.entries(lock.packages)
      .filter(([, entry]) => entry.hasInstallScript === true && entry.optional !== true)
      .map(([path, entry]) => `${path.slice('node_modules/'.length)}${entry.dev === true ? ' (development)' : ''}`);
    // those two come with dockerode, a client that the engine is tried with
    assert.deepEqual(scripted.sort(), [
      'esbuild (development)',
      'koffi',
      'protobufjs (development)',
      'ssh2 (development)',
    ]);
    assert.match(readFileSync(join(ROOT, 'scripts/lib/dependencies.mjs'), 'utf8'), /'--ignore-scripts'/);
  });

  it('are not needed by koffi: its package and the one with its binary are enough', () => {
    const modules = join(home, 'bare', 'node_modules');
    const koffi = join(ROOT, 'node_modules/koffi');
    // What a script of koffi would build stands in koffi/build: left out.
    cpSync(koffi, join(modules, 'koffi'), {
      recursive: true,
      filter: (path) => path !== join(koffi, 'build') && !path.endsWith('.node'),
    });
    const scope = join(ROOT, 'node_modules/@koromix');
    for (const name of readdirSync(scope))
      cpSync(join(scope, name), join(modules, '@koromix', name), { recursive: true, dereference: true });
    assert.ok(!existsSync(join(modules, 'koffi/build')));
    const script = "import koffi from 'koffi'; console.log(koffi.load(null).func('int getppid()')())";
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(home, 'bare'),
      encoding: 'utf8',
    });
    assert.equal(printed.trim(), String(process.pid));
  });
});
