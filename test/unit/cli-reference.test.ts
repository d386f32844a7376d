import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { COMMAND_LINE } from '../../src/cli/commands.js';
import { referencePage } from '../../src/cli/reference.js';
import { ROOT } from '../helpers/run-cli.js';

const path = join(ROOT, 'docs', 'cli.md');

it('docs/cli.md is what the parser reads (GLASSBOX_UPDATE=1 writes it)', () => {
  const page = referencePage(COMMAND_LINE);
  if (process.env['GLASSBOX_UPDATE'] === '1') writeFileSync(path, page);
  assert.equal(readFileSync(path, 'utf8'), page);
});

it('GLASSBOX_UPDATE is not set where tests are to prove something', () => {
  if (process.env['CI'] === 'true') assert.equal(process.env['GLASSBOX_UPDATE'], undefined);
});
