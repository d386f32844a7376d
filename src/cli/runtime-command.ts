import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export interface RuntimeAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run the OCI runtime's command (bin/glassbox-runtime.cjs) and read what it prints: it is a program of its own. */
export async function askRuntime(words: readonly string[]): Promise<RuntimeAnswer> {
  const { exitCode, stdout, stderr, cause } = await execa(process.execPath, [...commandOfRuntime(), ...words], {
    reject: false,
    stdin: 'ignore',
    maxBuffer: 64 << 20,
  });
  if (exitCode === undefined) throw cause ?? new Error(`glassbox-runtime did not end by itself: ${stderr}`);
  return { exitCode, stdout, stderr };
}

/** Whether the runtime knows a container of this id; also where it cannot be asked, so that it says why. */
export async function isOfRuntime(id: string): Promise<boolean> {
  const { exitCode, stdout } = await askRuntime(['list', '--quiet']);
  return exitCode !== 0 || stdout.split('\n').includes(id);
}

/** Of the sources, where these are not built. */
function commandOfRuntime(): string[] {
  if (!import.meta.url.endsWith('.ts'))
    return [fileURLToPath(new URL('../../../bin/glassbox-runtime.cjs', import.meta.url))];
  const entry = new URL('../../engine/runtime/cli/entry.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(entry)}).then(({ start }) => start(process.argv.slice(1)))`;
  return ['--import', import.meta.resolve('tsx'), '-e', code, '--'];
}
