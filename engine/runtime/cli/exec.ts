import { resolve } from 'node:path';
import { guard } from '../guards.js';
import { parseProcess, readJsonFile } from '../spec/parse.js';
import type { SpecCapabilities, SpecProcess } from '../spec/types.js';
import { CliError, startFailure } from './failure.js';
import { parseInteger } from './flags.js';
import { setUpIo, withSize } from './io.js';
import type { Invocation } from './main.js';
import { SignalForwarder } from './signals.js';
import { checkId, checkProcess, ioRequest, preservedFds, supervise, writePidFile } from './start-container.js';

/** runc's, so that it cannot be taken for the command's own 1. */
const EXIT_EXEC_FAILED = 255;
const SIGKILL = 9;

export async function execInContainer(invocation: Invocation): Promise<number> {
  try {
    return await exec(invocation);
  } catch (error) {
    throw new CliError(`exec failed: ${startFailure(error)}`, EXIT_EXEC_FAILED, error);
  }
}

async function exec(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  const [id = '', ...args] = invocation.args;
  checkId(id);
  const runtime = await invocation.runtime();
  const { status } = runtime.state(id);
  if (status === 'stopped') throw new CliError('cannot exec in a stopped container');
  if (status === 'paused' && !flags.bool('ignore-paused'))
    throw new CliError('cannot exec in a paused container (use --ignore-paused to override)');
  if (flags.string('process') === '' && args.length === 0) throw new CliError('process args cannot be empty');
  const process = processOf(invocation, args, () => runtime.spec(id).process);
  const cgroup = subGroups(flags.strings('cgroup'));
  const request = ioRequest(invocation, process, flags.bool('detach'));
  const preserveFds = preservedFds(flags.int('preserve-fds'), 0);
  const signals = request.detach ? null : new SignalForwarder();
  const io = await setUpIo(request);
  try {
    const running = await runtime.exec({
      id,
      process: withSize(process, io),
      stdio: io.stdio,
      ...(io.console === undefined ? {} : { console: io.console }),
      preserveFds,
      cgroup,
      ignorePaused: flags.bool('ignore-paused'),
    });
    try {
      await io.connected();
      writePidFile(invocation, running.pid);
    } catch (error) {
      running.kill(SIGKILL);
      await running.wait();
      running.dispose();
      throw error;
    }
    if (request.detach) {
      running.dispose();
      return 0;
    }
    return await supervise(running, io, signals);
  } finally {
    io.close();
    signals?.close();
  }
}

/** The container's own process with what the flags change, or the file's. */
export function processOf(
  { flags, world }: Invocation,
  args: readonly string[],
  own: () => SpecProcess | undefined,
): SpecProcess {
  const file = flags.string('process');
  if (file !== '') return checkProcess(parseProcess(readJsonFile(resolve(world.cwd, file))));
  const base = checkProcess(own());
  const [uid, gid] = userOf(flags.string('user'));
  return checkProcess({
    ...base,
    args,
    terminal: flags.bool('tty'),
    cwd: flags.string('cwd') || base.cwd,
    env: [...base.env, ...flags.strings('env')],
    capabilities: withCapabilities(base.capabilities, flags.strings('cap')),
    ...(flags.string('apparmor') === '' ? {} : { apparmorProfile: flags.string('apparmor') }),
    ...(flags.string('process-label') === '' ? {} : { selinuxLabel: flags.string('process-label') }),
    ...(flags.isSet('no-new-privs') ? { noNewPrivileges: flags.bool('no-new-privs') } : {}),
    user: {
      ...base.user,
      uid: uid ?? base.user.uid,
      gid: gid ?? base.user.gid,
      additionalGids: [...base.user.additionalGids, ...flags.strings('additional-gids').map(additionalGid)],
    },
  });
}

function additionalGid(text: string): number {
  const gid = Number(parseInteger(text));
  if (gid < 0) throw new CliError(`additional-gids must be a positive number ${gid}`);
  return gid;
}

/** `UID[:GID]`, numbers alone: names are looked up by who calls us. */
function userOf(text: string): readonly [number | null, number | null] {
  if (text === '') return [null, null];
  const colon = text.indexOf(':');
  const uid = idOf(colon < 0 ? text : text.slice(0, colon), 'uid');
  return [uid, colon < 0 ? null : idOf(text.slice(colon + 1), 'gid')];
}

function idOf(text: string, kind: 'uid' | 'gid'): number {
  const id = Number(text);
  if (!/^[+-]?\d+$/.test(text))
    throw new CliError(
      `parsing ${text} as int for ${kind} failed: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  if (!guard('user-bounds')) return id % 2 ** 32;
  if (id < 0 || id > 0x7fffffff) throw new CliError(`${kind} ${text} is out of range: 0 to 2147483647`);
  return id;
}

/** As runc adds them: ambient only where inheritable ones are, without which the kernel refuses ambient ones. */
function withCapabilities(base: SpecCapabilities | null, added: readonly string[]): SpecCapabilities | null {
  if (added.length === 0) return base;
  const of = (set: readonly string[] | undefined): string[] => [...new Set([...(set ?? []), ...added])];
  const inheritable = base?.inheritable ?? [];
  return {
    bounding: of(base?.bounding),
    effective: of(base?.effective),
    permitted: of(base?.permitted),
    inheritable,
    ambient: inheritable.length === 0 ? (base?.ambient ?? []) : of(base?.ambient),
  };
}

/** `--cgroup [CONTROLLER,...:]PATH`: path by controller, `''` for all of them. */
export function subGroups(args: readonly string[]): Readonly<Record<string, string>> {
  const paths = new Map<string, string>();
  for (const argument of args) {
    const [before = '', path, more] = argument.split(':');
    if (more !== undefined) throw new CliError(`invalid --cgroup argument: ${argument}`);
    if (path === undefined) {
      if (args.length !== 1)
        throw new CliError(`invalid --cgroup argument: ${argument} (missing <controller>: prefix)`);
      paths.set('', before);
      continue;
    }
    for (const controller of before.split(',')) {
      if (paths.has(controller))
        throw new CliError(`invalid --cgroup argument(s): controller ${controller} specified multiple times`);
      paths.set(controller, path);
    }
  }
  return Object.fromEntries(paths);
}
