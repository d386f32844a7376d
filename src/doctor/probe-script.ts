import type { Trial, Trials } from './types.js';

/**
 * Each trial is one command, run by a child that has user, mount, network, pid, uts and ipc namespaces of its own and
 * ends at once: whatever it makes goes with it. `needs` is the program without which it says nothing.
 */
const TRIALS: readonly { readonly name: string; readonly needs: string; readonly run: string }[] = [
  {
    name: 'tmpfs',
    needs: 'mount',
    run: 'mount -t tmpfs -o size=1m none /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m /mnt/p /mnt/s /mnt/d /mnt/q',
  },
  {
    name: 'overlay',
    needs: 'mount',
    run: 'mount -t overlay overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w,userxattr /mnt/m',
  },
  { name: 'proc', needs: 'mount', run: 'mount -t proc proc /mnt/p' },
  { name: 'sysfs', needs: 'mount', run: 'mount -t sysfs sysfs /mnt/s' },
  { name: 'devpts', needs: 'mount', run: 'mount -t devpts -o newinstance,ptmxmode=0666 devpts /mnt/d' },
  { name: 'mqueue', needs: 'mount', run: 'mount -t mqueue none /mnt/q' },
  { name: 'whiteout', needs: 'mknod', run: 'mknod /mnt/l/whiteout c 0 0' },
  { name: 'device-node', needs: 'mknod', run: 'mknod /mnt/l/null c 1 3' },
  { name: 'netns', needs: 'ip', run: 'ip link set lo up' },
  { name: 'bridge', needs: 'ip', run: 'ip link add probe-br type bridge' },
  { name: 'veth', needs: 'ip', run: 'ip link add probe-a type veth peer name probe-b' },
  { name: 'vxlan', needs: 'ip', run: 'ip link add probe-vx type vxlan id 1 dstport 4789' },
  { name: 'macvlan', needs: 'ip', run: 'ip link add probe-mv link probe-a type macvlan' },
  { name: 'tun', needs: 'ip', run: 'ip tuntap add probe-tun mode tun' },
  { name: 'ip-forward', needs: 'sysctl', run: 'sysctl -q -w net.ipv4.ip_forward=1' },
  { name: 'iptables', needs: 'iptables', run: 'iptables -t nat -A POSTROUTING -j MASQUERADE' },
  { name: 'nft', needs: 'nft', run: 'nft list ruleset' },
  { name: 'nested', needs: 'unshare', run: 'unshare --user --map-root-user true' },
  { name: 'timens', needs: 'unshare', run: 'unshare --time --boottime 1000 true' },
  { name: 'cgroupns', needs: 'unshare', run: 'unshare --cgroup true' },
  { name: 'no-new-privs', needs: 'setpriv', run: 'setpriv --no-new-privs true' },
];

const SCRIPT = `
try() {
  if ! command -v "$2" >/dev/null 2>&1; then printf '%s\\tno-tool\\t%s\\n' "$1" "$2"; return; fi
  if out=$(eval "$3" 2>&1); then printf '%s\\tok\\t\\n' "$1"
  else printf '%s\\tfailed\\t%s\\n' "$1" "$(printf %s "$out" | head -n 1)"; fi
}
${TRIALS.map(({ name, needs, run }) => `try ${name} ${needs} '${run}'`).join('\n')}
`;

/** Names of all trials: what a started child always answers for. */
export const TRIAL_NAMES: readonly string[] = TRIALS.map(({ name }) => name);

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Try everything in one child; when the child itself is refused, its words are the reason. */
export async function runTrials(env: NodeJS.ProcessEnv): Promise<Trials> {
  const flags = [
    '--user',
    '--map-root-user',
    '--mount',
    '--net',
    '--pid',
    '--uts',
    '--ipc',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const whole = await runBounded('unshare', [...flags, 'sh', '-c', SCRIPT], env);
  const parsed = parseTrials(whole.stdout);
  if (Object.keys(parsed).length > 0) return { started: true, trials: parsed };
  // A masked /proc refuses --mount-proc only: then the other trials still say what works.
  const less = await runBounded(
    'unshare',
    [...flags.filter((flag) => flag !== '--mount-proc'), 'sh', '-c', SCRIPT],
    env,
  );
  const rest = parseTrials(less.stdout);
  if (Object.keys(rest).length > 0) return { started: true, trials: rest };
  return {
    started: false,
    reason: firstLine(less.stderr) || firstLine(whole.stderr) || 'the child ended without a word',
  };
}

/** Whether newuidmap and newgidmap give us more than one id (unshare(1), --map-auto, util-linux 2.38). */
export async function tryAutoMap(env: NodeJS.ProcessEnv): Promise<Trial> {
  const { code, stderr } = await runBounded('unshare', ['--user', '--map-root-user', '--map-auto', 'true'], env);
  if (code === 0) return { outcome: 'ok', detail: '' };
  if (code === null || /unrecognized option/.test(stderr)) return { outcome: 'no-tool', detail: 'unshare --map-auto' };
  return { outcome: 'failed', detail: firstLine(stderr) };
}

/** `iptables v1.8.9 (nf_tables)`: the back end is in the version since 1.8 (iptables(8)). */
export async function readIptablesVariant(env: NodeJS.ProcessEnv): Promise<'nf_tables' | 'legacy' | null> {
  const { stdout } = await runBounded('iptables', ['--version'], env);
  const name = /\((nf_tables|legacy)\)/.exec(stdout)?.[1];
  return name === 'nf_tables' || name === 'legacy' ? name : null;
}

export function parseTrials(output: string): Record<string, Trial> {
  const trials: Record<string, Trial> = {};
  for (const line of output.split('\n')) {
    const [name = '', outcome, detail = ''] = line.split('\t');
    if (outcome === 'ok' || outcome === 'failed' || outcome === 'no-tool')
      trials[name] = { outcome, detail: printable(detail) };
  }
  return trials;
}

/** Bounds on what one program of the probe may take and say. */
const RUN_MS = 15_000;
const RUN_CHARACTERS = 1 << 20;

/**
 * A program with bounds on its time and output, ended with us; code null when it could not be started or was ended, then
 * `stderr` ends with the reason. execa is loaded here: no other command of glassbox waits for it.
 */
export async function runBounded(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  bounds: { readonly milliseconds?: number } = {},
): Promise<Run> {
  const { execa } = await import('execa');
  const ran = await execa(file, args, {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    timeout: bounds.milliseconds ?? RUN_MS,
    maxBuffer: RUN_CHARACTERS,
    killSignal: 'SIGKILL',
  });
  const code = ran.isMaxBuffer ? null : (ran.exitCode ?? null);
  return { code, stdout: ran.stdout, stderr: code === null ? `${ran.stderr}${ran.shortMessage}` : ran.stderr };
}

function firstLine(text: string): string {
  return printable(
    text
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? '',
  );
}

/** Words of a tool, without anything that a terminal would obey. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '').trim();
}
