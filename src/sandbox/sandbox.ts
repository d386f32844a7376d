import type { LabOptions } from '../../engine/api/types.js';
import { type Context, complain } from '../cli/context.js';
import { showScreen, surfaceOf } from '../cli/show-screen.js';
import type { Bilingual } from '../i18n/text.js';

const LINES: Bilingual = {
  en: '{why}; opening a plain shell in the lab instead',
  zh: '{why}；改为在实验室中打开普通 shell',
};
const NOTHING: Bilingual = {
  en: '{why}; use glassbox play -- CMD, or glassbox play --plain, which reads commands from standard input',
  zh: '{why}；可用 glassbox play -- CMD，或用 glassbox play --plain 从标准输入读取命令',
};

/** Wrong usage: the full screen was asked for where there is none. */
const EXIT_USAGE = 2;

/**
 * `glassbox play` without a command: the full screen on a fresh lab, or one shell with `--plain` and on terminals
 * that cannot be addressed.
 */
export async function openSandbox(options: LabOptions, context: Context): Promise<number> {
  if (context.plain) return plainShell(options, context);
  const surface = surfaceOf(context);
  if (surface.kind === 'screen') return fullScreen(options, context);
  complain(context, surface.kind === 'lines' ? LINES : NOTHING, { why: surface.why[context.language] });
  return surface.kind === 'lines' ? plainShell(options, context) : EXIT_USAGE;
}

async function fullScreen(options: LabOptions, context: Context): Promise<number> {
  const { withLab } = await import('../cli/with-lab.js');
  return withLab(options, async (lab, cleanup) => {
    await showScreen({ lab, cleanup }, context);
    return 0;
  });
}

/** One shell in a fresh lab, on the standard streams as they are; its exit status is ours. */
async function plainShell(options: LabOptions, { env, language }: Context): Promise<number> {
  const { runPassthrough } = await import('../engine-client.js');
  const lang = env['LANG'];
  return runPassthrough(['/bin/sh', '-c', 'exec "$(command -v bash || command -v sh)"'], {
    ...options,
    env: { GLASSBOX_LANG: language, ...(lang === undefined ? {} : { LANG: lang }) },
  });
}
