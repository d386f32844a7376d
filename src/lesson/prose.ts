/**
 * The prose files `text.en.md` and `text.zh.md`: split by key, never by line or position, so that a translation cannot slip.
 * Headings inside fenced code are text.
 */
import { createHash } from 'node:crypto';
import type { LessonProblem, LessonText, StepText } from './types.js';

const SECTIONS = ['question', 'why', 'engine', 'demo'] as const;
const KEYED = ['option', 'goal', 'hint'] as const;

interface MutableStep {
  title: string;
  body: string[];
  sections: Record<(typeof SECTIONS)[number], string[]>;
  keyed: Record<(typeof KEYED)[number], Map<string, string[]>>;
}

/** A fenced block of a body. */
export interface CodeBlock {
  readonly language: string;
  readonly lines: readonly string[];
  /** The block is meant to fail. */
  readonly fails: boolean;
  /** Why it is not to be run, null when it is. */
  readonly norun: string | null;
}

export function digestOf(source: string): string {
  return createHash('sha256').update(source, 'utf8').digest('hex');
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/;

/** Split one prose file. Problems name its line; the text is as complete as it could be made. */
export function parseProse(source: string, file: string): { text: LessonText; problems: LessonProblem[] } {
  const problems: LessonProblem[] = [];
  const steps = new Map<string, MutableStep>();
  const intro: string[] = [];
  let title = '';
  let translates: string | null = null;
  let sink: string[] = intro;
  let step: MutableStep | null = null;
  let fence: string | null = null;
  const problem = (line: number, message: string): void => {
    problems.push({ file, line, column: 1, message });
  };
  source.split(/\r?\n/).forEach((line, index) => {
    const at = index + 1;
    const mark = FENCE.exec(line);
    if (mark) {
      const ticks = mark[1]!;
      if (fence === null) fence = ticks;
      else if (ticks.startsWith(fence) && mark[2] === '') fence = null;
      sink.push(line);
      return;
    }
    if (fence !== null) {
      sink.push(line);
      return;
    }
    const header = /^<!--\s*translates:\s*sha256:([0-9a-fA-F]{64})\s*-->$/.exec(line.trim());
    if (header) {
      translates = header[1]!.toLowerCase();
      return;
    }
    if (line.startsWith('# ')) {
      if (title !== '') problem(at, 'a second `# title`: headings inside a text start at ####');
      title = line.slice(2).trim();
      return;
    }
    if (line.startsWith('## ')) {
      const key = /^## step:\s*([a-z0-9][a-z0-9-]*)\s*\|\s*(\S.*)$/.exec(line);
      if (!key) {
        problem(at, 'expected `## step: id | Title`');
        return;
      }
      if (steps.has(key[1]!)) problem(at, `step ${key[1]!} has its prose twice`);
      step = {
        title: key[2]!.trim(),
        body: [],
        sections: { question: [], why: [], engine: [], demo: [] },
        keyed: { option: new Map(), goal: new Map(), hint: new Map() },
      };
      steps.set(key[1]!, step);
      sink = step.body;
      return;
    }
    if (line.startsWith('### ')) {
      sink = openSection(line.slice(4).trim(), step, (message) => problem(at, message)) ?? sink;
      return;
    }
    sink.push(line);
  });
  if (fence !== null) problem(source.split('\n').length, 'a fenced block is not closed');
  if (title === '') problem(1, 'no `# title`');
  const text: LessonText = {
    title,
    intro: tidy(intro),
    translates,
    digest: digestOf(source),
    steps: Object.fromEntries([...steps].map(([id, value]) => [id, freeze(value)])),
  };
  return { text, problems };
}

function openSection(heading: string, step: MutableStep | null, problem: (message: string) => void): string[] | null {
  if (!step) {
    problem(`\`### ${heading}\` before the first step`);
    return null;
  }
  const plain = SECTIONS.find((name) => name === heading);
  if (plain) {
    if (step.sections[plain].length > 0) problem(`\`### ${heading}\` twice in one step`);
    return step.sections[plain];
  }
  const keyed = /^(option|goal|hint):\s*([a-z0-9][a-z0-9-]*)$/.exec(heading);
  if (!keyed) {
    problem(`unknown \`### ${heading}\`: expected question, why, engine, demo, option: id, goal: id or hint: id`);
    return null;
  }
  const map = step.keyed[keyed[1] as (typeof KEYED)[number]];
  if (map.has(keyed[2]!)) problem(`\`### ${heading}\` twice in one step`);
  const lines: string[] = [];
  map.set(keyed[2]!, lines);
  return lines;
}

function tidy(lines: readonly string[]): string {
  return lines.join('\n').replace(/^\n+|\s+$/g, '');
}

function freeze(step: MutableStep): StepText {
  const record = (map: Map<string, string[]>): Record<string, string> =>
    Object.fromEntries([...map].map(([id, lines]) => [id, tidy(lines)]));
  return {
    title: step.title,
    body: tidy(step.body),
    question: tidy(step.sections.question),
    why: tidy(step.sections.why),
    engine: tidy(step.sections.engine),
    demo: tidy(step.sections.demo),
    options: record(step.keyed.option),
    goals: record(step.keyed.goal),
    hints: record(step.keyed.hint),
  };
}

/** Fenced blocks of a Markdown text, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; info: string; lines: string[] } | null = null;
  for (const line of markdown.split('\n')) {
    const mark = FENCE.exec(line);
    if (open === null) {
      if (mark) open = { fence: mark[1]!, info: mark[2]!.trim(), lines: [] };
    } else if (mark && mark[1]!.startsWith(open.fence) && mark[2] === '') {
      blocks.push(toBlock(open.info, open.lines));
      open = null;
    } else {
      open.lines.push(line);
    }
  }
  return blocks;
}

function toBlock(info: string, lines: readonly string[]): CodeBlock {
  const norun = /norun="([^"]+)"/.exec(info);
  return {
    language: info.split(/\s+/)[0] ?? '',
    lines: lines.filter((line) => line.trim() !== ''),
    fails: /(^|\s)fails(\s|$)/.test(info),
    norun: norun ? norun[1]! : null,
  };
}

/** The shell lines of the blocks that a learner may type, in order. */
export function shellLines(markdown: string): { run: string; fails: boolean }[] {
  return codeBlocks(markdown)
    .filter((block) => block.language === 'bash' && block.norun === null)
    .flatMap((block) => joinContinued(block.lines).map((run) => ({ run, fails: block.fails })));
}

/** Join lines that end in a backslash with what follows. Comment lines are dropped. */
export function joinContinued(lines: readonly string[]): string[] {
  const out: string[] = [];
  let held = '';
  for (const line of lines) {
    if (held === '' && /^\s*#/.test(line)) continue;
    if (line.endsWith('\\')) held += line.slice(0, -1);
    else {
      out.push((held + line).trim());
      held = '';
    }
  }
  if (held !== '') out.push(held.trim());
  return out;
}
