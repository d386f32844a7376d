/** One command line at the lab's prompt. */
export interface Step {
  readonly line: string;
  /** Typed at the prompts of the shell that the command opens: one after the other; the last one leaves it. */
  readonly inside?: readonly string[];
  /** All of these are in what appears. */
  readonly see?: readonly RegExp[];
  readonly unseen?: RegExp;
  /** What it ends with; 0 if not said. */
  readonly exit?: number;
  /** Ctrl-C after this has appeared: the command would go on for ever. */
  readonly until?: RegExp;
}
