/** Checks on mounts and overlay stacks: pure functions of a snapshot. */
import type { LayerDir, Mount, OverlayStack, Snapshot } from '../../../engine/api/types.js';
import type { Bilingual, CheckResult, CheckSpecs } from '../types.js';
import { namespacesAt, placeWords } from './context.js';
import { selectProcesses } from './processes.js';
import { amountWords, comma, list, matchesAmount, outcome, put, same, say } from './words.js';

function propagationOf(mount: Mount): string {
  if (mount.propagation.some((tag) => tag.startsWith('shared:'))) return 'shared';
  if (mount.propagation.some((tag) => tag.startsWith('master:'))) return 'slave';
  return mount.propagation.includes('unbindable') ? 'unbindable' : 'private';
}

export function selectMounts(snapshot: Snapshot, spec: CheckSpecs['mount']): readonly Mount[] {
  const ids = namespacesAt(snapshot, 'mnt', spec.in, (selector) => selectProcesses(snapshot, selector));
  return snapshot.mountTables
    .filter((table) => ids.has(table.ns))
    .flatMap((table) => table.mounts)
    .filter(
      (mount) =>
        (spec.at === undefined || mount.mountPoint === spec.at) &&
        (spec.fsType === undefined || mount.fsType === spec.fsType) &&
        (spec.source === undefined || mount.source === spec.source) &&
        (spec.root === undefined || mount.root === spec.root) &&
        (spec.propagation === undefined || propagationOf(mount) === spec.propagation) &&
        (spec.options ?? []).every((option) => mount.options.includes(option) || mount.superOptions.includes(option)),
    );
}

export function checkMount(snapshot: Snapshot, spec: CheckSpecs['mount']): CheckResult {
  const parts: Bilingual[] = [put('the mount table of % has a mount', '% 的挂载表里有一个挂载', placeWords(spec.in))];
  if (spec.at !== undefined) parts.push(put('at %', '挂载点为 %', same(spec.at)));
  if (spec.fsType !== undefined) parts.push(put('of type %', '类型为 %', same(spec.fsType)));
  if (spec.source !== undefined) parts.push(put('from %', '来源为 %', same(spec.source)));
  if (spec.root !== undefined) parts.push(put('showing its directory %', '显示其中的目录 %', same(spec.root)));
  if (spec.options !== undefined) parts.push(put('with %', '带选项 %', list(spec.options.map(same))));
  if (spec.propagation !== undefined) parts.push(put('with % propagation', '传播类型为 %', same(spec.propagation)));
  const expected = comma(parts);
  const source = '/proc/[pid]/mountinfo';
  const ids = namespacesAt(snapshot, 'mnt', spec.in, (selector) => selectProcesses(snapshot, selector));
  const found = selectMounts(snapshot, spec);
  const words = (mount: Mount): Bilingual =>
    same(`${mount.fsType} ${mount.source} → ${mount.mountPoint} (${mount.options.join(',')}; ${propagationOf(mount)})`);
  if (found.length > 0) return outcome('passed', expected, put('found %', '找到 %', list(found.map(words), 2)), source);
  if (ids.size === 0)
    return outcome('notYet', expected, put('% has not been found', '没有找到 %', placeWords(spec.in)), source);
  const tables = snapshot.mountTables.filter((table) => ids.has(table.ns));
  if (tables.length === 0)
    return outcome('couldNotMeasure', expected, say('its mount table was not read', '没有读到它的挂载表'), source);
  const near = tables
    .flatMap((table) => table.mounts)
    .filter((mount) => (spec.at !== undefined ? mount.mountPoint === spec.at : mount.fsType === spec.fsType));
  const observed =
    near.length > 0
      ? put('there is %', '现有 %', list(near.map(words), 3))
      : spec.at !== undefined
        ? put('nothing is mounted at %', '% 上没有任何挂载', same(spec.at))
        : say('there is no such mount', '没有这样的挂载');
  return outcome('notYet', expected, observed, source);
}

function entryIn(layer: LayerDir, path: string): LayerDir['entries'][number] | undefined {
  const plain = path.replace(/^\/+|\/+$/g, '');
  return layer.entries.find((entry) => entry.path.replace(/^\/+|\/+$/g, '') === plain);
}

function layersNamed(stack: OverlayStack, name: string): readonly LayerDir[] {
  const dirs = stack.layers.filter((layer) => layer.role !== 'work');
  return name === 'upper' || name === 'lower'
    ? dirs.filter((layer) => layer.role === name)
    : dirs.filter((layer) => layer.path === name);
}

function entryHolds(stack: OverlayStack, want: NonNullable<CheckSpecs['layer']['has']>[number]): boolean | 'unknown' {
  const layers = layersNamed(stack, want.layer);
  const hit = layers.some((layer) => {
    const entry = entryIn(layer, want.path);
    return entry !== undefined && (want.type === undefined || entry.type === want.type);
  });
  if (!hit && layers.some((layer) => layer.truncated || layer.files === null)) return 'unknown';
  return hit !== (want.absent === true);
}

export function checkLayer(snapshot: Snapshot, spec: CheckSpecs['layer']): CheckResult {
  const parts: Bilingual[] = [
    spec.container !== undefined
      ? put('container % has an overlay for its root', '容器 % 的根是一个 overlay', same(spec.container))
      : spec.at === undefined
        ? put('an overlay is mounted in %', '% 里挂载了一个 overlay', placeWords(spec.in))
        : put('an overlay is mounted at % in %', '在 % 挂载了 overlay（位置：%）', same(spec.at), placeWords(spec.in)),
  ];
  if (Array.isArray(spec.lowers))
    parts.push(put('with lower layers %', '下层依次为 %', list((spec.lowers as readonly string[]).map(same))));
  else if (spec.lowers !== undefined)
    parts.push(put('with % lower layers', '有 % 个下层', amountWords(spec.lowers as number)));
  if (spec.upper === false) parts.push(say('without an upper layer', '没有上层'));
  else if (spec.upper !== undefined) parts.push(put('with upper layer %', '上层为 %', same(spec.upper)));
  for (const want of spec.has ?? []) {
    const type = want.type ?? 'entry';
    parts.push(
      want.absent
        ? put(`no ${type} % in layer %`, `层 % 里没有 ${type} %`, ...swap(want.path, want.layer))
        : put(`${type} % in layer %`, `层 % 里有 ${type} %`, ...swap(want.path, want.layer)),
    );
  }
  const expected = comma(parts);
  const source = 'mountinfo, layer directories';
  const ids = namespacesAt(snapshot, 'mnt', spec.in, (selector) => selectProcesses(snapshot, selector));
  const container = snapshot.containers?.find((one) => one.name === spec.container)?.id;
  const stacks = snapshot.overlays.filter((stack) =>
    spec.container !== undefined
      ? container !== undefined && stack.container === container
      : ids.has(stack.ns) && (spec.at === undefined ? stack.mountPoint !== '/' : stack.mountPoint === spec.at),
  );
  const shaped = stacks.filter((stack) => {
    const lowers = stack.layers.filter((layer) => layer.role === 'lower').map((layer) => layer.path);
    const upper = stack.layers.find((layer) => layer.role === 'upper')?.path;
    if (
      Array.isArray(spec.lowers)
        ? spec.lowers.join('\0') !== lowers.join('\0')
        : spec.lowers !== undefined && !matchesAmount(lowers.length, spec.lowers as number)
    )
      return false;
    return spec.upper === undefined || (spec.upper === false ? upper === undefined : upper === spec.upper);
  });
  if (shaped.some((stack) => (spec.has ?? []).every((want) => entryHolds(stack, want) === true))) {
    return outcome(
      'passed',
      expected,
      put(
        'found at %',
        '位于 %',
        list(
          shaped.map((stack) => same(stack.mountPoint)),
          3,
        ),
      ),
      source,
    );
  }
  if (shaped.length > 0) {
    const stack = shaped[0]!;
    const failing = (spec.has ?? []).find((want) => entryHolds(stack, want) !== true)!;
    if (entryHolds(stack, failing) === 'unknown')
      return outcome(
        'couldNotMeasure',
        expected,
        put('layer % could not be read wholly', '无法完整读取层 %', same(failing.layer)),
        source,
      );
    const entries = layersNamed(stack, failing.layer)
      .flatMap((layer) => layer.entries)
      .map((entry) => same(`${entry.path} (${entry.type})`));
    return outcome(
      'notYet',
      expected,
      put(
        'layer % holds %',
        '层 % 里有 %',
        same(failing.layer),
        entries.length === 0 ? say('nothing', '空') : list(entries, 6),
      ),
      source,
    );
  }
  const words = (stack: OverlayStack): Bilingual =>
    same(
      `${stack.mountPoint}: ${stack.layers
        .filter((layer) => layer.role !== 'work')
        .map((layer) => `${layer.role}=${layer.path}`)
        .join(' ')}`,
    );
  return outcome(
    'notYet',
    expected,
    stacks.length > 0
      ? put('there is %', '现有 %', list(stacks.map(words), 2))
      : say('no overlay is mounted there', '那里没有挂载 overlay'),
    source,
  );
}

/** English says entry before layer, Chinese layer before entry: both templates take their own order. */
function swap(path: string, layer: string): [Bilingual, Bilingual] {
  return [
    { en: path, zh: layer },
    { en: layer, zh: path },
  ];
}
