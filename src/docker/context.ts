import type { Language } from '../i18n/text.js';
import type { ConfigFile } from './client/config-file.js';
import type { Engine } from './client/engine.js';
import type { Flags } from './command/flags.js';
import type { CommandSpec } from './command/spec.js';
import { type Io, write } from './io.js';

/** All that a command is given. Config and engine are read when they are asked for. */
export interface Context extends Io {
  readonly spec: CommandSpec;
  /** The command's name as it was typed. */
  readonly called: string;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly globals: Flags;
  readonly language: Language;
  readonly config: ConfigFile;
  readonly engine: Engine;
}

/** Answers the exit status. */
export type Handler = (context: Context) => Promise<number>;

export const say = (context: Context, line: string): Promise<void> => write(context.stdout, `${line}\n`);
export const warn = (context: Context, line: string): Promise<void> => write(context.stderr, `${line}\n`);
