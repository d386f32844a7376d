/** One check, whatever its kind: the combinators, and the way to each kind's own function. */
import type { SnapshotPart } from '../../../engine/api/types.js';
import type { Bilingual, Check, CheckKind, CheckResult, CheckSpecs, Outcome, Place } from '../types.js';
import { checkCgroup, selectGroups } from './cgroups.js';
import { type CheckContext, honest, namespacesAt } from './context.js';
import { checkContainer, checkImage } from './engine.js';
import {
  checkAddr,
  checkBridge,
  checkFirewall,
  checkLink,
  checkPort,
  checkRoute,
  selectBridges,
  selectLinks,
  selectRules,
} from './network.js';
import { checkCommand, checkFile, checkHostname, checkReach, checkSysctl } from './probes.js';
import { checkNamespace, checkProcess, selectNamespaces, selectProcesses } from './processes.js';
import { checkLayer, checkMount, selectMounts } from './storage.js';
import { amountWords, comma, matchesAmount, outcome, put, same, say } from './words.js';

/** What each kind reads from the snapshot, for "could not measure". */
const READS: Readonly<Partial<Record<CheckKind, readonly SnapshotPart[]>>> = {
  namespace: ['namespaces', 'processes'],
  process: ['processes', 'namespaces'],
  link: ['network'],
  addr: ['network'],
  route: ['network'],
  bridge: ['network'],
  firewall: ['firewall'],
  port: ['network'],
  mount: ['mounts'],
  layer: ['overlays', 'mounts'],
  cgroup: ['cgroups'],
};

/** Kinds that run a program in the lab: they cannot be followed by changes of the snapshot alone. */
export const PROBING: ReadonlySet<CheckKind> = new Set([
  'reach',
  'file',
  'command',
  'hostname',
  'sysctl',
  'container',
  'image',
]);

export function kindOf(check: Check): CheckKind {
  const kind = Object.keys(check).find((key) => key !== 'id');
  if (kind === undefined) throw new Error('a check has no kind');
  return kind as CheckKind;
}

function specOf<K extends CheckKind>(check: Check, kind: K): CheckSpecs[K] {
  return (check as unknown as Record<K, CheckSpecs[K]>)[kind];
}

/** Does any part of the check run a probe, or depend on time? */
export function needsProbe(check: Check): boolean {
  const kind = kindOf(check);
  if (PROBING.has(kind) || kind === 'within' || kind === 'hold') return true;
  if (kind === 'all' || kind === 'any') return specOf(check, kind).some(needsProbe);
  if (kind === 'not') return needsProbe(specOf(check, 'not'));
  return false;
}

/** Longest time that `hold` asks for anywhere in the check, seconds. */
export function holdSeconds(check: Check): number {
  const kind = kindOf(check);
  if (kind === 'all' || kind === 'any') return Math.max(0, ...specOf(check, kind).map(holdSeconds));
  if (kind === 'not') return holdSeconds(specOf(check, 'not'));
  if (kind === 'within') return holdSeconds(specOf(check, 'within').check);
  if (kind === 'hold') return specOf(check, 'hold').seconds + holdSeconds(specOf(check, 'hold').check);
  return 0;
}

/** The check without its `hold`s: what an earlier step proved to hold for a while needs only hold now. */
export function withoutHold(check: Check): Check {
  const kind = kindOf(check);
  if (kind === 'hold') return withoutHold(specOf(check, 'hold').check);
  if (kind === 'all') return { all: specOf(check, 'all').map(withoutHold) };
  if (kind === 'any') return { any: specOf(check, 'any').map(withoutHold) };
  if (kind === 'not') return { not: withoutHold(specOf(check, 'not')) };
  if (kind === 'within')
    return { within: { ...specOf(check, 'within'), check: withoutHold(specOf(check, 'within').check) } };
  return check;
}

/**
 * Look once.
 * @param path names the check's place for `within` and `hold`, which remember between looks
 */
export async function evaluate(check: Check, context: CheckContext, path = ''): Promise<CheckResult> {
  const kind = kindOf(check);
  const { snapshot } = context;
  const pure = (result: CheckResult): CheckResult =>
    honest(result, snapshot, READS[kind] ?? [], placeWasRead(check, kind, context));
  switch (kind) {
    case 'namespace':
      return pure(checkNamespace(snapshot, specOf(check, kind)));
    case 'process':
      return pure(checkProcess(snapshot, specOf(check, kind)));
    case 'link':
      return pure(checkLink(snapshot, specOf(check, kind)));
    case 'addr':
      return pure(checkAddr(snapshot, specOf(check, kind)));
    case 'route':
      return pure(checkRoute(snapshot, specOf(check, kind)));
    case 'bridge':
      return pure(checkBridge(snapshot, specOf(check, kind)));
    case 'firewall':
      return pure(checkFirewall(snapshot, specOf(check, kind)));
    case 'port':
      return pure(checkPort(snapshot, specOf(check, kind)));
    case 'mount':
      return pure(checkMount(snapshot, specOf(check, kind)));
    case 'layer':
      return pure(checkLayer(snapshot, specOf(check, kind)));
    case 'cgroup':
      return pure(checkCgroup(snapshot, specOf(check, kind)));
    case 'hostname':
      return checkHostname(context, specOf(check, kind));
    case 'sysctl':
      return checkSysctl(context, specOf(check, kind));
    case 'reach':
      return checkReach(context, specOf(check, kind));
    case 'file':
      return checkFile(context, specOf(check, kind));
    case 'command':
      return checkCommand(context, specOf(check, kind));
    case 'container':
      return checkContainer(context, specOf(check, kind));
    case 'image':
      return checkImage(context, specOf(check, kind));
    case 'all':
      return every(await each(specOf(check, kind), context, path));
    case 'any':
      return some(await each(specOf(check, kind), context, path));
    case 'not':
      return negate(await evaluate(specOf(check, kind), context, `${path}/not`));
    case 'count':
      return honest(count(specOf(check, kind), context), snapshot, READS[kindOf(specOf(check, kind).of)] ?? []);
    case 'within':
      return within(specOf(check, kind), context, path);
    case 'hold':
      return hold(specOf(check, kind), context, path);
  }
}

/** Was the very place that the check looks at read, so that trouble elsewhere says nothing about it? */
function placeWasRead(check: Check, kind: CheckKind, { snapshot }: CheckContext): boolean {
  const mounts = kind === 'mount' || kind === 'layer';
  if (!mounts && !['link', 'addr', 'route', 'bridge', 'firewall', 'port'].includes(kind)) return false;
  const { in: place } = specOf(check, kind) as { readonly in?: Place };
  if (place === 'any' || place === 'other') return false;
  const ids = [
    ...namespacesAt(snapshot, mounts ? 'mnt' : 'net', place, (selector) => selectProcesses(snapshot, selector)),
  ];
  if (mounts) return ids.every((id) => snapshot.mountTables.some((table) => table.ns === id));
  return ids.every((id) =>
    snapshot.networks.some((one) => one.id === id && (kind !== 'firewall' || one.firewall !== null)),
  );
}

async function each(checks: readonly Check[], context: CheckContext, path: string): Promise<CheckResult[]> {
  const out: CheckResult[] = [];
  for (const [index, one] of checks.entries()) out.push(await evaluate(one, context, `${path}/${index}`));
  return out;
}

function every(results: readonly CheckResult[]): CheckResult {
  const failed =
    results.find((one) => one.result === 'notYet') ?? results.find((one) => one.result === 'couldNotMeasure');
  const expected = comma(results.map((one) => one.expected));
  if (failed) return { ...failed, expected };
  return outcome('passed', expected, comma(results.map((one) => one.observed)), sources(results));
}

function some(results: readonly CheckResult[]): CheckResult {
  const expected: Bilingual = {
    en: results.map((one) => one.expected.en).join(', or '),
    zh: results.map((one) => one.expected.zh).join('，或者'),
  };
  const passed = results.find((one) => one.result === 'passed');
  if (passed) return { ...passed, expected };
  const result: Outcome = results.some((one) => one.result === 'couldNotMeasure') ? 'couldNotMeasure' : 'notYet';
  return outcome(result, expected, comma(results.map((one) => one.observed)), sources(results));
}

function sources(results: readonly CheckResult[]): string {
  return [...new Set(results.map((one) => one.source))].join('; ');
}

function negate(inner: CheckResult): CheckResult {
  const { en, zh } = inner.expected;
  const expected = { en: `not: ${en}`, zh: `不应${zh.startsWith('有') ? '' : '：'}${zh}` };
  if (inner.result === 'couldNotMeasure') return { ...inner, expected };
  return { ...inner, expected, result: inner.result === 'passed' ? 'notYet' : 'passed' };
}

function count(spec: CheckSpecs['count'], context: CheckContext): CheckResult {
  const { snapshot } = context;
  const kind = kindOf(spec.of);
  const found = ((): number | null => {
    switch (kind) {
      case 'namespace':
        return selectNamespaces(snapshot, specOf(spec.of, kind)).length;
      case 'process':
        return selectProcesses(snapshot, specOf(spec.of, kind)).length;
      case 'link':
        return selectLinks(snapshot, specOf(spec.of, kind)).length;
      case 'bridge':
        return selectBridges(snapshot, specOf(spec.of, kind)).length;
      case 'firewall':
        return selectRules(snapshot, specOf(spec.of, kind)).length;
      case 'mount':
        return selectMounts(snapshot, specOf(spec.of, kind)).length;
      case 'cgroup':
        return selectGroups(snapshot, specOf(spec.of, kind)).length;
      default:
        return null;
    }
  })();
  const expected = put('% of these: %', '共 % 个：%', amountWords(spec.is), describe(spec.of, context));
  if (found === null)
    return outcome(
      'couldNotMeasure',
      expected,
      put('objects of kind % cannot be counted', '无法对 % 计数', same(kind)),
      'count',
    );
  return outcome(
    matchesAmount(found, spec.is) ? 'passed' : 'notYet',
    expected,
    say(`there are ${found}`, `现有 ${found} 个`),
    `count of ${kind}`,
  );
}

function describe(check: Check, context: CheckContext): Bilingual {
  const { snapshot } = context;
  const kind = kindOf(check);
  switch (kind) {
    case 'namespace':
      return checkNamespace(snapshot, specOf(check, kind)).expected;
    case 'process':
      return checkProcess(snapshot, specOf(check, kind)).expected;
    case 'link':
      return checkLink(snapshot, specOf(check, kind)).expected;
    case 'bridge':
      return checkBridge(snapshot, specOf(check, kind)).expected;
    case 'firewall':
      return checkFirewall(snapshot, specOf(check, kind)).expected;
    case 'mount':
      return checkMount(snapshot, specOf(check, kind)).expected;
    case 'cgroup':
      return checkCgroup(snapshot, specOf(check, kind)).expected;
    default:
      return same(kind);
  }
}

async function within(spec: CheckSpecs['within'], context: CheckContext, path: string): Promise<CheckResult> {
  const inner = await evaluate(spec.check, context, `${path}/within`);
  const memory = context.memory.get(path) ?? {};
  const now = context.now();
  if (inner.result === 'passed') {
    context.memory.set(path, { ...memory, lastPassed: now });
    return inner;
  }
  if (memory.lastPassed !== undefined && now - memory.lastPassed <= spec.seconds * 1000) {
    return {
      ...inner,
      result: 'passed',
      observed: say(
        `it was so ${Math.round((now - memory.lastPassed) / 1000)} s ago`,
        `${Math.round((now - memory.lastPassed) / 1000)} 秒前曾符合`,
      ),
    };
  }
  return inner;
}

async function hold(spec: CheckSpecs['hold'], context: CheckContext, path: string): Promise<CheckResult> {
  const inner = await evaluate(spec.check, context, `${path}/hold`);
  const memory = context.memory.get(path) ?? {};
  const now = context.now();
  const expected = put('% for % s', '持续 %（% 秒）', inner.expected, same(spec.seconds));
  if (inner.result !== 'passed') {
    context.memory.delete(path);
    return { ...inner, expected };
  }
  const since = memory.since ?? now;
  context.memory.set(path, { ...memory, since });
  const held = (now - since) / 1000;
  if (held >= spec.seconds) return { ...inner, expected };
  return {
    ...inner,
    expected,
    result: 'notYet',
    observed: say(`so far for ${Math.floor(held)} s`, `目前已持续 ${Math.floor(held)} 秒`),
  };
}
