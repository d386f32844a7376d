import { openSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { O } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { noteOfRecord } from '../kernel/program/note.js';
import { DEFAULT_ENV, execInLab, type LabProcess, startInLab } from '../labhost/exec.js';
import type { Labs, ManagedLab } from '../labhost/labs.js';
import { dockerDefaultSpec } from '../policy/default-spec.js';
import type { Conversation } from './conversation.js';
import type { BornContainer, ExplainedProgram, ExplainedRecord } from './types.js';

export const NEWBORN = 'newborn';
/** The bundle, in the lab. */
const BUNDLE = `/run/glassbox/${NEWBORN}`;
const MEMORY = 64n << 20n;
const PIDS = 64n;
/** What the preparing shell ends with where the lab does not see the files of this installation. */
const UNSEEN = 97;
const LINUX_ONLY_OUTSIDE = 'net.ipv4.ping_group_range';

/** Undo an earlier birth, and everything of a bundle. `"$@"` is the runtime's command. */
const CLEAN = `
"$@" delete --force ${NEWBORN} >/dev/null 2>&1
umount -l ${BUNDLE}/rootfs 2>/dev/null
rm -rf ${BUNDLE}
rmdir /run/glassbox 2>/dev/null
`;

/** A bundle whose root is an overlay: a read-only image of busybox (or a few programs of the machine) below, an empty layer on top. */
const PREPARE = `
[ -x "$1" ] && [ -e "$SEEN" ] || exit ${UNSEEN}
${CLEAN}
set -e
mkdir -p ${BUNDLE}/image/bin ${BUNDLE}/image/etc ${BUNDLE}/upper ${BUNDLE}/work ${BUNDLE}/rootfs
cd ${BUNDLE}
cat > config.json
put() {
  cp -L "$1" image/bin/
  for file in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do mkdir -p "image$(dirname "$file")"; cp -L "$file" "image$file"; done
}
if busybox=$(command -v busybox); then
  put "$busybox"
  for name in $("$busybox" --list); do [ -e "image/bin/$name" ] || ln -s busybox "image/bin/$name"; done
else
  for name in sh sleep ls cat ps id hostname mount; do put "$(command -v $name)"; done
fi
echo 'root:x:0:0:root:/:/bin/sh' > image/etc/passwd
mount -t overlay -o userxattr,lowerdir=image,upperdir=upper,workdir=work overlay rootfs 2>/dev/null || cp -a image/. rootfs/
if ! command -v glassbox-runtime >/dev/null; then
  { printf '#!/bin/sh\\nexec'; printf " '%s'" "$@"; printf ' "$@"\\n'; } > /usr/local/bin/glassbox-runtime && chmod +x /usr/local/bin/glassbox-runtime || true
fi
`;

/** Steps go over descriptor 0; the container's own streams are a file. */
const RUN = `exec 3<&0; exec "$@" run --detach --bundle ${BUNDLE} --step-fd 3 ${NEWBORN} </dev/null >${BUNDLE}/output 2>&1`;

/** Lines that the runtime writes while it is stepped through: step-wire.ts of its command line. */
type WireLine =
  | { readonly program: ExplainedProgram }
  | { readonly held: number }
  | { readonly done: ExplainedRecord }
  | { readonly undone: true };

/** Labs in which a container is being born. */
const busy = new WeakSet<ManagedLab>();

/**
 * Make a container inside a lab, record by record. The runtime itself runs in the lab, like every command there: from
 * outside nobody could make a container in the lab's namespaces. What it makes, the lab's observer sees.
 */
export async function bearContainer(labs: Labs, lab: ManagedLab, talk: Conversation): Promise<BornContainer> {
  if (busy.has(lab)) throw new EngineError('FailedPrecondition', 'a container is being born in this lab already');
  busy.add(lab);
  try {
    await inLab(labs, lab, PREPARE, config(lab));
    try {
      await step(labs, lab, talk);
    } catch (error) {
      await inLab(labs, lab, CLEAN, '');
      throw error;
    }
    return { id: NEWBORN, bundle: BUNDLE };
  } finally {
    busy.delete(lab);
    lab.poke();
  }
}

/** Docker's default config with limits that are worth seeing. */
function config(lab: ManagedLab): string {
  const spec = dockerDefaultSpec({
    rootfs: 'rootfs',
    args: ['sleep', '86400'],
    cgroup: lab.info.cgroupMode === 'v2' ? 'v2' : 'v1',
    hostname: NEWBORN,
  });
  const { [LINUX_ONLY_OUTSIDE]: _left, ...sysctl } = spec.linux.sysctl;
  const limits = lab.info.cgroupMode === 'none' ? {} : { memory: { limit: MEMORY }, pids: { limit: PIDS } };
  // a single id: no group for terminals, none to add
  const oneUser = lab.info.mode === 'one-user';
  const mounts = spec.mounts.map((mount) =>
    oneUser ? { ...mount, options: mount.options.filter((option) => !option.startsWith('gid=')) } : mount,
  );
  const process = oneUser && spec.process !== undefined ? { ...spec.process, user: { uid: 0, gid: 0 } } : spec.process;
  const linux = { ...spec.linux, sysctl, resources: { ...spec.linux.resources, ...limits } };
  return JSON.stringify({ ...spec, process, mounts, linux }, (_key, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
}

/** The runtime's command as it is called in the lab, where the machine's files are. */
function runtimeCommand(): readonly [string, ...string[]] {
  if (!import.meta.url.endsWith('.ts'))
    return [process.execPath, fileURLToPath(new URL('../../../bin/glassbox-runtime.cjs', import.meta.url))];
  const entry = new URL('../runtime/cli/entry.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(entry)}).then(({ start }) => start(process.argv.slice(1)))`;
  return [process.execPath, '--import', import.meta.resolve('tsx'), '-e', code, '--'];
}

async function inLab(labs: Labs, lab: ManagedLab, script: string, stdin: string): Promise<void> {
  const here = fileURLToPath(import.meta.url);
  const { exitCode, stderr } = await execInLab(lab.host, labs.reactor, {
    argv: ['/bin/sh', '-c', script, 'birth', ...runtimeCommand()],
    env: { SEEN: here },
    cwd: '/',
    stdin,
  });
  if (exitCode === UNSEEN)
    throw new EngineError(
      'FailedPrecondition',
      `the lab does not see ${here} or ${process.execPath}: install glassbox and Node.js outside of /root, /tmp and /run`,
    );
  if (script === PREPARE && exitCode !== 0)
    throw new EngineError('Unavailable', `the bundle could not be made in the lab: ${stderr.trim()}`);
}

async function step(labs: Labs, lab: ManagedLab, talk: Conversation): Promise<void> {
  const { kernel } = lab.host;
  const [ours, theirs] = socketPair(kernel);
  const nothing = openSync('/dev/null', 'r+');
  const wire = new Socket({ fd: ours, readable: true, writable: true });
  wire.on('error', () => wire.destroy()); // it has ended: how, its exit says
  try {
    const child = startRuntime(labs, lab, [theirs, nothing, nothing]);
    kernel.call('close', theirs); // or its end would not be seen
    const [undone, { exitCode }] = await Promise.all([tell(lab, wire, talk), child.ended]);
    if (undone) throw new EngineError('Aborted', 'the birth was stopped; everything is undone');
    if (exitCode !== 0)
      throw new EngineError('Aborted', `the container could not be made: ${await lastWords(labs, lab)}`);
  } finally {
    kernel.call('close', nothing);
    wire.destroy();
  }
}

function startRuntime(labs: Labs, lab: ManagedLab, stdio: readonly [number, number, number]): LabProcess {
  try {
    return startInLab(lab.host, labs.reactor, {
      argv: ['/bin/sh', '-c', RUN, 'birth', ...runtimeCommand()],
      env: Object.entries(DEFAULT_ENV).map(([name, value]) => `${name}=${value}`),
      cwd: '/',
      stdio,
      session: 'new',
      tty: false,
      netFd: null,
    });
  } catch (error) {
    lab.host.kernel.call('close', stdio[0]);
    throw error;
  }
}

/** Hand on what the runtime tells, and the answers to what it asks; true when it has undone everything because it was asked to. */
async function tell(lab: ManagedLab, wire: Socket, talk: Conversation): Promise<boolean> {
  let undone = false;
  for await (const text of createInterface({ input: wire })) {
    const line = JSON.parse(text) as WireLine;
    if ('undone' in line) undone = true;
    else if ('program' in line) talk.say(line);
    else if ('held' in line) {
      const answer = await talk.ask(line);
      wire.write(answer === 'next' ? 'n' : answer === 'run' ? 'c' : 'q');
    } else {
      note(lab, line.done);
      lab.poke();
      talk.say(line);
    }
  }
  return undone;
}

function note(lab: ManagedLab, record: ExplainedRecord): void {
  lab.ledger.note({
    actor: 'engine',
    domain: /mount|pivot_root|^fs/.test(record.syscall) ? 'mount' : 'syscall',
    subject: `container ${NEWBORN}`,
    ...noteOfRecord(record),
  });
}

async function lastWords(labs: Labs, lab: ManagedLab): Promise<string> {
  const { stdout } = await execInLab(lab.host, labs.reactor, {
    argv: ['tail', '-n', '1', `${BUNDLE}/output`],
    cwd: '/',
  });
  const quoted = /msg=(".*")$/.exec(stdout.trim())?.[1];
  return quoted === undefined ? stdout.trim() : (JSON.parse(quoted) as string);
}

function socketPair(kernel: Kernel): [number, number] {
  const ends = Buffer.alloc(8);
  check(kernel, 'socketpair', [1, 1 | O.CLOEXEC, 0, ends], { while: 'making a pair of sockets' });
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
}
