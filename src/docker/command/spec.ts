/** How the value of a flag is read: the types of docker's flags (pflag and docker/cli/opts). */
export type FlagKind =
  | 'bool'
  | 'string'
  | 'list'
  | 'strings'
  | 'map'
  | 'int'
  | 'uint'
  | 'uint16'
  | 'bytes'
  | 'duration'
  | 'decimal'
  | 'filter'
  | 'mount'
  | 'network'
  | 'ulimit'
  | 'gpu';

export interface FlagSpec {
  readonly name: string;
  readonly short: string | null;
  readonly kind: FlagKind;
  readonly text: string;
  /** The default value, as help prints it. */
  readonly initial?: string;
  /** Understood, but not in help: an old name. */
  readonly hidden?: boolean;
  /** Known, and answered with a sentence that says that it does not exist here. */
  readonly refused?: boolean;
}

export interface CommandSpec {
  /** The full name first, then the others: `container ls`, `container list`, `container ps`, `ps`. */
  readonly names: readonly string[];
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly usageMore?: string;
  readonly args: readonly [min: number, max: number];
  readonly text: string;
  readonly long?: string;
  /** Flags behind the first argument belong to somebody else. */
  readonly stopsAtArgument?: boolean;
  readonly flags: readonly FlagSpec[];
}

export function flag(
  name: string,
  short: string | null,
  kind: FlagKind,
  text: string,
  more: { initial?: string; hidden?: boolean; refused?: boolean } = {},
): FlagSpec {
  return { name, short, kind, text, ...more };
}

/** The help of every --format that knows no tables. */
export const TEMPLATE = `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`;

/** The help of every --format that knows tables. */
export const FORMAT = `Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`;
