/** marked-terminal 7.3 ships no types, and @types/marked-terminal does not fit marked 18: the part of it that we use. */
declare module 'marked-terminal' {
  import type { MarkedExtension } from 'marked';

  type Paint = (text: string) => string;

  interface TerminalOptions {
    readonly heading?: Paint;
    readonly firstHeading?: Paint;
    readonly strong?: Paint;
    readonly em?: Paint;
    readonly del?: Paint;
    readonly blockquote?: Paint;
    readonly hr?: Paint;
    readonly html?: Paint;
    readonly table?: Paint;
    readonly paragraph?: Paint;
    readonly listitem?: Paint;
    readonly tableOptions?: {
      readonly style?: { readonly head?: readonly string[]; readonly border?: readonly string[] };
    };
    readonly emoji?: boolean;
    readonly showSectionPrefix?: boolean;
    readonly tab?: number;
    readonly width?: number;
    readonly reflowText?: boolean;
  }

  export function markedTerminal(options?: TerminalOptions): MarkedExtension;
}
