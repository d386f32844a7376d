import { COMMAND_LINE } from './commands.js';
import { complain, languageOf, makeContext, processWorld, type World } from './context.js';
import { parse } from './parse.js';
import { type Invocation, UsageError } from './spec.js';

/** Wrong usage; every other failure is 1, and `play -- CMD` has its own. */
const EXIT_USAGE = 2;

/**
 * The `glassbox` command. Heavy parts (screen, lessons, engine) are imported only by the command that needs them, so
 * that help and completion answer at once.
 * @param argv the words after the program's name
 * @returns the exit status
 */
export async function main(argv: readonly string[], world: World = processWorld): Promise<number> {
  world.stdout.on('error', leaveWithReader);
  let invocation: Invocation;
  try {
    invocation = parse(COMMAND_LINE, argv);
  } catch (error) {
    if (error instanceof UsageError) return usage(error, argv, world);
    throw error;
  }
  const context = makeContext(invocation.options, world);
  if (invocation.options['version'] !== undefined) {
    const { version } = await import('./version.js');
    world.stdout.write(`glassbox ${version()}\n`);
    return 0;
  }
  if (invocation.options['help'] !== undefined) {
    const { helpText } = await import('./help.js');
    world.stdout.write(helpText(COMMAND_LINE, invocation.command, context.language));
    return 0;
  }
  if (context.configProblem !== null) complain(context, context.configProblem);
  try {
    const { dispatch } = await import('./dispatch.js');
    return await dispatch(invocation, context);
  } catch (error) {
    if (error instanceof UsageError) return usage(error, argv, world);
    const { reportFailure } = await import('./report-failure.js');
    return reportFailure(error, context);
  }
}

async function usage(error: UsageError, argv: readonly string[], world: World): Promise<number> {
  const speaker = { stderr: world.stderr, language: languageOf(argv, world) };
  const name = error.command === null || error.command.name === '' ? 'glassbox' : `glassbox ${error.command.name}`;
  complain(speaker, error.text);
  complain(speaker, { en: "try '{name} --help'", zh: '可运行“{name} --help”查看用法' }, { name });
  return EXIT_USAGE;
}

/**
 * The reader of our output is gone (`glassbox observe | head`): end as a program without a handler for SIGPIPE would,
 * with 128 + 13. Node ignores that signal, so it is done here; the engine ends with us.
 */
function leaveWithReader(error: Error): void {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
  process.exit(141);
}
