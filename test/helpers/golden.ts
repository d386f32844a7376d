/** Golden files: what a picture looked like when somebody last read it and found it right. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', 'golden');

/** True when golden files are to be written anew: `GOLDEN_UPDATE=1 node --import tsx --test …`. Refused in CI. */
export function updating(environment: NodeJS.ProcessEnv = process.env): boolean {
  if (environment['GOLDEN_UPDATE'] !== '1') return false;
  if (environment['CI'] !== undefined && environment['CI'] !== '' && environment['CI'] !== 'false') {
    throw new Error(
      'GOLDEN_UPDATE=1 is refused while CI is set: golden files are read by a person before they are kept',
    );
  }
  return true;
}

/** Compare `actual` with test/golden/`name`; trailing blanks count. */
export function assertGolden(name: string, actual: string): void {
  const path = join(ROOT, name);
  const text = actual.endsWith('\n') ? actual : `${actual}\n`;
  if (updating()) {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
    return;
  }
  assert.ok(existsSync(path), `golden file ${name} is missing: make it with GOLDEN_UPDATE=1 and read it`);
  assert.equal(text, readFileSync(path, 'utf8'), `differs from golden file ${name} (GOLDEN_UPDATE=1 writes it anew)`);
}
