import { childrenOf } from './help.js';
import type { CommandLineSpec, CommandSpec, OptionSpec } from './spec.js';

export type Shell = 'bash' | 'zsh' | 'fish';

/** One place on the command line: the words typed so far, and what may follow them. */
interface Place {
  /** `lesson test`; empty for the program itself. */
  readonly words: string;
  readonly follow: readonly string[];
  readonly options: readonly OptionSpec[];
  /** After `--` the words of a command follow, which the shell completes by itself. */
  readonly command: boolean;
}

function places(spec: CommandLineSpec, lessons: readonly string[]): readonly Place[] {
  return spec.commands.map((command) => ({
    words: command.name,
    follow: [
      ...childrenOf(spec, command).map((child) => child.name.split(' ').at(-1)!),
      ...command.arguments.flatMap((argument) =>
        argument.kind === 'lesson' ? lessons : (argument.choices ?? argument.suggestions ?? []),
      ),
    ],
    options: [...command.options, ...spec.globals],
    command: command.arguments.some((argument) => argument.afterDashes === true),
  }));
}

/**
 * The completion script of a shell, complete in itself: nothing is run while the person types. Names of lessons are
 * those of this installation, so a script that the shell reads at its start is always right.
 */
export function completionScript(spec: CommandLineSpec, shell: Shell, lessons: readonly string[]): string {
  const make = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
  return make(spec.program, places(spec, lessons), spec);
}

const longNames = (options: readonly OptionSpec[]): string => options.map((option) => `--${option.name}`).join(' ');

/** `--lang en|zh` as a case arm of the word before. */
function valueArms(spec: CommandLineSpec): readonly { readonly name: string; readonly choices: readonly string[] }[] {
  const all = [...spec.globals, ...spec.commands.flatMap((command: CommandSpec) => command.options)];
  const seen = new Map(
    all.filter((option) => option.value !== undefined).map((option) => [option.name, option.value!.choices ?? []]),
  );
  return [...seen].map(([name, choices]) => ({ name, choices }));
}

/** The part that bash and zsh share: find the command in the words before the cursor, then list what may follow. */
function wordCases(all: readonly Place[], spec: CommandLineSpec): string {
  const values = valueArms(spec)
    .map(({ name, choices }) => `    --${name}) words='${choices.join(' ')}'; return ;;`)
    .join('\n');
  const takesValue = valueArms(spec)
    .map(({ name }) => `--${name}`)
    .join('|');
  const names = all
    .filter((place) => place.words !== '')
    .map((place) => `'${place.words}'`)
    .join('|');
  const arms = all
    .map((place) => `    '${place.words}') words='${place.follow.join(' ')}'; options='${longNames(place.options)}' ;;`)
    .join('\n');
  return `  words='' options='' after_dashes=''
  local before='' name='' word skip='' previous=''
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=''; previous=$word; continue; fi
    case $word in
      --) after_dashes=yes; return ;;
      ${takesValue}) skip=yes ;;
      -*) ;;
      *) before="\${name:+$name }$word"
         case $before in ${names}) name=$before ;; esac ;;
    esac
    previous=$word
  done
  case $previous in
${values}
  esac
  case $name in
${arms}
  esac`;
}

function bashScript(program: string, all: readonly Place[], spec: CommandLineSpec): string {
  return `# bash completion of ${program}: source <(${program} completion bash)
_${program}_words() {
${wordCases(all, spec)}
}
_${program}() {
  local words options after_dashes current=\${COMP_WORDS[COMP_CWORD]}
  _${program}_words "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  if [ -n "$after_dashes" ]; then
    COMPREPLY=($(compgen -c -- "$current"))
    return
  fi
  case $current in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -F _${program} ${program}
`;
}

function zshScript(program: string, all: readonly Place[], spec: CommandLineSpec): string {
  return `#compdef ${program}
# zsh completion of ${program}: source <(${program} completion zsh)
_${program}_words() {
${wordCases(all, spec)}
}
_${program}() {
  local words_all=("\${words[@]}") place=$CURRENT words options after_dashes
  _${program}_words "\${(@)words_all[2,place-1]}"
  if [ -n "$after_dashes" ]; then
    _command_names
    return
  fi
  case \${words_all[place]} in
    -*) compadd -- \${=options} ;;
    *) compadd -- \${=words} ;;
  esac
}
if [ "$funcstack[1]" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}

function fishScript(program: string, all: readonly Place[], spec: CommandLineSpec): string {
  const lines = [`# fish completion of ${program}: ${program} completion fish | source`, `complete -c ${program} -f`];
  for (const option of spec.globals) lines.push(`complete -c ${program} ${fishOption(option)}`);
  for (const place of all) {
    const command = spec.commands.find((one) => one.name === place.words)!;
    const condition = fishCondition(spec, command);
    if (place.follow.length > 0) lines.push(`complete -c ${program} -n '${condition}' -a '${place.follow.join(' ')}'`);
    for (const option of command.options) lines.push(`complete -c ${program} -n '${condition}' ${fishOption(option)}`);
  }
  return `${lines.join('\n')}\n`;
}

function fishOption(option: OptionSpec): string {
  const short = option.short === undefined ? '' : `-s ${option.short} `;
  const value =
    option.value === undefined
      ? ''
      : ` -x${option.value.choices === undefined ? '' : ` -a '${option.value.choices.join(' ')}'`}`;
  return `${short}-l ${option.name}${value} -d '${option.text.en.replaceAll("'", '’')}'`;
}

function fishCondition(spec: CommandLineSpec, command: CommandSpec): string {
  const names = childrenOf(spec, command).map((child) => child.name.split(' ').at(-1)!);
  const none = names.length > 0 ? `not __fish_seen_subcommand_from ${names.join(' ')}` : '';
  const seen = command.name
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => `__fish_seen_subcommand_from ${word}`);
  return [...seen, none].filter((part) => part !== '').join('; and ') || 'true';
}
