import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type Bilingual, type Language, pick } from '../i18n/text.js';

export interface Choice<T> {
  readonly value: T;
  readonly name: string;
  /** Shown below the list while the choice is marked. */
  readonly description?: string;
}

/** Asks one question with a list of answers. */
export interface Chooser {
  /** @returns the chosen value, null when the person ended the question (Ctrl-C, Ctrl-D, end of input) */
  choose<T>(message: string, choices: readonly Choice<T>[]): Promise<T | null>;
}

interface Streams {
  readonly input: Readable;
  readonly output: Writable;
}

/** Marked with the arrow keys. inquirer is imported when the first question is asked. */
export function listChooser({ input, output }: Streams, language: Language): Chooser {
  return {
    async choose(message, choices) {
      const { default: inquirer } = await import('inquirer');
      const prompt = inquirer.createPromptModule({ input, output });
      try {
        const { answer } = await prompt<{ answer: number }>([
          {
            type: 'select',
            name: 'answer',
            message,
            pageSize: 12,
            loop: false,
            choices: choices.map(({ name, description }, index) => ({
              value: index,
              name,
              short: name,
              ...(description === undefined ? {} : { description }),
            })),
            theme: { style: { keysHelpTip: () => pick(KEYS, language) } },
          },
        ]);
        return choices[answer]?.value ?? null;
      } catch (error) {
        if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError'))
          return null;
        throw error;
      }
    },
  };
}

const KEYS: Bilingual = { en: '↑↓ move · Enter choose · Ctrl-C leave', zh: '↑↓ 移动 · 回车 选择 · Ctrl-C 退出' };
const NUMBER: Bilingual = { en: 'number (empty: leave): ', zh: '编号（留空则退出）：' };
const AGAIN: Bilingual = { en: 'a number from 1 to {count}, please', zh: '请输入 1 到 {count} 之间的编号' };

/** Numbered lines and a typed number: for terminals that cannot move the cursor, and for screen readers. */
export function lineChooser({ input, output }: Streams, language: Language): Chooser {
  return {
    choose(message, choices) {
      output.write(`${message}\n`);
      for (const [index, { name, description }] of choices.entries()) {
        output.write(`  ${index + 1}. ${name}${description === undefined ? '' : ` - ${description}`}\n`);
      }
      const lines = createInterface({ input, output, terminal: false });
      return new Promise((resolve) => {
        const end = (value: (typeof choices)[number]['value'] | null): void => {
          lines.removeAllListeners();
          lines.close();
          resolve(value);
        };
        const ask = () => output.write(pick(NUMBER, language));
        lines.on('line', (line) => {
          const word = line.trim();
          if (word === '') return end(null);
          const choice = /^\d+$/.test(word) ? choices[Number(word) - 1] : undefined;
          if (choice !== undefined) return end(choice.value);
          output.write(`${pick(AGAIN, language, { count: choices.length })}\n`);
          ask();
        });
        lines.on('close', () => resolve(null));
        lines.on('SIGINT', () => end(null));
        ask();
      });
    },
  };
}
