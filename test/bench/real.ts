/**
 * What the real program costs, engine and view as they are installed (dist): CPU to the first paint, memory, CPU while
 * nothing happens and while one thing a second happens, kernel change to picture. Needs root; makes its own namespaces.
 * Run: `npm run build && node --import tsx test/bench/real.ts`. CPU and memory are sound on a busy machine, wall times less so.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../helpers/run-cli.js';
import { pidsOf, RealApp, sleep } from '../tui/real-app.js';

const TICK_MS = 10; // sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on
const SECONDS = Number(process.env['SECONDS_IDLE'] ?? 20);

/** proc(5): fields 14 and 15 of stat are user and system time in clock ticks. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

const quantile = (values: number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

async function idle(app: RealApp, view: number, engine: number, label: string): Promise<void> {
  const from = { view: cpuMs(view), engine: cpuMs(engine), bytes: app.bytes };
  await sleep(SECONDS * 1000);
  const share = (now: number, then: number): string => `${((now - then) / (SECONDS * 10)).toFixed(2)} %`;
  console.log(
    `${label}: view ${share(cpuMs(view), from.view)}, engine ${share(cpuMs(engine), from.engine)} CPU over ${SECONDS} s; ${app.bytes - from.bytes} bytes to the terminal`,
  );
}

async function main(): Promise<void> {
  const app = new RealApp(['play'], {
    columns: 200,
    rows: 60,
    command: [process.execPath, join(ROOT, 'bin/glassbox.mjs')],
  });
  const view = await app.pty.pid;
  await app.until((text) => text.includes('Picture') || text.includes('图景'), 'the first paint');
  console.log(`first paint: view ${cpuMs(view)} CPU-ms`);
  await app.ready();
  await sleep(3000);
  const engine = pidsOf('daemon.')[0]!;
  console.log(`memory: view ${rssMb(view).toFixed(0)} MB, engine ${rssMb(engine).toFixed(0)} MB`);
  await idle(app, view, engine, 'idle');
  app.type('clear; while sleep 1; do ip link add gbtick type bridge; ip link del gbtick; done\r');
  await sleep(2000);
  await idle(app, view, engine, 'a change and its undoing each second');
  app.type('\x03');
  app.type('clear; while sleep 1; do echo tick; done\r');
  await sleep(5000);
  await idle(app, view, engine, 'a line of output each second (1 Hz)');
  app.type('\x03');
  await sleep(5000);
  const lags: number[] = [];
  const picture = (): string => app.rows.slice(0, 28).join('\n');
  for (let n = 1; n <= 40; n++) {
    app.type(`clear; ip link add gx${n} type bridge; echo T"$EPOCHREALTIME"\r`);
    await app.until(() => picture().includes(`gx${n} `), `gx${n} in the picture`);
    const seen = Date.now();
    await app.until((text) => /T\d{10}[.,]\d{6}/.test(text), 'the time');
    lags.push(seen - Number(/T(\d{10}[.,]\d{6})/.exec(app.text)![1]!.replace(',', '.')) * 1000);
    app.type(`clear; ip link del gx${n}\r`);
    await sleep(300);
  }
  console.log(
    `kernel change to picture: p50 ${quantile(lags, 0.5).toFixed(0)} ms, p95 ${quantile(lags, 0.95).toFixed(0)} ms, most ${Math.max(...lags).toFixed(0)} ms`,
  );
  console.log(`memory: view ${rssMb(view).toFixed(0)} MB, engine ${rssMb(engine).toFixed(0)} MB`);
  await app.end();
}

if (process.env['GLASSBOX_BENCH_SANDBOX'] === '1') await main();
else {
  const done = spawnSync(
    'unshare',
    [
      ...['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc', 'sh', '-c'],
      'mount -t tmpfs tmpfs /run && "$@"; exit $?',
      ...['sandbox', process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url)],
    ],
    { stdio: 'inherit', env: { ...process.env, GLASSBOX_BENCH_SANDBOX: '1' } },
  );
  process.exitCode = done.status ?? 1;
}
