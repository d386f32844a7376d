import type { LabOptions } from '../../engine/api/types.js';
import { type Context, complain } from '../cli/context.js';
import type { Bilingual } from '../i18n/text.js';
import { screenObstacle, showLab } from './screen.js';

const NO_SCREEN: Bilingual = {
  en: '{why}; opening a plain shell in the lab instead',
  zh: '{why}；改为在实验室中打开普通 shell',
};
const NOTHING: Bilingual = {
  en: '{why}; use glassbox play -- CMD, or glassbox play --plain, which reads commands from standard input',
  zh: '{why}；可用 glassbox play -- 命令，或用 glassbox play --plain 从标准输入读取命令',
};

/** Wrong usage: the full screen was asked for where there is none. */
const EXIT_USAGE = 2;

/**
 * `glassbox play` without a command: the full screen on a fresh lab, or one shell with `--plain` and on terminals
 * that cannot be addressed.
 */
export async function openSandbox(options: LabOptions, context: Context): Promise<number> {
  if (context.plain) return plainShell(options, context);
  const obstacle = screenObstacle(context);
  if (obstacle === null) return showLab(options, context);
  if (context.stdin.isTTY !== true || context.stdout.isTTY !== true) {
    complain(context, NOTHING, { why: obstacle[context.language] });
    return EXIT_USAGE;
  }
  complain(context, NO_SCREEN, { why: obstacle[context.language] });
  return plainShell(options, context);
}

/** One shell in a fresh lab, on the standard streams as they are; its exit status is ours. */
async function plainShell(options: LabOptions, context: Context): Promise<number> {
  const { runPassthrough } = await import('../engine-client.js');
  const lang = context.env['LANG'];
  return runPassthrough(['/bin/sh', '-c', 'exec "$(command -v bash || command -v sh)"'], {
    ...options,
    ...(lang === undefined ? {} : { env: { LANG: lang } }),
  });
}
