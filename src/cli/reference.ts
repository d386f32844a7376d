import { optionLabel, usageLine } from './help.js';
import type { CommandLineSpec, CommandSpec, OptionSpec } from './spec.js';

/** docs/cli.md: every command and option, in both languages, from the table that the parser reads. */
export function referencePage(spec: CommandLineSpec): string {
  const head = `# The command line / 命令行参考

This page is made from \`src/cli/commands.ts\`; a test fails when they differ.
本页由 \`src/cli/commands.ts\` 生成；二者不一致时测试会失败。

Exit status: 0 done, 1 failed, 2 wrong usage. \`play -- CMD\`: that of CMD; 125 no lab, 126 CMD cannot be executed, 127 CMD not found, 128+N signal N.
退出状态：0 完成，1 失败，2 用法错误。\`play -- CMD\`：即 CMD 的退出状态；125 无法创建实验室，126 CMD 无法执行，127 找不到 CMD，128+N 被信号 N 终止。

Environment: \`GLASSBOX_LANG\` (en, zh), \`NO_COLOR\`, \`XDG_CONFIG_HOME\`, and the locale (\`LC_ALL\`, \`LC_MESSAGES\`, \`LANG\`).
环境变量：\`GLASSBOX_LANG\`（en、zh）、\`NO_COLOR\`、\`XDG_CONFIG_HOME\`，以及 locale（\`LC_ALL\`、\`LC_MESSAGES\`、\`LANG\`）。`;
  const globals = `## Options of every command / 通用选项\n\n${optionTable(spec.globals)}`;
  return `${[head, globals, ...spec.commands.map((command) => section(spec, command))].join('\n\n')}\n`;
}

function section(spec: CommandLineSpec, command: CommandSpec): string {
  const parts = [
    `## ${`${spec.program} ${command.name}`.trim()}`,
    `\`\`\`\n${usageLine(spec, command)}\n\`\`\``,
    `${command.text.en}\n\n${command.text.zh}`,
  ];
  if (command.options.length > 0) parts.push(optionTable(command.options));
  for (const note of command.notes ?? []) parts.push(`${note.en}\n\n${note.zh}`);
  for (const { line, text } of command.examples ?? []) parts.push(`\`${line}\`: ${text.en} / ${text.zh}`);
  return parts.join('\n\n');
}

function optionTable(options: readonly OptionSpec[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = options.map((option) => {
    const short = option.short === undefined ? '' : `\`-${option.short}\`, `;
    return `| ${cell(`${short}\`${optionLabel(option)}\``)} | ${cell(option.text.en)} | ${cell(option.text.zh)} |`;
  });
  return ['| option | meaning | 含义 |', '|---|---|---|', ...rows].join('\n');
}
