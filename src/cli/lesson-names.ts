import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder `lessons/` of this installation, seen from src/ and from dist/src/. */
export function lessonsRoot(): string {
  const roots = ['../../lessons', '../../../lessons'].map((up) => fileURLToPath(new URL(up, import.meta.url)));
  return roots.find((path) => existsSync(path)) ?? roots[1]!;
}

/** Names of the folders that hold a lesson.yaml, sorted: what a person types as LESSON. */
export function lessonDirectories(root = lessonsRoot()): readonly string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'lesson.yaml')))
    .map((entry) => entry.name)
    .sort();
}
