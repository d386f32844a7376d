/**
 * The first characters of a text, in memory of their own: what `slice` makes of a long string in V8 (a SlicedString) keeps the
 * whole of it alive. For what is kept of a text that somebody else made as long as they liked.
 */
export function cutText(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
}
