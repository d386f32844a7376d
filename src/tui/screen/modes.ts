/**
 * Terminal modes that the view needs, and their exact undoing. Both are constant strings, so that `leave` can be
 * written by a signal handler at any moment, even in the middle of a frame. xterm control sequences (ctlseqs), DEC private modes.
 */
import type { TerminalTraits } from './terminal.js';

const MOUSE_ON = '\x1b[?1000h\x1b[?1002h\x1b[?1006h';
const MOUSE_OFF = '\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l';

/** Alternate screen (1049), bracketed paste (2004), no automatic margins (7), cursor hidden until the first frame (25). */
export function enterSequence(traits: TerminalTraits, mouse: boolean): string {
  const screen = traits.altScreen ? '\x1b[?1049h' : '';
  const paste = traits.altScreen ? '\x1b[?2004h' : '';
  return `${screen}${paste}\x1b[?7l\x1b[?25l\x1b[m\x1b[H\x1b[2J${mouse && traits.mouse ? MOUSE_ON : ''}`;
}

/**
 * Back to what a shell expects. Starts with ST, which ends any string sequence that a broken-off frame left open, and ends
 * synchronized output. Safe to send twice.
 */
export function leaveSequence(traits: TerminalTraits): string {
  const mouse = traits.mouse ? MOUSE_OFF : '';
  const screen = traits.altScreen ? '\x1b[?2004l\x1b[?1049l' : '\x1b[2J\x1b[H';
  return `\x1b\\\x1b[?2026l${mouse}\x1b[m\x1b[?7h${screen}\x1b[?25h`;
}

export function mouseSequence(on: boolean): string {
  return on ? MOUSE_ON : MOUSE_OFF;
}
