import type { Lab, LabOptions } from '../../engine/api/types.js';
import type { Context } from '../cli/context.js';
import { saveConfig } from '../i18n/config.js';
import type { Bilingual } from '../i18n/text.js';

const WHY = {
  input: { en: 'standard input is not a terminal', zh: '标准输入不是终端' },
  output: { en: 'standard output is not a terminal', zh: '标准输出不是终端' },
  dumb: { en: 'this terminal cannot move its cursor (TERM={term})', zh: '此终端无法移动光标（TERM={term}）' },
} as const satisfies Record<string, Bilingual>;

/** Why the full screen cannot be shown here, null when it can. A small window is no obstacle: it can be made larger. */
export function screenObstacle({ stdin, stdout, env }: Context): Bilingual | null {
  if (stdin.isTTY !== true) return WHY.input;
  if (stdout.isTTY !== true) return WHY.output;
  const term = env['TERM'] ?? '';
  if (term !== '' && term !== 'dumb') return null;
  return { en: WHY.dumb.en.replace('{term}', term), zh: WHY.dumb.zh.replace('{term}', term) };
}

/** The full screen on a fresh lab, until the person leaves it or the lab is gone. */
export async function showLab(options: LabOptions, context: Context): Promise<number> {
  const { connectEngine } = await import('../engine-client.js');
  const engine = await connectEngine();
  try {
    const lab: Lab = await engine.createLab(options);
    const [{ runApp }, { picturePanels }, { detectTerminal }] = await Promise.all([
      import('../tui/run-app.js'),
      import('../tui/picture/index.js'),
      import('../tui/screen/terminal.js'),
    ]);
    const handle = runApp({
      lab,
      lang: context.language,
      panels: picturePanels(),
      traits: detectTerminal(context.color ? context.env : { ...context.env, NO_COLOR: '1' }),
      onLang: (language) => saveConfig(context.env, { language }),
      cleanup: () => engine.close(),
    });
    await handle.closed;
    return 0;
  } finally {
    await engine.close();
  }
}
