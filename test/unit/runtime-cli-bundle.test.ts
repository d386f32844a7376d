/** The runtime's command as it is started: one file, its code cache, and how little it loads. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Script } from 'node:vm';
import { ROOT } from '../helpers/run-cli.js';

const built = ['glassbox-runtime.js', 'glassbox-runtime.cache'].every((name) => existsSync(join(ROOT, 'dist', name)));
const skip = built ? false : 'not built: npm run build';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** It is 6 ms here; what is bound is a mistake, such as a module loaded early. Processor time, since a busy machine is no mistake. */
const MOST_MS = 25;

let dir = '';
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'glassbox-bundle-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

function node(...argv: string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: dir, env: { PATH: process.env['PATH'] } });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** A copy of the installation in which a file can be changed; returns its command. */
function installation(name: string, change: (dist: string) => void): string {
  const place = join(dir, name);
  mkdirSync(join(place, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'bin'), join(place, 'bin'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(place, 'package.json'));
  for (const file of ['glassbox-runtime.js', 'glassbox-runtime.cache'])
    cpSync(join(ROOT, 'dist', file), join(place, 'dist', file));
  symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'));
  change(join(place, 'dist'));
  return join(place, 'bin/glassbox-runtime.cjs');
}

describe("the runtime's command", { skip }, () => {
  it('is the same under each of its names', () => {
    const expected = {
      code: 0,
      out: `glassbox-runtime version ${version}\ncommit: ${version}\nspec: 1.2.0\nnode: ${process.versions.node}\n`,
      err: '',
    };
    for (const argv of [['glassbox-runtime.cjs'], ['glassbox-runtime.mjs'], ['glassbox.mjs', 'runtime']]) {
      const [file = '', ...rest] = argv;
      assert.deepEqual(node(join(ROOT, 'bin', file), ...rest, '--version'), expected, argv.join(' '));
    }
  });

  it('loads nothing of the kernel, and no network of Node, where there is no container', () => {
    const hook = join(dir, 'hook.cjs');
    writeFileSync(
      hook,
      `process.on('exit', () => {
        const fs = require('node:fs');
        const loaded = fs.readFileSync('/proc/self/maps', 'utf8').includes('koffi') ? ['koffi'] : [];
        for (const name of ['net', 'child_process', 'perf_hooks']) if (process.moduleLoadList.includes('NativeModule ' + name)) loaded.push(name);
        fs.writeFileSync(${JSON.stringify(join(dir, 'loaded'))}, loaded.join());
      });`,
    );
    const bin = join(ROOT, 'bin/glassbox-runtime.cjs');
    const loadedBy = (...argv: string[]): string => {
      const { code, err } = node('--require', hook, bin, ...argv);
      assert.ok(code === 0 || argv.includes('state'), err);
      return readFileSync(join(dir, 'loaded'), 'utf8');
    };
    for (const argv of [['--version'], ['--help'], ['run', '--help'], ['features'], ['spec']])
      assert.equal(loadedBy(...argv), '', argv.join(' '));
    assert.equal(
      loadedBy('--root', join(dir, 'state'), 'state', 'x'),
      'koffi',
      'the hook sees nothing, or too much is loaded',
    );
  });

  it('has a code cache that this Node takes', () => {
    const source = readFileSync(join(ROOT, 'dist/glassbox-runtime.js'), 'latin1');
    const cache = readFileSync(join(ROOT, 'dist/glassbox-runtime.cache'));
    const key = cache.subarray(0, cache.indexOf('\n')).toString();
    assert.equal(
      key,
      `${source.slice(3, source.indexOf('\n'))} ${process.version} ${process.arch}`,
      'built by another Node: npm run build',
    );
    const script = new Script(source, {
      filename: join(ROOT, 'dist/glassbox-runtime.js'),
      cachedData: cache.subarray(key.length + 1),
    });
    assert.equal(script.cachedDataRejected, false);
  });

  it('runs without a cache, with one of another Node, and with a broken one', () => {
    const cacheOf = (dist: string): string => join(dist, 'glassbox-runtime.cache');
    const broken = {
      none: (dist: string) => rmSync(cacheOf(dist)),
      foreign: (dist: string) => {
        const bytes = readFileSync(cacheOf(dist));
        const [digest] = bytes.subarray(0, bytes.indexOf('\n')).toString().split(' ');
        writeFileSync(cacheOf(dist), `${digest} v1.2.3 ${process.arch}\nnot for us`);
      },
      short: (dist: string) => writeFileSync(cacheOf(dist), readFileSync(cacheOf(dist)).subarray(0, 200)),
      empty: (dist: string) => writeFileSync(cacheOf(dist), ''),
    };
    for (const [name, change] of Object.entries(broken)) {
      const { code, out, err } = node(installation(name, change), '--version');
      assert.deepEqual([code, err], [0, ''], name);
      assert.match(out, /^glassbox-runtime version /, name);
    }
  });

  it('says what to do when it was not built', () => {
    const bin = installation('unbuilt', (dist) => rmSync(join(dist, 'glassbox-runtime.js')));
    assert.deepEqual(node(bin, '--version'), {
      code: 1,
      out: '',
      err: 'glassbox-runtime: not built yet, run: npm start\n',
    });
  });

  it(`takes at most ${MOST_MS} ms of processor time more than an empty Node`, () => {
    const empty = join(dir, 'empty.cjs');
    const hook = join(dir, 'time.cjs');
    const file = join(dir, 'time');
    writeFileSync(empty, '');
    writeFileSync(
      hook,
      `process.on('exit', () => {
        const { user, system } = process.cpuUsage();
        require('node:fs').writeFileSync(${JSON.stringify(file)}, String((user + system) / 1000));
      });`,
    );
    const time = (...argv: string[]): number => {
      assert.equal(node('--require', hook, ...argv).code, 0);
      return Number(readFileSync(file, 'utf8'));
    };
    const times = { empty: [] as number[], ours: [] as number[] };
    for (let round = 0; round < 12; round++) {
      times.empty.push(time(empty));
      times.ours.push(time(join(ROOT, 'bin/glassbox-runtime.cjs'), '--version'));
    }
    const above = Math.min(...times.ours) - Math.min(...times.empty);
    assert.ok(above < MOST_MS, `${above.toFixed(1)} ms`);
    assert.ok(Math.min(...times.empty) > 1, 'no time was measured');
  });
});
