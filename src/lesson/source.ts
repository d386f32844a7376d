/**
 * Reading one lesson's files: bounded in size and alias expansion, unique keys, schema, prose of both languages.
 * Nothing is filled in yet: that needs a learner (seed) and a lab (dialect of the control groups); see instantiate.ts.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { parseProse } from './prose.js';
import { checkReferences } from './references.js';
import { validateLesson } from './schema.js';
import type { Language, LessonHeader, LessonProblem, LessonText, VariableSpec } from './types.js';

export const MAX_LESSON_BYTES = 256 * 1024;
const MAX_ALIASES = 50;

/** lesson.yaml after validation, before variables. `raw` fits the schema. */
export interface LessonSource extends LessonHeader {
  readonly directory: string;
  readonly raw: RawLesson;
  readonly vars: Readonly<Record<string, VariableSpec>>;
  readonly text: Readonly<Record<Language, LessonText>>;
  readonly fixtures: readonly string[];
  /** Line of a path in lesson.yaml, for problems found later. */
  at(path: readonly (string | number)[]): { line: number; column: number };
}

export type Raw = string | number | boolean | null | readonly Raw[] | { readonly [key: string]: Raw };
export type RawLesson = { readonly [key: string]: Raw };

/** A lesson that cannot be used, with every problem found. */
export class LessonError extends Error {
  readonly problems: readonly LessonProblem[];
  constructor(problems: readonly LessonProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'LessonError';
    this.problems = problems;
  }
}

export function formatProblem(problem: LessonProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}

function readBounded(file: string, problems: LessonProblem[]): string | null {
  try {
    const size = statSync(file).size;
    if (size > MAX_LESSON_BYTES) {
      problems.push({ file, line: 1, column: 1, message: `too large: ${size} bytes, at most ${MAX_LESSON_BYTES}` });
      return null;
    }
    const bytes = readFileSync(file);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT'
        ? 'missing'
        : code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
          ? 'not valid UTF-8'
          : String(code ?? error);
    problems.push({ file, line: 1, column: 1, message: `cannot read: ${reason}` });
    return null;
  }
}

/** Position of a path in the document; the nearest existing ancestor when it is not there. */
function locate(
  document: Document,
  counter: LineCounter,
  path: readonly (string | number)[],
  key?: string,
): { line: number; column: number } {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (!isNode(node) || !node.range) continue;
    let offset = node.range[0];
    if (key !== undefined && 'items' in node) {
      for (const item of node.items as readonly { key?: { value?: unknown; range?: readonly number[] | null } }[]) {
        if (item.key?.value === key && item.key.range) offset = item.key.range[0]!;
      }
    }
    const position = counter.linePos(offset);
    return { line: Math.max(1, position.line), column: Math.max(1, position.col) };
  }
  return { line: 1, column: 1 };
}

/** Parse YAML safely. Returns null after an error that leaves nothing to go on with. */
export function parseYaml(
  text: string,
  file: string,
  problems: LessonProblem[],
): { value: unknown; document: Document; counter: LineCounter } | null {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    uniqueKeys: true,
    merge: false,
    strict: true,
    version: '1.2',
    schema: 'core',
    stringKeys: true,
  });
  for (const error of [...document.errors, ...document.warnings]) {
    const position = counter.linePos(error.pos[0]);
    problems.push({
      file,
      line: Math.max(1, position.line),
      column: Math.max(1, position.col),
      message: error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
    });
  }
  if (document.errors.length > 0) return null;
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), document, counter };
  } catch (error) {
    problems.push({
      file,
      line: 1,
      column: 1,
      message: `cannot expand aliases: ${error instanceof Error ? error.message : String(error)}`,
    });
    return null;
  }
}

/**
 * Load a lesson's directory.
 * @throws LessonError with every problem of every file; it never stops at the first.
 */
export function loadLessonSource(directory: string): LessonSource {
  const problems: LessonProblem[] = [];
  const yamlFile = join(directory, 'lesson.yaml');
  const yamlText = readBounded(yamlFile, problems);
  const parsed = yamlText === null ? null : parseYaml(yamlText, yamlFile, problems);
  const text = {} as Record<Language, LessonText>;
  for (const language of ['en', 'zh'] as const) {
    const file = join(directory, `text.${language}.md`);
    const source = readBounded(file, problems);
    if (source === null) continue;
    const prose = parseProse(source, file);
    problems.push(...prose.problems);
    text[language] = prose.text;
  }
  if (parsed === null) throw new LessonError(problems);
  const at = (path: readonly (string | number)[], key?: string): { line: number; column: number } =>
    locate(parsed.document, parsed.counter, path, key);
  const invalid = validateLesson(parsed.value);
  for (const { path, key, message } of invalid)
    problems.push({ file: yamlFile, ...at(path, key), message: `${describePath(path)}${message}` });
  if (invalid.length === 0 && text.en && text.zh) {
    problems.push(...checkReferences(parsed.value as RawLesson, text, { yamlFile, directory, at }));
  }
  if (problems.length > 0 || !text.en || !text.zh) throw new LessonError(problems);
  const raw = parsed.value as RawLesson;
  const header = raw as unknown as Partial<LessonHeader> & {
    readonly id: string;
    readonly number: number;
    readonly minutes: number;
  };
  return {
    directory,
    raw,
    text,
    at,
    fixtures: listFixtures(join(directory, 'files')),
    id: header.id,
    number: header.number,
    minutes: header.minutes,
    title: { en: text.en.title, zh: text.zh.title },
    needs: {
      lessons: header.needs?.lessons ?? [],
      features: header.needs?.features ?? [],
      tools: header.needs?.tools ?? [],
    },
    teaches: { commands: header.teaches?.commands ?? [], ideas: header.teaches?.ideas ?? [] },
    uses: header.uses ?? [],
    mirrors: (header.mirrors ?? []).map((mirror) => ({ ...mirror, facts: mirror.facts ?? [] })),
    vars: (raw['vars'] ?? {}) as unknown as Readonly<Record<string, VariableSpec>>,
  };
}

function describePath(path: readonly (string | number)[]): string {
  if (path.length === 0) return '';
  return `${path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')}: `;
}

function listFixtures(directory: string): string[] {
  const out: string[] = [];
  const walk = (below: string): void => {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(directory, below), { withFileTypes: true });
    } catch (error) {
      if (below === '' && (error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    for (const entry of entries.sort((left, right) => left.name.localeCompare(right.name))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) out.push(path);
    }
  };
  walk('');
  return out;
}
