/** "did you mean": the nearest of some words. */

/** Levenshtein distance, bounded by the words' own lengths. */
export function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost));
    }
    row = next;
  }
  return row[right.length]!;
}

/** The nearest candidate, when it is near enough to be a slip of the finger; else null. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const ranked = candidates
    .map((candidate) => ({ candidate, cost: distance(word.toLowerCase().slice(0, 60), candidate.toLowerCase()) }))
    .sort((left, right) => left.cost - right.cost);
  const best = ranked[0];
  return best && best.cost <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : null;
}
