/**
 * Behavioural probes: a short program run in a place of the lab. Each only reads (or sends a packet), is bounded at two seconds, and
 * tells "the tool is missing" (could not measure) from "it does not work" (not yet).
 */
import type { ExecResult, Process, Snapshot } from '../../../engine/api/types.js';
import type { Bilingual, CheckResult, CheckSpecs, Place } from '../types.js';
import { type CheckContext, isOwn, networksAt, placeWords } from './context.js';
import { selectProcesses } from './processes.js';
import { amountWords, comma, list, matchesAmount, outcome, printable, put, same, say } from './words.js';

export const PROBE_MS = 2000;

/** How to enter a place: a prefix of the command line; null when the place is not there. */
export function enter(snapshot: Snapshot, place: Place | undefined, what: 'net' | 'all'): readonly string[] | null {
  if (place === undefined || place === 'host') return [];
  if (typeof place === 'string') {
    const namespace = snapshot.namespaces.find((one) => one.kind === 'net' && one.names.includes(place));
    const mount = namespace?.heldBy.find((holder) => holder.how === 'bind-mount' && holder.path?.endsWith(`/${place}`));
    return namespace ? ['nsenter', `--net=${mount?.path ?? `/run/netns/${place}`}`, '--'] : null;
  }
  const process = selectProcesses(snapshot, place.process)[0];
  return process ? enterProcess(snapshot, process, what) : null;
}

const NSENTER_FLAGS = {
  user: '-U',
  mnt: '-m',
  uts: '-u',
  ipc: '-i',
  net: '-n',
  pid: '-p',
  cgroup: '-C',
  time: '-T',
} as const;

/** nsenter(1) into those namespaces of a process that are not the lab host's own. */
export function enterProcess(snapshot: Snapshot, process: Process, what: 'net' | 'all'): readonly string[] {
  const kinds = what === 'net' ? (['net'] as const) : (Object.keys(NSENTER_FLAGS) as (keyof typeof NSENTER_FLAGS)[]);
  const flags = kinds
    .filter((kind) => isOwn(snapshot, kind, process.namespaces[kind]))
    .map((kind) => NSENTER_FLAGS[kind]) as string[];
  const foreign = isOwn(snapshot, 'user', process.namespaces.user) && flags.includes('-U');
  if (foreign && !process.uidMap.some((map) => map.inside === 0)) flags.push('--preserve-credentials');
  if (what === 'all' && (process.root !== '/' || flags.includes('-m'))) flags.push('-r', '-w');
  return flags.length === 0 ? [] : ['nsenter', '-t', String(process.pid), ...flags, '--'];
}

export interface Probe {
  readonly result: ExecResult | null;
  /** Set when nothing could be learnt. */
  readonly trouble: Bilingual | null;
  readonly missing: Bilingual | null;
  readonly source: string;
}

export async function probe(
  context: CheckContext,
  place: Place | undefined,
  what: 'net' | 'all',
  argv: readonly string[],
): Promise<Probe> {
  const prefix = enter(context.snapshot, place, what);
  const source = printable([...(prefix ?? []), ...argv].join(' '));
  if (prefix === null)
    return { result: null, trouble: null, missing: put('% is not there', '没有找到 %', placeWords(place)), source };
  const result = await context.exec({
    argv: [...prefix, ...argv],
    timeoutMs: PROBE_MS,
    maxOutputBytes: 64 * 1024,
    actor: 'lesson',
  });
  const tool = prefix.length > 0 ? 'nsenter' : argv[0]!;
  if (result.exitCode === 127 || result.exitCode === 126) {
    const names = result.stderr.includes(argv[0]!) ? argv[0]! : tool;
    return {
      result,
      trouble: put('the program % cannot be run here', '这里无法运行程序 %', same(names)),
      missing: null,
      source,
    };
  }
  if (/^nsenter: /m.test(result.stderr)) {
    if (/failed to execute/.test(result.stderr))
      return {
        result,
        trouble: put('the program % cannot be run here', '这里无法运行程序 %', same(argv[0]!)),
        missing: null,
        source,
      };
    if (/No such file or directory|No such process/.test(result.stderr))
      return {
        result: null,
        trouble: null,
        missing: put('% is not there any more', '% 已经不在了', placeWords(place)),
        source,
      };
    return {
      result,
      trouble: put(
        'cannot enter %: %',
        '无法进入 %：%',
        placeWords(place),
        same(result.stderr.trim().split('\n')[0] ?? ''),
      ),
      missing: null,
      source,
    };
  }
  return { result, trouble: null, missing: null, source };
}

export function settle(found: Probe, expected: Bilingual, judge: (result: ExecResult) => CheckResult): CheckResult {
  if (found.missing) return outcome('notYet', expected, found.missing, found.source);
  if (found.trouble) return outcome('couldNotMeasure', expected, found.trouble, found.source);
  return judge(found.result!);
}

function lastLine(result: ExecResult): string {
  const lines = `${result.stdout}\n${result.stderr}`
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  return printable(lines.at(-1) ?? '');
}

/** IPv4 addresses of a place that another place could try. */
function addressesOf(snapshot: Snapshot, place: Place, link: string | undefined): string[] {
  return networksAt(snapshot, place, (selector) => selectProcesses(snapshot, selector))
    .flatMap((network) => network.links)
    .filter((one) => link === undefined || one.name === link)
    .flatMap((one) => one.addresses)
    .filter((address) => address.family === 'inet' && address.scope !== 'host')
    .map((address) => address.address);
}

/** `ping`, a TCP connection, or one HTTP request, from a place to an address or to any address of a place. */
export async function checkReach(context: CheckContext, spec: CheckSpecs['reach']): Promise<CheckResult> {
  const by = {
    icmp: say('ping', 'ping 通'),
    tcp: say(`connect to TCP port ${spec.port ?? '?'} of`, `连上 TCP 端口 ${spec.port ?? '?'}：`),
    http: say(`fetch ${spec.path ?? '/'} by HTTP from`, `以 HTTP 取得 ${spec.path ?? '/'}：`),
  }[spec.by];
  const target = typeof spec.to === 'string' ? same(spec.to) : placeWords(spec.to.in);
  const expected = put('% can % %', '% 能 % %', placeWords(spec.from), by, target);
  const addresses =
    typeof spec.to === 'string' ? [spec.to] : addressesOf(context.snapshot, spec.to.in, spec.to.link).slice(0, 3);
  const port = spec.port ?? (spec.by === 'http' ? 80 : 0);
  if (addresses.length === 0)
    return outcome(
      'notYet',
      expected,
      put('% has no address to be reached at', '% 还没有可以访问的地址', target),
      'rtnetlink(7) RTM_GETADDR',
    );
  let last: CheckResult | null = null;
  for (const address of addresses) {
    if (!/^[0-9a-zA-Z.:-]+$/.test(address))
      return outcome('couldNotMeasure', expected, put('% is not an address', '% 不是地址', same(address)), 'reach');
    const found = await probe(context, spec.from, 'net', reachCommand(spec, address, port));
    last = settle(found, expected, (result) => {
      const answered = judgeReach(spec, result);
      return outcome(
        answered.passed ? 'passed' : 'notYet',
        expected,
        put('%: %', '%：%', same(address), answered.words),
        found.source,
      );
    });
    if (last.result !== 'notYet') return last;
  }
  return last!;
}

function reachCommand(spec: CheckSpecs['reach'], address: string, port: number): string[] {
  if (spec.by === 'icmp') return ['ping', '-n', '-q', '-c', '1', '-W', '1', address];
  // bash's own /dev/tcp: no other program is needed in the lab.
  if (spec.by === 'tcp') return ['timeout', '1.5', 'bash', '-c', 'exec 3<>"/dev/tcp/$0/$1"', address, String(port)];
  const request =
    'exec 3<>"/dev/tcp/$0/$1" && printf "GET %s HTTP/1.0\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n" "$2" "$0" >&3 && cat <&3';
  return ['timeout', '1.5', 'bash', '-c', request, address, String(port), spec.path ?? '/'];
}

function judgeReach(spec: CheckSpecs['reach'], result: ExecResult): { passed: boolean; words: Bilingual } {
  if (result.timedOut || result.exitCode === 124) return { passed: false, words: say('no answer', '没有应答') };
  if (spec.by === 'icmp') {
    if (result.exitCode === 0) return { passed: true, words: say('answers', '有应答') };
    const reason = /unreachable|not permitted|refused/i.exec(`${result.stdout}${result.stderr}`)
      ? lastReason(result)
      : null;
    return { passed: false, words: reason === null ? say('no answer', '没有应答') : same(reason) };
  }
  if (result.exitCode !== 0) return { passed: false, words: same(lastReason(result)) };
  if (spec.by === 'tcp') return { passed: true, words: say('the connection is accepted', '连接被接受') };
  const status = /^HTTP\/\d\.\d (\d{3})/.exec(result.stdout);
  if (!status) return { passed: false, words: say('it does not speak HTTP', '对方不是 HTTP 服务') };
  const right = matchesAmount(Number(status[1]), spec.status ?? { min: 200, max: 399 });
  const body = result.stdout.slice(result.stdout.indexOf('\r\n\r\n') + 4);
  if (!right) return { passed: false, words: put('HTTP status %', 'HTTP 状态码 %', same(status[1]!)) };
  if (spec.body !== undefined && !body.includes(spec.body))
    return { passed: false, words: put('the answer does not contain “%”', '应答里没有“%”', same(spec.body)) };
  return { passed: true, words: put('HTTP status %', 'HTTP 状态码 %', same(status[1]!)) };
}

/** The telling half of an error line such as `bash: connect: Connection refused`. */
function lastReason(result: ExecResult): string {
  const line = /([A-Z][a-z]+(?: [a-z]+)* (?:unreachable|refused|permitted|timed out))/.exec(
    `${result.stdout}\n${result.stderr}`,
  );
  return printable(line ? line[1]! : lastLine(result).replace(/^.*: /, '') || `exit ${result.exitCode}`);
}

export async function checkHostname(context: CheckContext, spec: CheckSpecs['hostname']): Promise<CheckResult> {
  const parts: Bilingual[] = [put('the host name seen by %', '% 看到的主机名', placeWords(spec.in))];
  if (spec.is !== undefined) parts.push(put('is %', '是 %', same(spec.is)));
  if (spec.differsFromHost) parts.push(say("differs from the lab host's", '与实验主机的不同'));
  const expected = { en: parts.map((part) => part.en).join(' '), zh: parts.map((part) => part.zh).join('') };
  const judge = (name: string, source: string): CheckResult => {
    const right =
      (spec.is === undefined || name === spec.is) &&
      (spec.differsFromHost !== true || name !== context.snapshot.hostname);
    return outcome(right ? 'passed' : 'notYet', expected, put('it is %', '它是 %', same(name)), source);
  };
  if (spec.in === undefined || spec.in === 'host') return judge(context.snapshot.hostname, 'uname(2)');
  // The name lives in the uts namespace: the program itself may come from the lab host, whatever root the process has.
  const process = typeof spec.in === 'string' ? undefined : selectProcesses(context.snapshot, spec.in.process)[0];
  if (!process)
    return outcome('notYet', expected, put('% is not there', '没有找到 %', placeWords(spec.in)), 'uname(2)');
  const prefix = isOwn(context.snapshot, 'uts', process.namespaces.uts)
    ? ['nsenter', '-t', String(process.pid), '-u', '--']
    : [];
  const found = await probe(context, 'host', 'all', [...prefix, 'hostname']);
  return settle(found, expected, (result) =>
    result.exitCode === 0
      ? judge(result.stdout.trim(), found.source)
      : outcome(
          /No such (file|process)/.test(result.stderr) ? 'notYet' : 'couldNotMeasure',
          expected,
          same(lastLine(result)),
          found.source,
        ),
  );
}

export async function checkSysctl(context: CheckContext, spec: CheckSpecs['sysctl']): Promise<CheckResult> {
  const wanted = String(spec.is).trim();
  const expected = put('% = % in %', '% = %（位置：%）', same(spec.key), same(wanted), placeWords(spec.in));
  const judge = (value: string, source: string): CheckResult =>
    outcome(
      value.trim().replace(/\s+/g, ' ') === wanted ? 'passed' : 'notYet',
      expected,
      same(`${spec.key} = ${value.trim()}`),
      source,
    );
  const path = `/proc/sys/${spec.key.replaceAll('.', '/')}`;
  const known = networksAt(context.snapshot, spec.in, (selector) => selectProcesses(context.snapshot, selector))
    .map((network) => network.sysctls[spec.key])
    .find((value) => value !== undefined);
  if (known !== undefined) return judge(known, path);
  if (!/^[a-zA-Z0-9_.-]+$/.test(spec.key))
    return outcome(
      'couldNotMeasure',
      expected,
      put('% is not the name of a setting', '% 不是设置名', same(spec.key)),
      path,
    );
  const found = await probe(context, spec.in, spec.key.startsWith('net.') ? 'net' : 'all', ['cat', path]);
  return settle(found, expected, (result) =>
    result.exitCode === 0
      ? judge(result.stdout, path)
      : outcome('couldNotMeasure', expected, same(lastLine(result)), path),
  );
}

const STAT_TYPES: Readonly<Record<string, string>> = {
  'regular file': 'file',
  'regular empty file': 'file',
  directory: 'directory',
  'symbolic link': 'symlink',
  'character special file': 'char-device',
  'block special file': 'block-device',
  fifo: 'fifo',
  socket: 'socket',
};

export async function checkFile(context: CheckContext, spec: CheckSpecs['file']): Promise<CheckResult> {
  const parts: Bilingual[] = [put('% exists in %', '% 存在（位置：%）', same(spec.path), placeWords(spec.in))];
  if (spec.type !== undefined) parts.push(put('as a %', '类型为 %', same(spec.type)));
  if (spec.is !== undefined) parts.push(put('with content “%”', '内容为“%”', same(spec.is)));
  if (spec.contains !== undefined) parts.push(put('containing “%”', '包含“%”', same(spec.contains)));
  if (spec.matches !== undefined) parts.push(put('matching /%/', '匹配 /%/', same(spec.matches)));
  if (spec.mode !== undefined) parts.push(put('with mode %', '权限为 %', same(spec.mode)));
  if (spec.owner !== undefined) parts.push(put('owned by user %', '属主为 %', amountWords(spec.owner)));
  const expected = comma(parts);
  // Through /proc/PID/root the lab host's own programs see a process's files: its root needs no tools.
  const process = typeof spec.in === 'object' ? selectProcesses(context.snapshot, spec.in.process)[0] : undefined;
  if (typeof spec.in === 'object' && !process)
    return outcome('notYet', expected, put('% is not there', '没有找到 %', placeWords(spec.in)), spec.path);
  const path = process ? `/proc/${process.pid}/root${spec.path}` : spec.path;
  const content = spec.is !== undefined || spec.contains !== undefined || spec.matches !== undefined;
  const script = `stat -c '%F|%a|%u' -- "$0" || exit 9; ${content ? 'if [ -f "$0" ]; then head -c 65536 -- "$0"; fi' : ':'}`;
  const found = await probe(context, 'host', 'all', ['sh', '-c', script, path]);
  return settle({ ...found, source: printable(path) }, expected, (result) => {
    const source = printable(path);
    if (result.exitCode === 9) {
      if (/Permission denied/.test(result.stderr))
        return outcome('couldNotMeasure', expected, put('% may not be read', '% 无权读取', same(path)), source);
      return outcome('notYet', expected, put('% does not exist', '% 不存在', same(spec.path)), source);
    }
    const newline = result.stdout.indexOf('\n');
    const [kind, mode, owner] = result.stdout.slice(0, newline).split('|');
    const text = result.stdout.slice(newline + 1);
    const wrong: Bilingual[] = [];
    if (spec.type !== undefined && STAT_TYPES[kind ?? ''] !== spec.type)
      wrong.push(put('it is a %', '类型为 %', same(STAT_TYPES[kind ?? ''] ?? kind ?? '?')));
    if (spec.mode !== undefined && Number.parseInt(mode ?? '', 8) !== Number.parseInt(spec.mode, 8))
      wrong.push(put('its mode is %', '权限为 %', same(mode ?? '?')));
    if (spec.owner !== undefined && !matchesAmount(Number(owner), spec.owner))
      wrong.push(put('it belongs to user %', '属主为 %', same(owner ?? '?')));
    const right =
      (spec.is === undefined || text.replace(/\n$/, '') === spec.is.replace(/\n$/, '')) &&
      (spec.contains === undefined || text.includes(spec.contains)) &&
      (spec.matches === undefined || new RegExp(spec.matches, 'm').test(text));
    if (!right)
      wrong.push(
        put('its content is “%”', '内容为“%”', same(text.slice(0, 120).replace(/\n$/, '').replaceAll('\n', ' ⏎ '))),
      );
    return outcome(
      wrong.length === 0 ? 'passed' : 'notYet',
      expected,
      wrong.length === 0 ? say('so it is', '符合') : comma(wrong),
      source,
    );
  });
}

export async function checkCommand(context: CheckContext, spec: CheckSpecs['command']): Promise<CheckResult> {
  const parts: Bilingual[] = [put('in %, `%`', '在 % 中，`%`', placeWords(spec.in), same(spec.run))];
  if (spec.exits !== undefined) parts.push(put('exits with %', '以 % 退出', amountWords(spec.exits)));
  if (spec.prints !== undefined) parts.push(put('prints /%/', '输出匹配 /%/', same(spec.prints)));
  if (spec.is !== undefined) parts.push(put('prints “%”', '输出“%”', same(spec.is)));
  if (parts.length === 1) parts.push(say('succeeds', '成功'));
  const expected = comma(parts);
  const found = await probe(context, spec.in, 'all', ['sh', '-c', spec.run]);
  return settle(found, expected, (result) => {
    if (result.timedOut)
      return outcome(
        'couldNotMeasure',
        expected,
        say('it did not end within two seconds', '两秒内没有结束'),
        found.source,
      );
    const wantsExit = spec.exits ?? (spec.prints === undefined && spec.is === undefined ? 0 : undefined);
    const right =
      (wantsExit === undefined || matchesAmount(result.exitCode, wantsExit)) &&
      (spec.prints === undefined || new RegExp(spec.prints, 'm').test(result.stdout)) &&
      (spec.is === undefined || result.stdout.trim() === spec.is.trim());
    const lines = result.stdout
      .trim()
      .split('\n')
      .slice(0, 4)
      .map((line) => same(line));
    const printed =
      result.stdout.trim() === '' ? say('nothing printed', '没有输出') : put('printed %', '输出 %', list(lines));
    return outcome(
      right ? 'passed' : 'notYet',
      expected,
      comma([printed, put('exit code %', '退出码 %', same(result.exitCode))]),
      found.source,
    );
  });
}
