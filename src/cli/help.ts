import { type Bilingual, type Language, pick } from '../i18n/text.js';
import type { ArgumentSpec, CommandLineSpec, CommandSpec, OptionSpec } from './spec.js';

const WORDS = {
  usage: { en: 'Usage:', zh: '用法：' },
  commands: { en: 'Commands:', zh: '命令：' },
  options: { en: 'Options:', zh: '选项：' },
  globals: { en: 'Options of every command:', zh: '通用选项：' },
  examples: { en: 'Examples:', zh: '示例：' },
  more: {
    en: "Run 'glassbox COMMAND --help' for more on a command.",
    zh: '运行“glassbox 命令 --help”查看某个命令的说明。',
  },
} as const satisfies Record<string, Bilingual>;

/** `glassbox play [--keep NAME] [-- CMD…]` */
export function usageLine(spec: CommandLineSpec, command: CommandSpec): string {
  const children = childrenOf(spec, command);
  const parts = [spec.program, command.name, ...command.options.map((option) => `[${optionLabel(option)}]`)];
  if (children.length > 0) parts.push(command.name === '' ? '[COMMAND]' : children.map(lastWord).join('|'));
  parts.push(...command.arguments.map(argumentLabel));
  return parts.filter((part) => part !== '').join(' ');
}

function argumentLabel(argument: ArgumentSpec): string {
  const name = argument.choices?.join('|') ?? argument.label;
  const many = argument.rest === true ? `${name}…` : name;
  const dashed = argument.afterDashes === true ? `-- ${many}` : many;
  return argument.required ? dashed : `[${dashed}]`;
}

export function optionLabel(option: OptionSpec): string {
  return option.value === undefined ? `--${option.name}` : `--${option.name} ${option.value.label}`;
}

/** Commands whose name is this one's and one word more. */
export function childrenOf(spec: CommandLineSpec, command: CommandSpec): readonly CommandSpec[] {
  const prefix = command.name === '' ? '' : `${command.name} `;
  return spec.commands.filter(
    (one) =>
      one.name !== '' && one.name.startsWith(prefix) && !one.name.slice(prefix.length).includes(' ') && one !== command,
  );
}

const lastWord = (command: CommandSpec): string => command.name.split(' ').at(-1)!;

/** The text of `--help`, wrapped by the terminal, not by us; lines of tables stay below 80 columns where they can. */
export function helpText(spec: CommandLineSpec, command: CommandSpec, language: Language): string {
  const t = (text: Bilingual) => pick(text, language);
  const children = childrenOf(spec, command);
  const optionRow = (option: OptionSpec): [string, string] => [
    `${option.short === undefined ? '    ' : `-${option.short}, `}${optionLabel(option)}`,
    t(option.text),
  ];
  const sections: string[] = [
    `${t(WORDS.usage)}${language === 'zh' ? '' : ' '}${usageLine(spec, command)}`,
    sentence(t(command.text), language),
  ];
  if (children.length > 0) {
    const rows = children.map((child): [string, string] => [usageOf(spec, child), t(child.text)]);
    sections.push(`${t(WORDS.commands)}\n${table(rows)}`);
  }
  for (const note of command.notes ?? []) sections.push(t(note));
  if (command.options.length > 0) sections.push(`${t(WORDS.options)}\n${table(command.options.map(optionRow))}`);
  sections.push(`${t(WORDS.globals)}\n${table(spec.globals.map(optionRow))}`);
  if (command.examples !== undefined) {
    sections.push(`${t(WORDS.examples)}\n${table(command.examples.map(({ line, text }) => [line, t(text)]))}`);
  }
  if (children.length > 0) sections.push(t(WORDS.more));
  return `${sections.join('\n\n')}\n`;
}

/** How a command is called, in the table of its parent: without options and program. */
function usageOf(spec: CommandLineSpec, command: CommandSpec): string {
  const children = childrenOf(spec, command);
  const rest = children.length > 0 ? [children.map(lastWord).join('|')] : command.arguments.map(argumentLabel);
  return [command.name, ...rest].join(' ');
}

function sentence(text: string, language: Language): string {
  if (language === 'zh') return /[。！？]$/.test(text) ? text : `${text}。`;
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Two columns; a left cell that is too long gets a line of its own. */
function table(rows: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...rows.map(([left]) => left.length).filter((length) => length <= 28), 0);
  return rows
    .map(([left, right]) =>
      left.length > widest ? `  ${left}\n  ${' '.repeat(widest)}  ${right}` : `  ${left.padEnd(widest)}  ${right}`,
    )
    .join('\n');
}
