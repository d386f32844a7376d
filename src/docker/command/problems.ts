import { CliError, EXIT_USAGE } from '../errors.js';
import type { CommandSpec } from './spec.js';

/** Docker's sentences about a command line that is wrong. */

const usageOf = (spec: CommandSpec, called: string): string =>
  `Usage:  docker ${`${called} ${spec.usage}`.trim()}${spec.usageMore === undefined ? '' : `\n${spec.usageMore}`}`;

export function flagError(spec: CommandSpec, called: string, message: string): CliError {
  return new CliError(
    `${message}\n\n${usageOf(spec, called)}\n\nRun 'docker ${called} --help' for more information`,
    EXIT_USAGE,
  );
}

/** Null: there are neither too few nor too many arguments. */
export function argumentError(spec: CommandSpec, called: string, count: number): CliError | null {
  const [least, most] = spec.args;
  if (count >= least && count <= most) return null;
  const plural = (number: number): string => `${number} argument${number === 1 ? '' : 's'}`;
  let say = `requires at least ${least} and at most ${plural(most)}`;
  let see = 'Run';
  if (most === 0) say = 'accepts no arguments';
  else if (most === Number.POSITIVE_INFINITY) {
    say = `requires at least ${plural(least)}`;
    see = 'See';
  } else if (least === most) say = `requires ${plural(most)}`;
  else if (least === 0) say = `requires at most ${plural(most)}`;
  return new CliError(
    `docker: 'docker ${called}' ${say}\n\n${usageOf(spec, called)}\n\n${see} 'docker ${called} --help' for more information`,
  );
}

export function unknownCommand(name: string, group: string | null): CliError {
  const usage = group === null ? '' : `Usage:  docker ${group}\n\n`;
  return new CliError(
    `docker: unknown command: docker ${name}\n\n${usage}Run 'docker ${group === null ? '' : `${group} `}--help' for more information`,
  );
}

export function refusedFlag(name: string): CliError {
  return new CliError(`docker: --${name} is not supported by this command`, EXIT_USAGE);
}
