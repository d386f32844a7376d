/**
 * How long a lab host takes until a command in it has run, against `unshare -mnpuif true` and, where dockerd is installed,
 * `docker run`, in one run and in a sandbox of its own. Needs root. Prints medians and ratios; judges nothing.
 *
 *     node --import tsx test/bench/labhost.ts [rounds]
 */
import { spawnSync } from 'node:child_process';

import { fileURLToPath } from 'node:url';
import { Labs } from '../../engine/labhost/labs.js';

const rounds = Number(process.argv[2] ?? 20);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function timed(run: () => unknown): Promise<number> {
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

function command(program: string, args: readonly string[]): void {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr}`);
}

/** dockerd in this sandbox, with an image of busybox; null where it cannot run. */
function startDocker(): { stop(): void } | null {
  const group = `glassbox-bench-${process.pid}`;
  const script = `
    command -v dockerd >/dev/null || exit 3
    ip link set lo up
    mkdir -p /run/bench && mount -t tmpfs tmpfs /run/bench && cd /run/bench && mkdir data exec root root/bin
    cp /bin/busybox root/bin/ && ln -s busybox root/bin/true
    dockerd --data-root /run/bench/data --exec-root /run/bench/exec -p /run/bench/pid -H unix:///run/bench/sock --cgroup-parent /${group} --bridge none --iptables=false >/run/bench/log 2>&1 &
    for i in $(seq 150); do docker -H unix:///run/bench/sock version >/dev/null 2>&1 && break; sleep 0.1; done
    tar -C root -c . | docker -H unix:///run/bench/sock import - bench >/dev/null 2>&1 || { tail -3 /run/bench/log >&2; exit 4; }`;
  const done = spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
  if (done.status !== 0) {
    console.log(
      `docker run: not measured (${done.status === 3 ? 'dockerd is not installed' : done.stderr.trim().slice(0, 300)})`,
    );
    return null;
  }
  return {
    stop: () => {
      spawnSync('sh', [
        '-c',
        'kill $(cat /run/bench/pid); for i in $(seq 100); do [ -e /run/bench/pid ] || break; sleep 0.1; done',
      ]);
      spawnSync('sh', ['-c', `find /sys/fs/cgroup -depth -type d -path '*/${group}*' -exec rmdir {} \\; 2>/dev/null`]);
    },
  };
}

async function main(): Promise<void> {
  const labs = new Labs();
  const docker = startDocker();
  const lab: number[] = [];
  const unshare: number[] = [];
  const run: number[] = [];
  try {
    for (let i = -1; i < rounds; i++) {
      const made = await labs.create();
      const u = await timed(() => command('unshare', ['-mnpuif', 'true']));
      const d =
        docker === null
          ? Number.NaN
          : await timed(() =>
              command('docker', [
                '-H',
                'unix:///run/bench/sock',
                'run',
                '--rm',
                '--network',
                'none',
                'bench',
                '/bin/true',
              ]),
            );
      await labs.remove(made.info.id);
      if (i < 0) continue; // a warm-up round
      lab.push(made.info.readyMs);
      unshare.push(u);
      run.push(d);
    }
  } finally {
    await labs.close();
    docker?.stop();
  }
  const rows: [string, readonly number[]][] = [
    ['lab host, first command run', lab],
    ['unshare -mnpuif true', unshare],
    ['docker run --rm --network none', run],
  ];
  for (const [name, values] of rows) {
    if (values.some(Number.isNaN)) continue;
    console.log(
      `${name.padEnd(34)} median ${median(values).toFixed(1).padStart(7)} ms   lab/this ${(median(lab) / median(values)).toFixed(2)}`,
    );
  }
}

if (process.env['GLASSBOX_BENCH_SANDBOX'] === '1') await main();
else {
  const inner = spawnSync(
    'unshare',
    [
      '--mount',
      '--pid',
      '--net',
      '--uts',
      '--ipc',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--',
      'sh',
      '-c',
      'mount -t tmpfs tmpfs /run && "$@"',
      'bench',
      process.execPath,
      '--import',
      'tsx',
      fileURLToPath(import.meta.url),
      String(rounds),
    ],
    { stdio: 'inherit', env: { ...process.env, GLASSBOX_BENCH_SANDBOX: '1' }, timeout: 300_000 },
  );
  process.exitCode = inner.status ?? 1;
}
