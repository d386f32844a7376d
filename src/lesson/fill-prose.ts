/** Prose as a learner sees it: variables, real output, solutions; always both languages. */
import type { Bilingual, Lesson, Solution, StepText, Way } from './types.js';
import { fill } from './variables.js';

export interface RealOutput {
  /** `{{show:NAME}}` of this step. */
  readonly shown: Readonly<Record<string, string>>;
  /** `{{output:STEP}}`: last output of the learner's last command in that step. */
  readonly outputs: Readonly<Record<string, string>>;
}

const PENDING: Bilingual = { en: '(nothing typed yet)', zh: '（还没有输入过命令）' };

/** What programs print goes into Markdown: it must not end a fence or start markup of its own. */
function harmless(output: string): string {
  return output
    .replace(/^(\s*)(`{3,}|~{3,})/gm, '$1\u200b$2')
    .split('\n')
    .slice(0, 60)
    .join('\n');
}

export function fillProse(lesson: Lesson, pick: (language: 'en' | 'zh') => string, real: RealOutput): Bilingual {
  const one = (language: 'en' | 'zh'): string =>
    fill(pick(language), lesson.vars, (key) => {
      if (key.startsWith('show:')) return harmless(real.shown[key.slice(5)] ?? '…');
      if (key.startsWith('output:')) return harmless(real.outputs[key.slice(7)] ?? PENDING[language]);
      return undefined;
    }).text;
  return { en: one('en'), zh: one('zh') };
}

/** A part of a step's prose. */
export function stepProse(lesson: Lesson, step: string, part: (text: StepText) => string, real: RealOutput): Bilingual {
  return fillProse(
    lesson,
    (language) => {
      const text = lesson.text[language].steps[step];
      return text ? part(text) : '';
    },
    real,
  );
}

const WAYS: Readonly<Record<Way, Bilingual>> = {
  'by-hand': { en: 'By hand:', zh: '手工做法：' },
  engine: { en: 'With the engine, through its HTTP API:', zh: '直接使用引擎的 HTTP API：' },
  docker: { en: 'With docker:', zh: '使用 docker：' },
};

/** The rung `solution` of every ladder: the first solution of each way. */
export function solutionWords(solutions: readonly Solution[]): Bilingual {
  const ways = solutions.filter((one, index) => solutions.findIndex(({ way }) => way === one.way) === index);
  const words = (language: 'en' | 'zh'): string =>
    ways
      .map(({ way, run }) => {
        const title = ways.length === 1 ? { en: 'One way to do it:', zh: '一种做法：' } : WAYS[way];
        return `${title[language]}\n\n\`\`\`bash\n${run.map((line) => line.run).join('\n')}\n\`\`\``;
      })
      .join('\n\n');
  return { en: words('en'), zh: words('zh') };
}
