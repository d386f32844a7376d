/** A container as it stands in every panel: `■ web busybox running`. */
import type { Lang } from '../panel.js';
import { type Role, type Span, span } from '../text/styled.js';
import { type ContainerFact, sharingText, stateText } from '../viewmodels/containers.js';
import { asciiText, containerGlyph } from './glyphs.js';

export interface ContainerWords {
  readonly lang: Lang;
  readonly unicode: boolean;
  /** Say in whose network it is, where it is not in its own. */
  readonly sharing?: boolean;
  /** With the id that `docker ps` shows. */
  readonly id?: boolean;
}

const STATE_ROLE: Readonly<Record<ContainerFact['state'], Role>> = {
  created: 'muted',
  running: 'ok',
  paused: 'info',
  restarting: 'warn',
  exited: 'muted',
};

/** Name, id where it is wanted, image, state: one span each, without blanks between. */
export function containerSpans(fact: ContainerFact, { lang, unicode, sharing, id }: ContainerWords): Span[] {
  const plain = (text: string): string => (unicode ? text : asciiText(text));
  const whose = sharing === true ? sharingText(fact, lang) : '';
  return [
    span(plain(`${containerGlyph(unicode)} ${fact.name}`), 'accent', { bold: true }),
    ...(id === true ? [span(fact.short, 'muted')] : []),
    span(plain(fact.image), 'muted'),
    span(stateText(fact, lang), STATE_ROLE[fact.state]),
    ...(whose === '' ? [] : [span(plain(whose), 'info')]),
  ];
}

/** The same with a blank before each but the first. */
export function spaced(spans: readonly Span[]): Span[] {
  return spans.flatMap((one, i) => (i === 0 ? [one] : [{ text: ' ' }, one]));
}
