/** Overlay stacks, said in lines: layers from the top, then the merged view with the layer each path comes from. */
import type { OverlayStack } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { EFFECTS, partText, STEPS } from '../tui/picture/layers-panel.js';
import { counted, more, problemText, word } from '../tui/picture/words.js';
import { inPlace, placeOfStack } from '../tui/viewmodels/containers.js';
import { bytes } from '../tui/viewmodels/format.js';
import { type LayersInput, type LayerView, layersModel, lookup, type StackView } from '../tui/viewmodels/layers.js';
import { visible } from '../tui/viewmodels/safe-text.js';
import { containerText } from '../tui/viewmodels/wiring-detail.js';
import { indented, labelled, listed, marked } from './say.js';

const SHOWN = 50;
/** Of a container's image, and of what it makes together with it: the same in all containers of that image. */
const SHOWN_OF_IMAGE = 8;

export function plainLayers(input: LayersInput, lang: Lang): string[] {
  const model = layersModel(input);
  const zh = lang === 'zh';
  const lines = input.snapshot.problems
    .filter((problem) => problem.part === 'overlays')
    .map((problem) => problemText(visible(problem.reason), lang));
  const mounted = model.stacks.filter(({ stack }) => stack.mounted !== false);
  lines.push(labelled(zh ? 'overlay 挂载' : 'overlay mounts', String(mounted.length), lang));
  for (const stack of model.stacks) {
    const shown = stack.container === null ? SHOWN : SHOWN_OF_IMAGE;
    const whose =
      stack.container === null ? [] : [`${word('container', lang)} ${containerText(stack.container, lang)}`];
    const at = inPlace(placeOfStack(stack.place), lang);
    const where = stack.stack.mounted === false ? (zh ? '未挂载' : 'not mounted') : at;
    const access = stack.stack.readOnly ? (zh ? '只读' : 'read-only') : zh ? '可写' : 'writable';
    lines.push(marked(labelled(stack.mountPoint, listed([...whose, where, access], lang), lang), stack.mark, lang));
    // A container's work directory is overlayfs's own affair.
    for (const layer of stack.layers)
      if (stack.container === null || layer.dir.role !== 'work') lines.push(...layerLines(layer, stack, lang));
    lines.push(
      indented(
        1,
        labelled(zh ? '合并视图' : 'merged', counted(stack.merged.length, lang, ['path', 'paths'], '个路径'), lang),
      ),
    );
    for (const row of stack.merged.slice(0, shown)) {
      lines.push(
        indented(
          2,
          `${row.path}${row.type.endsWith('directory') ? '/' : ''} ${zh ? '来自' : 'from'} ${row.from}${row.copiedUp ? (zh ? '（写时复制）' : ' (copied up)') : ''}`,
        ),
      );
    }
    if (stack.merged.length > shown) lines.push(indented(2, more(stack.merged.length - shown, lang)));
  }
  if (model.hidden > 0) lines.push(more(model.hidden, lang));
  return lines;
}

function layerLines(layer: LayerView, stack: StackView, lang: Lang): string[] {
  const shown = layer.part === null || layer.part.kind === 'writable' ? SHOWN : SHOWN_OF_IMAGE;
  const part = layer.part === null ? [] : [partText(layer.part, stack, lang)];
  const size =
    layer.dir.files === null
      ? word('couldNotRead', lang)
      : `${counted(layer.dir.files, lang, ['file', 'files'], '个文件')} ${bytes(layer.dir.bytes ?? 0)}`;
  const lines = [indented(1, labelled(layer.name, listed([...part, layer.path, size], lang), lang))];
  for (const row of layer.rows.slice(0, shown)) {
    const directory = row.entry.type.endsWith('directory');
    const effect =
      row.effect === null ? '' : lang === 'zh' ? `（${EFFECTS[row.effect].zh}）` : ` (${EFFECTS[row.effect].en})`;
    lines.push(indented(2, marked(`${row.path}${directory ? '/' : ''}${effect}`, row.mark, lang)));
  }
  if (layer.rows.length > shown) lines.push(indented(2, more(layer.rows.length - shown, lang)));
  if (layer.dir.truncated) lines.push(indented(2, lang === 'zh' ? '……其余条目未读取' : '… more entries were not read'));
  return lines;
}

/** Which layer a path (relative to the mount point, a leading slash allowed) comes from, layer by layer. */
export function plainLookup(stack: OverlayStack, path: string, lang: Lang): string[] {
  const found = lookup(stack, path.replace(/^\/+/, ''));
  return found.steps.map((step) => labelled(`${step.layer} ${step.path}`, STEPS[step.outcome][lang], lang));
}
