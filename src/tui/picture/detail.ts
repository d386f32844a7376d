/** A list of facts as lines: labels in one column, values wrapped beside them; below 40 columns each value below its label. */
import type { Lang } from '../panel.js';
import { padLine } from '../text/fit.js';
import { type Span, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapText } from '../text/wrap.js';
import type { Detail } from '../viewmodels/wiring-detail.js';

const SHOWN_BY = { en: 'the same from the kernel, by hand:', zh: '手工查看同样的信息：' };

export function detailLines(detail: Detail, width: number, lang: Lang): StyledLine[] {
  const lines: Span[][] = [[span(detail.title, 'heading', { bold: true })], []];
  const widest = detail.facts.reduce((most, fact) => Math.max(most, textWidth(fact.label)), 0);
  const beside = width >= 40;
  let previous = '';
  for (const fact of detail.facts) {
    const label = fact.label === previous ? '' : fact.label;
    previous = fact.label;
    const values = wrapText(fact.value, Math.max(1, beside ? width - widest - 2 : width - 2));
    if (!beside && label !== '') lines.push([span(label, 'muted')]);
    values.forEach((value, i) => {
      const shown = i === 0 ? label : '';
      const lead = beside ? shown + ' '.repeat(widest + 2 - textWidth(shown)) : '  ';
      lines.push([span(lead, 'muted'), span(value, 'text')]);
    });
  }
  if (detail.commands.length > 0) {
    lines.push([], [span(SHOWN_BY[lang], 'muted')]);
    for (const command of detail.commands) {
      for (const part of wrapText(command, Math.max(1, width - 2)))
        lines.push([{ text: '  ' }, { ...span(part, 'code'), target: `copy:${command}` }]);
    }
  }
  return lines.map((one) => padLine(one, width));
}
