import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { archive, file } from '../helpers/image-tar.js';

/**
 * A registry of packages, or who stands between, that gives other bytes than those that the lock was made of; and a package that
 * wants to run something while it is installed. The registry is one of this test's, on the loopback.
 */

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

type Lock = Readonly<Record<string, Entry>>;

const ROOT = new URL('../../', import.meta.url);
const { installDependencies } = (await import(new URL('scripts/lib/dependencies.mjs', ROOT).href)) as {
  installDependencies(root: string): Promise<void>;
};
const exec = promisify(execFile);
const integrityOf = (bytes: Uint8Array): string => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

const packageOf = (what: string): Buffer =>
  gzipSync(
    archive(
      file(
        'package/package.json',
        JSON.stringify({
          name: 'tool',
          version: '1.0.0',
          scripts: { install: "node -e \"require('fs').writeFileSync('ran', '')\"" },
        }),
      ),
      file('package/index.js', `module.exports = ${JSON.stringify(what)};\n`),
    ),
  );
const GOOD = packageOf('good');
const POISONED = packageOf('poisoned');

let home = '';
let registry: Server;
let served = GOOD;
let projects = 0;

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'glassbox-supply-'));
  registry = createServer((request, response) => {
    const { port } = registry.address() as AddressInfo;
    if (request.url?.endsWith('.tgz') === true) return response.end(served);
    const dist = { tarball: `http://127.0.0.1:${port}/tool/-/tool-1.0.0.tgz`, integrity: integrityOf(served) };
    return response.end(
      JSON.stringify({
        name: 'tool',
        'dist-tags': { latest: '1.0.0' },
        versions: { '1.0.0': { name: 'tool', version: '1.0.0', hasInstallScript: true, dist } },
      }),
    );
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
});
after(() => {
  registry.closeAllConnections();
  registry.close();
  rmSync(home, { recursive: true, force: true });
});

/** A project that wants the package, with a lock of this integrity; null: the lock says nothing of its bytes. */
function project(integrity: string | null): string {
  const root = join(home, `project-${projects++}`);
  mkdirSync(root);
  const { port } = registry.address() as AddressInfo;
  // newer releases of npm run only what is allowed to: here it is, so that nothing but our own guard is left
  const wants = { name: 'project', version: '1.0.0', dependencies: { tool: '1.0.0' }, allowScripts: { tool: true } };
  const entry = { version: '1.0.0', hasInstallScript: true, ...(integrity === null ? {} : { integrity }) };
  writeFileSync(join(root, 'package.json'), JSON.stringify(wants));
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({
      name: 'project',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: { '': wants, 'node_modules/tool': entry },
    }),
  );
  writeFileSync(
    join(root, '.npmrc'),
    `registry=http://127.0.0.1:${port}/\ncache=${join(root, 'cache')}\nupdate-notifier=false\nproxy=null\nhttps-proxy=null\nnoproxy=127.0.0.1\nfetch-retries=0\n`,
  );
  return root;
}

const installed = (root: string): string => {
  const path = join(root, 'node_modules/tool/index.js');
  return existsSync(path) ? readFileSync(path, 'utf8') : 'nothing';
};
const ran = (root: string): boolean => existsSync(join(root, 'node_modules/tool/ran'));

test('J02: a package of other bytes than the lock names is not installed; without the lock it would be', {
  timeout: 600_000,
}, async () => {
  served = POISONED;
  const locked = project(integrityOf(GOOD));
  await assert.rejects(installDependencies(locked), /npm ci ended with/);
  assert.equal(installed(locked), 'nothing');
  const open = project(null);
  await installDependencies(open);
  assert.match(installed(open), /poisoned/, 'the attack is none: the lock was not what kept it out');
});

test('J02: a package runs nothing while it is installed; with plain npm it would', { timeout: 600_000 }, async () => {
  served = GOOD;
  const root = project(integrityOf(GOOD));
  await installDependencies(root);
  assert.match(installed(root), /good/);
  assert.equal(ran(root), false, 'its script ran');
  await exec('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts=false'], { cwd: root });
  assert.ok(ran(root), 'the attack is none: npm did not run the script either');
});

/** What would let others decide what a package is: its bytes unnamed, or named by a weak digest, or another place than the registry. */
function weaknesses(packages: Lock): string[] {
  return Object.entries(packages).flatMap(([path, entry]) => {
    if (path === '') return [];
    const found: string[] = [];
    // the registry tells nothing of some programs for other systems, with which nobody works on this project here
    const isElsewhere = entry.dev === true && entry.optional === true && entry.integrity === undefined;
    if (!isElsewhere && !/^sha512-[\w+/]{86}==$/.test(entry.integrity ?? '')) found.push(`${path}: no SHA-512`);
    if (entry.link === true) found.push(`${path}: a link`);
    if (entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/'))
      found.push(`${path}: from ${entry.resolved}`);
    return found;
  });
}

test('J02: the lock names the bytes of every package, koffi’s programs too, and no place but the registry', () => {
  const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'));
  const { packages } = read('package-lock.json') as { packages: Lock };
  assert.deepEqual(weaknesses(packages), []);
  const koffi = Object.entries(packages).filter(([path]) => /koffi/.test(path));
  assert.ok(koffi.length > 10, 'koffi is not in the lock');
  assert.ok(
    koffi.every(([, { integrity }]) => integrity !== undefined),
    'a program of koffi is not named by its bytes',
  );
  const { dependencies, devDependencies } = read('package.json') as Record<string, Record<string, string>>;
  for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies }))
    assert.match(range, /^[\^~]?\d+\.\d+\.\d+$/, `${name} comes from elsewhere`);
  // the same look finds what is wrong
  const name = 'node_modules/koffi';
  for (const [wrong, said] of [
    [{ integrity: 'sha1-abc=' }, 'no SHA-512'],
    [{ link: true }, 'a link'],
    [{ resolved: 'git+ssh://git@example.com/koffi.git' }, 'from git+ssh://git@example.com/koffi.git'],
  ] as const)
    assert.deepEqual(weaknesses({ [name]: { ...packages[name], ...wrong } }), [`${name}: ${said}`]);
});
