/**
 * What the full-screen view costs: CPU to the first paint, memory, CPU when idle and at 1 Hz, bytes and CPU a frame, key to
 * echo. Run: `node --import tsx test/bench/tui.ts`. Bytes and CPU are sound on a busy machine, wall times are not.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';
import { build } from 'esbuild';
import { openPty } from '../helpers/pty.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TICKS_PER_SECOND = 100;

interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** proc(5): fields 14 and 15 of stat are user and system time in clock ticks. */
function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
  return { cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND, rssMb: Number(rss) / 1024 };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const quantile = (values: number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

async function until(condition: () => boolean, ms = 15_000): Promise<number> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > ms) throw new Error('waited in vain');
    await sleep(1);
  }
  return performance.now() - start;
}

/** The fixture as plain JavaScript beside the packages, as `npm start` runs the view: no loader that compiles. */
async function compile(directory: string): Promise<string> {
  const outfile = join(directory, 'app.mjs');
  await build({
    entryPoints: [join(ROOT, 'test/tui/fixtures/app.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    outfile,
    splitting: false,
    define: { 'import.meta.url': JSON.stringify(new URL('../helpers/fake-lab.ts', import.meta.url).href) },
  });
  return outfile;
}

async function measure(app: string, columns: number, rows: number, env: Record<string, string>): Promise<void> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const pty = openPty([process.execPath, app], {
    columns,
    rows,
    cwd: ROOT,
    env: { ...process.env, TERM: 'xterm-256color', COLORTERM: 'truecolor', APP_LESSON: '1', APP_LANG: 'zh', ...env },
  });
  let bytes = 0;
  pty.onData((chunk) => {
    bytes += chunk.length;
    terminal.write(chunk);
  });
  const text = (): string =>
    Array.from(
      { length: rows },
      (_, y) => terminal.buffer.active.getLine(terminal.buffer.active.viewportY + y)?.translateToString(true) ?? '',
    ).join('\n');
  const start = performance.now();
  const pid = await pty.pid;
  await until(() => bytes > 1000);
  const paintWall = performance.now() - start;
  const paint = usage(pid);
  await until(() => text().includes('lab$'));
  const promptWall = performance.now() - start;
  await sleep(1500);
  const idleFrom = usage(pid);
  const idleBytes = bytes;
  await sleep(10_000);
  const idle = usage(pid);
  const label = `${columns}x${rows}`.padEnd(8);
  console.log(
    `${label} first paint ${paint.cpuMs} CPU-ms (${paintWall.toFixed(0)} ms wall), prompt ${promptWall.toFixed(0)} ms, RSS ${idle.rssMb.toFixed(0)} MB`,
  );
  console.log(
    `${label} ${env['APP_TICK'] === undefined ? 'idle' : 'at 1 Hz'}: ${((idle.cpuMs - idleFrom.cpuMs) / 100).toFixed(2)} % CPU, ${bytes - idleBytes} bytes in 10 s`,
  );
  const latencies: number[] = [];
  const sizes: number[] = [];
  let typed = '';
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
    typed += letter;
    const before = bytes;
    const at = performance.now();
    pty.write(letter);
    await until(() => text().includes(typed));
    latencies.push(performance.now() - at);
    await sleep(30);
    sizes.push(bytes - before);
  }
  console.log(
    `${label} key to echo p50 ${quantile(latencies, 0.5).toFixed(1)} ms, p95 ${quantile(latencies, 0.95).toFixed(1)} ms; bytes a key p50 ${quantile(sizes, 0.5)}, most ${Math.max(...sizes)}`,
  );
  pty.write('\x15');
  const floodFrom = { bytes, ...usage(pid) };
  pty.write('seq 200000; echo DO""NE\r');
  const seconds = (await until(() => /^DONE/m.test(text().replace(/[│┃]/g, '\n')), 60_000)) / 1000;
  const floodTo = usage(pid);
  console.log(
    `${label} seq 200000: ${seconds.toFixed(2)} s, ${((bytes - floodFrom.bytes) / 1024).toFixed(0)} KiB written, ${(floodTo.cpuMs - floodFrom.cpuMs).toFixed(0)} CPU-ms, RSS ${floodTo.rssMb.toFixed(0)} MB`,
  );
  pty.close();
  await pty.exited;
}

const directory = mkdtempSync(join(ROOT, 'node_modules/.bench-'));
try {
  const app = await compile(directory);
  for (const [columns, rows] of [
    [80, 24],
    [200, 60],
  ] as const)
    await measure(app, columns, rows, {});
  await measure(app, 200, 60, { APP_TICK: '1', APP_PICTURE: '1' });
} finally {
  rmSync(directory, { recursive: true });
}
