import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findCommand } from '../../src/docker/command/find.js';
import { commandHelp, groupHelp, rootHelp } from '../../src/docker/command/help.js';
import { referencePage } from '../../src/docker/command/reference.js';
import { hasSummary } from '../../src/docker/command/summaries.js';
import { COMMANDS, GROUPS, REFUSED } from '../../src/docker/command/table.js';
import { HANDLERS } from '../../src/docker/run/handlers.js';
import { VERSION } from '../../src/docker/version.js';
import { ROOT } from '../helpers/run-cli.js';

describe('the table of docker commands', () => {
  it('is what docs/docker-cli.md says (GLASSBOX_UPDATE=1 writes it)', () => {
    const path = join(ROOT, 'docs', 'docker-cli.md');
    const page = referencePage(VERSION);
    if (process.env['GLASSBOX_UPDATE'] === '1') writeFileSync(path, page);
    assert.equal(readFileSync(path, 'utf8'), page);
  });

  it('has a handler, and a summary in both languages, for each command', async () => {
    for (const { names, text } of COMMANDS) {
      const handler = HANDLERS[names[0] ?? ''];
      assert.ok(handler !== undefined, `${names[0]} has no handler`);
      assert.equal(typeof (await handler()), 'function', `${names[0]} loads no function`);
      assert.ok(hasSummary(text), `no Chinese for: ${text}`);
    }
    for (const text of GROUPS.values()) assert.ok(hasSummary(text), `no Chinese for: ${text}`);
    assert.equal(Object.keys(HANDLERS).length, COMMANDS.length);
  });

  it('knows each name once, and no flag twice', () => {
    const names = COMMANDS.flatMap((spec) => spec.names);
    assert.equal(new Set(names).size, names.length);
    for (const spec of COMMANDS) {
      const flags = spec.flags.map(({ name }) => name);
      assert.equal(new Set(flags).size, flags.length, `${spec.names[0]}: ${flags.join(' ')}`);
      const letters = spec.flags.flatMap(({ short }) => (short === null ? [] : [short]));
      assert.equal(new Set(letters).size, letters.length, `${spec.names[0]}: ${letters.join(' ')}`);
    }
  });

  it('finds commands by all their names, and says which it refuses', () => {
    for (const words of [['ps'], ['container', 'ls'], ['container', 'list'], ['container', 'ps']]) {
      const found = findCommand(words);
      assert.ok(found.kind === 'command' && found.spec.names[0] === 'container ls', words.join(' '));
    }
    for (const name of REFUSED.keys()) assert.equal(findCommand(name.split(' ')).kind, 'refused', name);
    assert.equal(findCommand(['swarm', 'init', '--x']).kind, 'refused');
    assert.deepEqual(findCommand(['nope', 'x']), { kind: 'unknown', name: 'nope', group: null });
    assert.deepEqual(findCommand(['image', 'nope']), { kind: 'unknown', name: 'image nope', group: 'image' });
    assert.equal(findCommand(['image']).kind, 'group');
  });
});

describe('help', () => {
  const spec = (name: string): (typeof COMMANDS)[number] => {
    const found = COMMANDS.find(({ names }) => names.includes(name));
    assert.ok(found !== undefined, `no command ${name}`);
    return found;
  };

  it('wraps flags as docker does', () => {
    assert.equal(
      commandHelp(spec('stop'), 'stop', 'en'),
      `Usage:  docker stop [OPTIONS] CONTAINER [CONTAINER...]

Stop one or more running containers

Aliases:
  docker container stop, docker stop

Options:
  -s, --signal string   Signal to send to the container
  -t, --timeout int     Seconds to wait before killing the container
`,
    );
    assert.match(
      commandHelp(spec('ps'), 'ps', 'en'),
      / {2}-l, --latest {10}Show the latest created container \(includes all\n {24}states\)\n/,
    );
  });

  it('shows --help where -h is something else', () => {
    assert.match(commandHelp(spec('run'), 'run', 'en'), /\n {6}--help {29}Print usage\n {2}-h, --hostname string/);
    assert.doesNotMatch(commandHelp(spec('ps'), 'ps', 'en'), /--help/);
  });

  it('speaks Chinese where that is asked for', () => {
    assert.match(rootHelp('zh'), / {2}ps {10}列出容器\n/);
    assert.match(groupHelp('image', 'zh'), /管理镜像\n\nCommands:\n/);
    assert.match(commandHelp(spec('run'), 'run', 'zh'), /\n\n用镜像创建并运行一个新容器\n\n/);
  });
});
