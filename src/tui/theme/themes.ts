/** The four themes. Every role is told apart by something else than its hue as well: a glyph, a word, or an attribute here. */
import type { Rgb, Role } from '../text/styled.js';

export interface RoleLook {
  readonly fg?: Rgb;
  readonly bg?: Rgb;
  /** Palette entry 0…15 used where only sixteen colours exist. */
  readonly ansi?: number;
  readonly ansiBg?: number;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly underline?: boolean;
  readonly inverse?: boolean;
  readonly italic?: boolean;
}

export type ThemeId = 'dark' | 'light' | 'high-contrast' | 'mono';
export const THEME_IDS: readonly ThemeId[] = ['dark', 'light', 'high-contrast', 'mono'];

export interface Theme {
  readonly id: ThemeId;
  /** Text and background of the whole screen, null: the terminal's own. */
  readonly fg: Rgb | null;
  readonly bg: Rgb | null;
  readonly ansiFg: number;
  readonly ansiBg: number;
  readonly roles: Readonly<Record<Role, RoleLook>>;
}

/** Attributes that a role has in every theme. */
const ATTRIBUTES: Readonly<Partial<Record<Role, Omit<RoleLook, 'fg' | 'bg' | 'ansi' | 'ansiBg'>>>> = {
  strong: { bold: true },
  heading: { bold: true },
  link: { underline: true },
  quote: { italic: true },
  key: { bold: true },
  error: { bold: true },
  added: { bold: true },
  changed: { bold: true, underline: true },
  'frame-focus': { bold: true },
  'title-focus': { bold: true },
  'bar-key': { bold: true },
  selected: { bold: true },
};

/** What mono adds, where colour alone would have told the difference. */
const MONO: Readonly<Partial<Record<Role, RoleLook>>> = {
  muted: { dim: true },
  code: { bold: true },
  accent: { bold: true },
  warn: { bold: true },
  added: { inverse: true },
  removed: { dim: true, underline: true },
  ghost: { dim: true, italic: true },
  selected: { inverse: true },
  'title-focus': { inverse: true },
  bar: { inverse: true },
  'bar-key': { inverse: true, bold: true },
  'gauge-rest': { dim: true },
};

type Palette = Readonly<Record<Role, readonly [fg: Rgb, ansi: number, bg?: Rgb, ansiBg?: number]>>;

function roles(palette: Palette): Record<Role, RoleLook> {
  const looks = {} as Record<Role, RoleLook>;
  for (const role of Object.keys(palette) as Role[]) {
    const [fg, ansi, bg, ansiBg] = palette[role];
    looks[role] = {
      fg,
      ansi,
      ...(bg === undefined ? {} : { bg }),
      ...(ansiBg === undefined ? {} : { ansiBg }),
      ...ATTRIBUTES[role],
    };
  }
  return looks;
}

const DARK: Palette = {
  text: [0xd4d7dd, 7],
  muted: [0x9aa1ad, 7],
  strong: [0xffffff, 15],
  accent: [0x7fc8ff, 14],
  heading: [0xffd27f, 11],
  code: [0xa8e0a0, 10],
  'code-frame': [0x8a93a3, 7],
  link: [0x8ab8ff, 12],
  quote: [0xb9c0cc, 7],
  key: [0xffd27f, 11],
  ok: [0x7ddc8b, 10],
  warn: [0xffc05c, 11],
  error: [0xff8a80, 9],
  info: [0x7fc8ff, 14],
  added: [0x8ff0a0, 10],
  changed: [0xffd75f, 11],
  removed: [0xff9b90, 9],
  ghost: [0x959fb5, 7],
  selected: [0xffffff, 15, 0x2f4a6d, 4],
  frame: [0x7d8796, 7],
  'frame-focus': [0x7fc8ff, 14],
  title: [0xaab1bd, 7],
  'title-focus': [0xffffff, 15],
  bar: [0xd4d7dd, 7, 0x2a303a, 0],
  'bar-key': [0xffd27f, 11, 0x2a303a, 0],
  gauge: [0x7fc8ff, 14],
  'gauge-rest': [0x7d8796, 7],
  net: [0x7fc8ff, 14],
  bridge: [0xffc05c, 11],
  wire: [0xa8e0a0, 10],
  pid: [0xf0a0d8, 13],
  mnt: [0xa8e0a0, 10],
  uts: [0xe0d27a, 11],
  ipc: [0xc9b0ff, 13],
  user: [0xff9b90, 9],
  cgroup: [0x7ddccd, 14],
  time: [0xaab1bd, 7],
  'series-1': [0x7fc8ff, 14],
  'series-2': [0xffc05c, 11],
  'series-3': [0xa8e0a0, 10],
  'series-4': [0xf0a0d8, 13],
};

const LIGHT: Palette = {
  text: [0x24292f, 0],
  muted: [0x57606a, 0],
  strong: [0x000000, 0],
  accent: [0x0550ae, 4],
  heading: [0x7a3e00, 5],
  code: [0x116329, 2],
  'code-frame': [0x6a737d, 0],
  link: [0x0550ae, 4],
  quote: [0x57606a, 0],
  key: [0x7a3e00, 5],
  ok: [0x116329, 2],
  warn: [0x7d4e00, 5],
  error: [0xa40e26, 1],
  info: [0x0550ae, 4],
  added: [0x116329, 2],
  changed: [0x7d4e00, 5],
  removed: [0xa40e26, 1],
  ghost: [0x5f6772, 0],
  selected: [0x000000, 15, 0xbfdcff, 4],
  frame: [0x6a737d, 0],
  'frame-focus': [0x0550ae, 4],
  title: [0x57606a, 0],
  'title-focus': [0x000000, 0],
  bar: [0x24292f, 15, 0xd8dee4, 0],
  'bar-key': [0x5f2f00, 11, 0xd8dee4, 0],
  gauge: [0x0550ae, 4],
  'gauge-rest': [0x6a737d, 0],
  net: [0x0550ae, 4],
  bridge: [0x7d4e00, 5],
  wire: [0x116329, 2],
  pid: [0x8a1f6a, 5],
  mnt: [0x116329, 2],
  uts: [0x6a5200, 5],
  ipc: [0x5a32a3, 5],
  user: [0xa40e26, 1],
  cgroup: [0x0b5d5d, 6],
  time: [0x57606a, 0],
  'series-1': [0x0550ae, 4],
  'series-2': [0x7d4e00, 5],
  'series-3': [0x116329, 2],
  'series-4': [0x8a1f6a, 5],
};

const HIGH_CONTRAST: Palette = {
  text: [0xffffff, 15],
  muted: [0xd0d0d0, 7],
  strong: [0xffffff, 15],
  accent: [0x66e0ff, 14],
  heading: [0xffff66, 11],
  code: [0x80ff80, 10],
  'code-frame': [0xd0d0d0, 7],
  link: [0x99ccff, 14],
  quote: [0xe0e0e0, 7],
  key: [0xffff66, 11],
  ok: [0x66ff66, 10],
  warn: [0xffd500, 11],
  error: [0xff9f9f, 15],
  info: [0x66e0ff, 14],
  added: [0x66ff66, 10],
  changed: [0xffff00, 11],
  removed: [0xffb0b0, 15],
  ghost: [0xc8c8d8, 7],
  selected: [0x000000, 0, 0xffff00, 11],
  frame: [0xd0d0d0, 7],
  'frame-focus': [0xffff00, 11],
  title: [0xe0e0e0, 7],
  'title-focus': [0x000000, 0, 0xffff00, 11],
  bar: [0x000000, 0, 0xffffff, 15],
  'bar-key': [0x000000, 0, 0xffff00, 11],
  gauge: [0x66e0ff, 14],
  'gauge-rest': [0xb0b0b0, 7],
  net: [0x66e0ff, 14],
  bridge: [0xffd500, 11],
  wire: [0x80ff80, 10],
  pid: [0xffb3ec, 15],
  mnt: [0x80ff80, 10],
  uts: [0xffff66, 11],
  ipc: [0xd9c8ff, 15],
  user: [0xffb0b0, 15],
  cgroup: [0x7fffe8, 14],
  time: [0xd0d0d0, 7],
  'series-1': [0x66e0ff, 14],
  'series-2': [0xffd500, 11],
  'series-3': [0x80ff80, 10],
  'series-4': [0xffb3ec, 15],
};

function monoRoles(): Record<Role, RoleLook> {
  const looks = {} as Record<Role, RoleLook>;
  for (const role of Object.keys(DARK) as Role[]) looks[role] = { ...ATTRIBUTES[role], ...MONO[role] };
  return looks;
}

export const THEMES: Readonly<Record<ThemeId, Theme>> = {
  dark: { id: 'dark', fg: 0xd4d7dd, bg: 0x14171c, ansiFg: 7, ansiBg: 0, roles: roles(DARK) },
  light: { id: 'light', fg: 0x24292f, bg: 0xfbfbfa, ansiFg: 0, ansiBg: 15, roles: roles(LIGHT) },
  'high-contrast': {
    id: 'high-contrast',
    fg: 0xffffff,
    bg: 0x000000,
    ansiFg: 15,
    ansiBg: 0,
    roles: roles(HIGH_CONTRAST),
  },
  mono: { id: 'mono', fg: null, bg: null, ansiFg: -1, ansiBg: -1, roles: monoRoles() },
};
