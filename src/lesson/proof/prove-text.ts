/** Points 13 and 14: what can be told from the files alone. */

import { type Catalogue, neededLessons } from '../catalogue.js';
import { codeBlocks, shellLines } from '../prose.js';
import type { LessonSource } from '../source.js';
import type { Step } from '../types.js';
import type { Findings } from './findings.js';
import { getStringWidth } from './width.js';

/** Columns that code and drawings may use: 80, less the pane's border and margins. */
export const CODE_COLUMNS = 74;

export function proveWidth(source: LessonSource, findings: Findings): void {
  for (const language of ['en', 'zh'] as const) {
    const wide: string[] = [];
    for (const [id, text] of Object.entries(source.text[language].steps)) {
      const prose = [
        text.body,
        text.question,
        text.why,
        text.engine,
        ...Object.values(text.hints),
        ...Object.values(text.options),
      ].join('\n\n');
      for (const block of codeBlocks(prose))
        for (const line of block.lines)
          if (!line.includes('{{') && getStringWidth(line) > CODE_COLUMNS) wide.push(`${id}: ${line}`);
      if (getStringWidth(text.title) > 60) wide.push(`${id}: the title is wider than 60 columns`);
    }
    findings.add({
      point: 13,
      lesson: source.id,
      step: null,
      what: `code and drawings fit 80 columns (${language})`,
      ok: wide.length === 0,
      ...(wide.length > 0 ? { detail: `wider than ${CODE_COLUMNS} columns: ${wide.join('; ')}` } : {}),
    });
  }
}

/** Everybody who opens a shell knows these. */
const BASICS = new Set([
  'cd',
  'echo',
  'cat',
  'ls',
  'pwd',
  'mkdir',
  'rm',
  'rmdir',
  'cp',
  'mv',
  'touch',
  'printf',
  'sleep',
  'exit',
  'true',
  'false',
  'kill',
  'ps',
  'bash',
  'sh',
  'head',
  'tail',
  'grep',
  'wc',
  'sort',
  'test',
  '[',
  'export',
  'set',
  'wait',
  'for',
  'do',
  'done',
  'if',
  'then',
  'fi',
  'else',
  'while',
  'exec',
  'read',
  'sed',
  'awk',
  'cut',
  'tr',
  'seq',
  'date',
  'id',
  'whoami',
  'chmod',
  'ln',
  'find',
  'command',
  'which',
  'type',
  'env',
  'jobs',
  'fg',
  'bg',
  'disown',
  'time',
  'timeout',
  'tee',
  'dd',
  'yes',
  'nohup',
  'source',
  '.',
  ':',
  'stat',
  'readlink',
  'xargs',
  'pgrep',
  'unset',
  'local',
  'declare',
  'history',
  'clear',
  'man',
  'help',
  'cp',
  'diff',
  'sync',
  'setsid',
  'trap',
]);

/** Programs that a shell line calls, roughly: the first word after each separator, through wrappers. */
export function programsOf(line: string): string[] {
  const out: string[] = [];
  for (const part of line.replace(/'[^']*'|"[^"]*"/g, ' Q ').split(/\|\||&&|[|;&\n]|\$\(|`|\(|\{ /)) {
    const words = part
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '');
    while (
      words.length > 0 &&
      /^([A-Za-z_]\w*=.*|!|do|then|else|if|while|until|time|[0-9]*[<>].*|[)}]+)$/.test(words[0]!)
    )
      words.shift();
    if (words[0] !== undefined && words[0] !== 'Q' && /^[\w./:[-]+$/.test(words[0]))
      out.push(words.slice(0, 2).join(' '));
  }
  return out;
}

/** Point 14: every program that a solution calls, and every idea used, is taught here or in a needed lesson. */
export function proveTaught(
  source: LessonSource,
  catalogue: Catalogue,
  steps: readonly Step[],
  findings: Findings,
): void {
  const known = [...neededLessons(source, catalogue), source];
  const commands = new Set(known.flatMap((lesson) => lesson.teaches.commands));
  const programs = new Set([...commands].map((command) => command.split(/\s+/)[0]!));
  const missing = new Set<string>();
  for (const step of steps) {
    const lines = [
      ...step.solutions.flatMap((one) => one.run.map((line) => line.run)),
      ...shellLines(source.text.en.steps[step.id]?.body ?? '').map((line) => line.run),
    ];
    for (const use of lines.flatMap(programsOf)) {
      const program = use.split(' ')[0]!.replace(/^.*\//, '');
      const subcommand = [...commands].some((command) => command.startsWith(`${program} `));
      if (BASICS.has(program) || program === '' || program.startsWith('.')) continue;
      if (!programs.has(program)) missing.add(program);
      else if (
        subcommand &&
        !commands.has(program) &&
        / [a-z]+$/.test(use) &&
        !commands.has(use) &&
        /^(ip|bridge|brctl)$/.test(program)
      )
        missing.add(use);
    }
  }
  findings.add({
    point: 14,
    lesson: source.id,
    step: null,
    what: 'every command is taught before it is needed',
    ok: missing.size === 0,
    ...(missing.size > 0
      ? { detail: `not in teaches.commands of this lesson or of a needed one: ${[...missing].sort().join(', ')}` }
      : {}),
  });
  const ideas = new Set(neededLessons(source, catalogue).flatMap((lesson) => lesson.teaches.ideas));
  const untaught = source.uses.filter((idea) => !ideas.has(idea));
  findings.add({
    point: 14,
    lesson: source.id,
    step: null,
    what: 'every idea used is taught by a needed lesson',
    ok: untaught.length === 0,
    ...(untaught.length > 0 ? { detail: untaught.join(', ') } : {}),
  });
}
