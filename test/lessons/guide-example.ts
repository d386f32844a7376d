/** The authoring guide's worked example as a lesson on disk: what authors copy is what is tested. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/lesson/prose.js';
import { type LessonSource, loadLessonSource } from '../../src/lesson/source.js';

const guide = readFileSync(new URL('../../docs/lesson-authoring.md', import.meta.url), 'utf8');

function block(name: string): string {
  const start = guide.indexOf(`\`lessons/06-veth/${name}\``);
  const match = /(`{3,})\w+\n([\s\S]*?)\n\1\n/.exec(guide.slice(start));
  if (start < 0 || !match) throw new Error(`the guide has no ${name}`);
  return match[2]!;
}

/** A directory with `06-veth/` in it. The caller removes it. */
export function guideLessons(): string {
  const root = mkdtempSync(join(tmpdir(), 'guide-'));
  const directory = join(root, '06-veth');
  mkdirSync(directory);
  const en = block('text.en.md');
  writeFileSync(join(directory, 'lesson.yaml'), block('lesson.yaml'));
  writeFileSync(join(directory, 'text.en.md'), en);
  writeFileSync(join(directory, 'text.zh.md'), block('text.zh.md').replace(/sha256:0{64}/, `sha256:${digestOf(en)}`));
  return root;
}

export function guideLesson(root: string): LessonSource {
  return loadLessonSource(join(root, '06-veth'));
}
