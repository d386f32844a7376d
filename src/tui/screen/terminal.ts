/** What the outer terminal can do, from its environment. Nothing is asked of it: no answer can arrive late or get lost. */

/** How colours are sent. */
export type ColourDepth = 'truecolor' | '256' | '16' | 'mono';

export interface TerminalTraits {
  /** The terminal type that blessed is told; its own parser understands only a few of today's terminfo files. */
  readonly blessedTerminal: string;
  readonly depth: ColourDepth;
  /** False on the Linux console and old hardware: box drawing and CJK are then replaced. */
  readonly unicode: boolean;
  /** Whether it has an alternate screen, a mouse and can be addressed at all. `dumb` has not. */
  readonly addressable: boolean;
  readonly altScreen: boolean;
  readonly mouse: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

const TRUECOLOR_TERMS = /(direct|truecolor|24bit|kitty|ghostty|wezterm|alacritty|foot|contour|iterm|rio)/;
const HARDWARE_TERMS = /^(vt\d|ansi|sun|wyse|hp|cons)/;

function colourDepth(term: string, env: Env): ColourDepth {
  // https://no-color.org: set and not empty.
  if ((env['NO_COLOR'] ?? '') !== '' || HARDWARE_TERMS.test(term) || term === 'dumb') return 'mono';
  if (term === 'linux') return '16';
  if (/^(truecolor|24bit)$/.test(env['COLORTERM'] ?? '') || TRUECOLOR_TERMS.test(term)) return 'truecolor';
  if (/-16color$/.test(term) || /-8color$/.test(term)) return '16';
  if (/-mono$|-m$/.test(term)) return 'mono';
  return '256';
}

/**
 * LANG plays no part: inside containers it is usually unset or C although the terminal in front of the person speaks
 * UTF-8, as practically all do that are not hardware.
 */
export function detectTerminal(env: Env): TerminalTraits {
  const term = (env['TERM'] ?? '').toLowerCase() || 'dumb';
  const hardware = HARDWARE_TERMS.test(term);
  return {
    blessedTerminal: 'xterm-256color',
    depth: colourDepth(term, env),
    unicode: !hardware && term !== 'dumb',
    addressable: term !== 'dumb',
    altScreen: !hardware,
    mouse: !hardware && term !== 'linux',
  };
}
