/**
 * Regular expressions of filters (`name=^web`), in time proportional to pattern × text whatever the pattern: JavaScript's own
 * take exponential time for `(a+)+$`, and a filter is a stranger's. Literals, `.`, classes, `\d \w \s`, groups, `|`, `* + ?
 * {n,m}`, `^ $`: what Go's RE2 and people in filters have in common. Thompson's simulation of all states at once.
 */
type Test = (code: number) => boolean;

type Node =
  | { readonly kind: 'char'; readonly test: Test }
  | { readonly kind: 'edge'; readonly end: boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'either'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number };

/** `jump` goes on in all of its targets at once. */
type Step =
  | { readonly kind: 'char'; readonly test: Test }
  | { readonly kind: 'edge'; readonly end: boolean }
  | { readonly kind: 'jump'; readonly to: number[] }
  | { readonly kind: 'match' };

const MAX_PATTERN = 1024;
const MAX_STEPS = 20_000;
const MAX_REPEAT = 1000;

/** Null: it is no pattern, or a larger one than anybody needs. */
export function compilePattern(text: string): ((subject: string) => boolean) | null {
  if (text.length > MAX_PATTERN) return null;
  const node = new Parser(text).parse();
  if (node === null) return null;
  const steps: Step[] = [];
  if (!emit(node, steps)) return null;
  steps.push({ kind: 'match' });
  return (subject) => run(steps, subject);
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Node | null {
    const node = this.#either();
    return node !== null && this.#at === this.#text.length ? node : null;
  }

  #take(mark: string): boolean {
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #either(): Node | null {
    if (++this.#depth > 50) return null;
    const parts: Node[] = [];
    do {
      const part = this.#sequence();
      if (part === null) return null;
      parts.push(part);
    } while (this.#take('|'));
    this.#depth--;
    return { kind: 'either', parts };
  }

  #sequence(): Node | null {
    const parts: Node[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at] as string)) {
      const atom = this.#atom();
      const part = atom === null ? null : this.#repeated(atom);
      if (part === null) return null;
      parts.push(part);
    }
    return { kind: 'sequence', parts };
  }

  #repeated(part: Node): Node | null {
    let [min, max] = [1, 1];
    const counted = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(this.#text.slice(this.#at));
    if (this.#take('*')) [min, max] = [0, Number.POSITIVE_INFINITY];
    else if (this.#take('+')) [min, max] = [1, Number.POSITIVE_INFINITY];
    else if (this.#take('?')) [min, max] = [0, 1];
    else if (counted !== null) {
      const [whole, first, comma, last] = counted;
      this.#at += whole.length;
      min = Number(first);
      max = comma === '' ? min : last === '' ? Number.POSITIVE_INFINITY : Number(last);
      if (min > MAX_REPEAT || max < min || (max > MAX_REPEAT && max !== Number.POSITIVE_INFINITY)) return null;
    } else return part;
    this.#take('?'); // whether as few or as many as can be makes no difference to "does it match"
    return { kind: 'repeat', part, min, max };
  }

  #atom(): Node | null {
    if (this.#take('^')) return { kind: 'edge', end: false };
    if (this.#take('$')) return { kind: 'edge', end: true };
    if (this.#take('.')) return { kind: 'char', test: (code) => code !== 10 };
    if (this.#take('(')) {
      this.#take('?:');
      const inside = this.#either();
      return inside !== null && this.#take(')') ? inside : null;
    }
    if (this.#take('[')) return this.#class();
    if (/[*+?)\]]/.test(this.#text[this.#at] as string)) return null;
    const test = this.#single();
    return test === null ? null : { kind: 'char', test };
  }

  /** One character or escape. */
  #single(): Test | null {
    const escaped = this.#take('\\');
    const letter = this.#text[this.#at];
    if (letter === undefined) return null;
    this.#at++;
    const shorthand = escaped ? SHORTHANDS.get(letter) : undefined;
    if (shorthand !== undefined) return shorthand;
    if (escaped && /[A-Za-z0-9]/.test(letter)) return null;
    const wanted = letter.charCodeAt(0);
    return (code) => code === wanted;
  }

  #class(): Node | null {
    const negated = this.#take('^');
    const tests: Test[] = [];
    for (let first = true; first || !this.#take(']'); first = false) {
      const from = this.#text.charCodeAt(this.#at);
      const ranged = /^[^\\]-[^\]\\]/.test(this.#text.slice(this.#at));
      if (ranged) {
        const to = this.#text.charCodeAt(this.#at + 2);
        if (to < from) return null;
        tests.push((code) => code >= from && code <= to);
        this.#at += 3;
        continue;
      }
      const test = this.#single();
      if (test === null) return null;
      tests.push(test);
    }
    return { kind: 'char', test: (code) => tests.some((test) => test(code)) !== negated };
  }
}

const of =
  (pattern: RegExp, not: boolean): Test =>
  (code) =>
    pattern.test(String.fromCharCode(code)) !== not;
const SHORTHANDS: ReadonlyMap<string, Test> = new Map([
  ['d', of(/[0-9]/, false)],
  ['D', of(/[0-9]/, true)],
  ['w', of(/[0-9A-Za-z_]/, false)],
  ['W', of(/[0-9A-Za-z_]/, true)],
  ['s', of(/[\t\n\f\r ]/, false)],
  ['S', of(/[\t\n\f\r ]/, true)],
]);

/** False: more steps than are reasonable. */
function emit(node: Node, steps: Step[]): boolean {
  if (steps.length > MAX_STEPS) return false;
  if (node.kind === 'char' || node.kind === 'edge') return steps.push(node) > 0;
  if (node.kind === 'sequence') return node.parts.every((part) => emit(part, steps));
  if (node.kind === 'either') {
    const fork: number[] = [];
    const ends: number[][] = [];
    if (node.parts.length > 1) steps.push({ kind: 'jump', to: fork });
    for (const part of node.parts) {
      fork.push(steps.length);
      if (!emit(part, steps)) return false;
      const end: number[] = [];
      ends.push(end);
      if (node.parts.length > 1) steps.push({ kind: 'jump', to: end });
    }
    for (const end of ends) end.push(steps.length);
    return true;
  }
  for (let n = 0; n < node.min; n++) if (!emit(node.part, steps)) return false;
  if (node.max === Number.POSITIVE_INFINITY) {
    const start = steps.length;
    const loop: number[] = [start + 1];
    steps.push({ kind: 'jump', to: loop });
    if (!emit(node.part, steps)) return false;
    steps.push({ kind: 'jump', to: [start] });
    loop.push(steps.length);
    return true;
  }
  const exits: number[][] = [];
  for (let n = node.min; n < node.max; n++) {
    const choice = [steps.length + 1];
    exits.push(choice);
    steps.push({ kind: 'jump', to: choice });
    if (!emit(node.part, steps)) return false;
  }
  for (const exit of exits) exit.push(steps.length);
  return true;
}

function run(steps: readonly Step[], subject: string): boolean {
  let states = new Set<number>();
  let matched = false;
  const enter = (first: number, at: number): void => {
    const waiting = [first];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (states.has(next)) continue;
      states.add(next);
      const step = steps[next];
      if (step?.kind === 'match') matched = true;
      else if (step?.kind === 'jump') waiting.push(...step.to);
      else if (step?.kind === 'edge' && at === (step.end ? subject.length : 0)) waiting.push(next + 1);
    }
  };
  for (let at = 0; ; at++) {
    enter(0, at);
    if (matched) return true;
    if (at === subject.length) return false;
    const code = subject.charCodeAt(at);
    const current = states;
    states = new Set();
    for (const state of current) {
      const step = steps[state];
      if (step?.kind === 'char' && step.test(code)) enter(state + 1, at + 1);
    }
    if (matched) return true;
  }
}
