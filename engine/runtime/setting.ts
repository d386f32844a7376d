/** The name of our own runtime. */
export const OWN_RUNTIME = 'glassbox';

/** GLASSBOX_RUNTIME: which runtime the engine's containers are made with. Read here and nowhere else. */
export function runtimeSetting(env: NodeJS.ProcessEnv = process.env): string {
  const wish = env['GLASSBOX_RUNTIME'];
  return wish === undefined || wish === '' ? OWN_RUNTIME : wish;
}
