import type { Lab } from '../../engine/api/types.js';
import { saveConfig } from '../i18n/config.js';
import type { Bilingual } from '../i18n/text.js';
import type { LessonView } from '../tui/lesson-view.js';
import type { Context } from './context.js';

const INPUT: Bilingual = { en: 'standard input is not a terminal', zh: '标准输入不是终端' };
const OUTPUT: Bilingual = { en: 'standard output is not a terminal', zh: '标准输出不是终端' };

/** Where the full screen can be shown: on a terminal whose cursor can be moved; a terminal that cannot gets lines. */
export type Surface = { readonly kind: 'screen' } | { readonly kind: 'lines' | 'none'; readonly why: Bilingual };

/** A small window is no obstacle: it can be made larger, and the screen says so. */
export function surfaceOf({ stdin, stdout, env }: Pick<Context, 'stdin' | 'stdout' | 'env'>): Surface {
  if (stdin.isTTY !== true) return { kind: 'none', why: INPUT };
  if (stdout.isTTY !== true) return { kind: 'none', why: OUTPUT };
  const term = env['TERM'] ?? '';
  if (term !== '' && term !== 'dumb') return { kind: 'screen' };
  const name = term === '' ? '' : `=${term}`;
  return {
    kind: 'lines',
    why: { en: `this terminal cannot move its cursor (TERM${name})`, zh: `此终端无法移动光标（TERM${name}）` },
  };
}

export interface Shown {
  readonly lab: Lab;
  readonly lesson?: LessonView;
  /** Begin with a container being born. */
  readonly birth?: boolean;
  /** What must be ended before the process ends by a signal or a crash. */
  readonly cleanup: () => Promise<void>;
}

/** The full screen, until the person leaves it; the terminal is as it was when this returns. */
export async function showScreen({ lab, lesson, birth, cleanup }: Shown, context: Context): Promise<void> {
  const [{ runApp }, { picturePanels }, { detectTerminal }] = await Promise.all([
    import('../tui/run-app.js'),
    import('../tui/picture/index.js'),
    import('../tui/screen/terminal.js'),
  ]);
  const handle = runApp({
    lab,
    lang: context.language,
    ...(lesson === undefined ? {} : { lesson }),
    ...(birth === undefined ? {} : { birth }),
    panels: picturePanels(),
    traits: detectTerminal(context.color ? context.env : { ...context.env, NO_COLOR: '1' }),
    onLang: (language) => saveConfig(context.env, { language }),
    cleanup,
  });
  await handle.closed;
}
