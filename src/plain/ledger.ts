/** The ledger, said in lines. */
import type { LedgerEntry } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { more } from '../tui/picture/words.js';
import { placeText } from '../tui/viewmodels/containers.js';
import { ledgerModel } from '../tui/viewmodels/ledger.js';
import { visible } from '../tui/viewmodels/safe-text.js';
import { indented, labelled } from './say.js';

/** Oldest first. With `explain` each entry is followed by its explanation, the act and the manual page. */
export function plainLedger(
  entries: readonly LedgerEntry[],
  lang: Lang,
  options: { filter?: string; explain?: boolean } = {},
): string[] {
  const model = ledgerModel(entries, lang, options.filter ?? '', Number.MAX_SAFE_INTEGER);
  const lines = model.rows.flatMap((row) => {
    const head = `${row.time} ${row.actor}${lang === 'zh' ? '：' : ': '}${row.headline} ${row.ok ? '' : lang === 'zh' ? '失败 ' : 'failed '}${row.result}`;
    if (options.explain !== true) return [head];
    const zh = lang === 'zh';
    const below = [
      visible(row.entry.explanation[lang]),
      labelled(zh ? '内核操作' : 'kernel', `${row.entry.domain} ${row.act}`, lang),
      labelled(zh ? '对象' : 'for', placeText(visible(row.entry.subject), lang), lang),
    ];
    if (row.entry.man !== null) below.push(labelled(zh ? '手册' : 'manual', visible(row.entry.man), lang));
    return [head, ...below.map((text) => indented(1, text))];
  });
  if (model.hidden > 0) lines.push(more(model.hidden, lang));
  return lines;
}
