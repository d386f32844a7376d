import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { changeHosts } from '../../engine/container/links.js';
import { ContainerStore } from '../../engine/container/store.js';
import { replaceFile } from '../../engine/kernel/replace-file.js';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'glassbox-files-'));
});
afterEach(() => rmSync(place, { recursive: true }));

describe('the hosts file of who is linked', () => {
  const id = 'a'.repeat(64);
  const change = (hosts: string | null, alias: string, address: string | null): { hosts: string; said: string[] } => {
    const store = new ContainerStore(place);
    const path = store.file(id, 'hosts');
    mkdirSync(store.directory(id), { recursive: true });
    if (hosts !== null) writeFileSync(path, hosts);
    const said: string[] = [];
    changeHosts({ store, warn: (message) => said.push(message) }, { id }, alias, address);
    return { hosts: existsSync(path) ? readFileSync(path, 'utf8') : '', said };
  };
  const LINES = '127.0.0.1\tlocalhost\n10.0.0.2\tdb 1234 data\n10.0.0.3\tdb.example 5678 more\n10.0.0.4\tdbs\n';

  it('has another address for the alias, also one with a dot in it, and for no other name', () => {
    const rows: readonly [string, string | null, string][] = [
      ['db.example', '10.0.0.9', LINES.replace('10.0.0.3', '10.0.0.9')],
      ['/app/dbs', '10.0.0.9', LINES.replace('10.0.0.4', '10.0.0.9')],
      ['dbs', null, LINES.replace('10.0.0.4\tdbs\n', '')],
      ['d', '10.0.0.9', LINES],
    ];
    for (const [alias, address, expected] of rows)
      assert.deepEqual(change(LINES, alias, address), { hosts: expected, said: [] }, alias);
  });

  it('that is not there, or longer than is read, fails nobody: the log says so', () => {
    const long = `10.0.0.2\tdb\n${'#'.repeat(1024 * 1024)}`;
    for (const [hosts, why] of [
      [null, /the link db is not changed.*ENOENT/],
      [long, /the link db is not changed.*more than is read/],
    ] as const) {
      const done = change(hosts, 'db', '10.0.0.9');
      assert.equal(done.hosts, hosts ?? '');
      assert.equal(done.said.length, 1);
      assert.match(done.said[0] ?? '', why);
    }
  });
});

describe('the directory of containers', () => {
  it('may have a file in it that is none of them, which stays', () => {
    mkdirSync(join(place, 'containers', 'left-behind'), { recursive: true });
    writeFileSync(join(place, 'containers', 'note'), 'by hand');
    const store = new ContainerStore(place);
    assert.deepEqual([store.broken, [...store.damaged], store.list()], [['left-behind'], [], []]);
    assert.equal(readFileSync(join(place, 'containers', 'note'), 'utf8'), 'by hand');
  });
});

describe('a file that is replaced', () => {
  it('leaves nothing unfinished where it cannot have its name', async () => {
    mkdirSync(join(place, 'record'));
    const unfinished = join(place, 'record~');
    await assert.rejects(replaceFile(join(place, 'record'), 'new', { unfinished }), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(place), ['record']);
    await replaceFile(join(place, 'other'), 'new', { unfinished });
    assert.deepEqual(readdirSync(place), ['other', 'record']);
  });
});
