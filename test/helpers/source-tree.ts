import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { ROOT } from './run-cli.js';

/** Files of the project: tracked ones and new ones that are not ignored, relative to the root, sorted. */
export function projectFiles(): readonly string[] {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return [...new Set(output.split('\0'))].filter((path) => path !== '' && existsSync(join(ROOT, path))).sort();
}

export function readProjectFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export interface ImportLine {
  readonly from: string;
  /** Package name, or path of the imported file relative to the root with `.ts`. */
  readonly to: string;
  readonly isPackage: boolean;
}

/** Every static and dynamic import of a file with a literal name, type-only ones included. */
export function importsOf(path: string, text = readProjectFile(path)): readonly ImportLine[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    const isPackage = !fileName.startsWith('.');
    const to = isPackage ? fileName : normalize(join(dirname(path), fileName)).replace(/\.js$/, '.ts');
    return { from: path, to, isPackage };
  });
}
