/** Order of names in which numbers count by their value: what fvbommel/sortorder does for docker's lists. */
export function natural(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [one = '', two = ''] = [left[at], right[at]];
    if (one === two) continue;
    const areNumbers = /^\d/.test(one) && /^\d/.test(two);
    if (areNumbers) {
      const difference = BigInt(one) - BigInt(two);
      if (difference !== 0n) return difference < 0n ? -1 : 1;
      return one.length - two.length;
    }
    return one < two ? -1 : 1;
  }
  return left.length - right.length;
}

const partsOf = (text: string): readonly string[] => text.match(/\d{1,100}|\D/gu) ?? [];
