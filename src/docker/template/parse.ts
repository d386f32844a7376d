import { lex, type Token } from './lex.js';
import type { CommandNode, ConstantNode, ListNode, Operand, PipeNode, Statement } from './nodes.js';
import { parseNumber } from './numbers.js';
import { unquote } from './quote.js';
import { TemplateError } from './template-error.js';

/** Parsed templates by name; `main` is the one that was given. */
export interface ParsedTemplate {
  readonly name: string;
  readonly text: string;
  readonly main: ListNode;
  readonly defined: ReadonlyMap<string, ListNode>;
}

/** How deep blocks and parentheses may nest, so that neither the parser nor the evaluator runs out of stack. */
const DEEPEST = 200;

/** Go's text/template/parse/parse.go. `functions`: names that may be called. */
export function parseTemplate(name: string, text: string, functions: { has(name: string): boolean }): ParsedTemplate {
  return new Parser(name, text, functions).parse();
}

type Ending = 'end' | 'else' | 'eof';

class Parser {
  readonly #name: string;
  readonly #text: string;
  readonly #functions: { has(name: string): boolean };
  readonly #tokens: readonly Token[];
  readonly #defined = new Map<string, ListNode>();
  #at = 0;
  #variables: string[] = ['$'];
  #rangeDepth = 0;
  #depth = 0;

  constructor(name: string, text: string, functions: { has(name: string): boolean }) {
    this.#name = name;
    this.#text = text;
    this.#functions = functions;
    this.#tokens = lex(name, text);
  }

  parse(): ParsedTemplate {
    const main = this.#list(new Set<Ending>(['eof']), true).list;
    return { name: this.#name, text: this.#text, main, defined: this.#defined };
  }

  #fail(message: string, line = this.#tokens[Math.max(0, this.#at - 1)]?.line ?? 1): never {
    throw new TemplateError(`template: ${this.#name}:${line}: ${message}`);
  }

  #peekRaw(): Token {
    return this.#tokens[this.#at] ?? { kind: 'eof', text: '', position: this.#text.length, line: 1 };
  }

  #nextRaw(): Token {
    const token = this.#peekRaw();
    this.#at++;
    if (token.kind === 'error') this.#fail(token.text, token.line);
    return token;
  }

  #skipSpace(): void {
    while (this.#peekRaw().kind === 'space') this.#at++;
  }

  /** The next token that is no space. */
  #next(): Token {
    this.#skipSpace();
    return this.#nextRaw();
  }

  #peek(): Token {
    this.#skipSpace();
    return this.#peekRaw();
  }

  #unexpected(token: Token, context: string): never {
    if (token.kind === 'error') this.#fail(token.text, token.line);
    this.#fail(`unexpected ${describe(token)} in ${context}`, token.line);
  }

  #expect(kind: Token['kind'], context: string): Token {
    const token = this.#next();
    if (token.kind !== kind) this.#unexpected(token, context);
    return token;
  }

  #enter(): void {
    if (++this.#depth > DEEPEST) this.#fail(`nested deeper than ${DEEPEST}`);
  }

  #list(endings: ReadonlySet<Ending>, isTop = false): { list: Statement[]; ending: Ending; token: Token } {
    this.#enter();
    const list: Statement[] = [];
    for (;;) {
      const token = this.#nextRaw();
      if (token.kind === 'text') {
        list.push({ kind: 'text', text: token.text, position: token.position });
        continue;
      }
      if (token.kind === 'eof') {
        if (!endings.has('eof')) this.#fail('unexpected EOF', token.line);
        this.#depth--;
        return { list, ending: 'eof', token };
      }
      const first = this.#peek();
      const word = first.kind === 'keyword' ? first.text : '';
      if (word === 'end' || word === 'else') {
        this.#next();
        if (!endings.has(word)) {
          if (isTop) this.#fail(`unexpected {{${word}}}`, first.line);
          this.#fail(`expected end; found {{${word}}}`, first.line);
        }
        if (word === 'end') this.#expect('right', 'end');
        this.#depth--;
        return { list, ending: word, token: first };
      }
      if (word === 'define') {
        if (!isTop) this.#unexpected(first, 'command');
        this.#define();
        continue;
      }
      list.push(this.#statement(first, word));
    }
  }

  #statement(first: Token, word: string): Statement {
    const { position } = first;
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        this.#next();
        return this.#branch(word, position);
      case 'template': {
        this.#next();
        const name = this.#templateName('template clause');
        const pipe = this.#peek().kind === 'right' ? null : this.#pipeline('template clause', 'right');
        if (pipe === null) this.#next();
        return { kind: 'template', name, pipe, position: position + word.length + 1 };
      }
      case 'block':
        this.#next();
        return this.#block(position);
      case 'break':
      case 'continue': {
        this.#next();
        const next = this.#next();
        if (next.kind !== 'right') this.#unexpected(next, `{{${word}}}`);
        if (this.#rangeDepth === 0) this.#fail(`{{${word}}} outside {{range}}`);
        return { kind: word, position };
      }
      default: {
        const kept = this.#variables.length;
        const pipe = this.#pipeline('command', 'right');
        if (pipe.declared.length === 0) this.#variables.length = kept;
        return { kind: 'action', pipe, position };
      }
    }
  }

  #branch(kind: 'if' | 'with' | 'range', position: number): Statement {
    const kept = this.#variables.length;
    const pipe = this.#pipeline(kind, 'right');
    if (kind === 'range') this.#rangeDepth++;
    const { list, ending, token } = this.#list(new Set<Ending>(['end', 'else']));
    if (kind === 'range') this.#rangeDepth--;
    let otherwise: ListNode | null = null;
    if (ending === 'else') otherwise = this.#else(kind, token);
    this.#variables.length = kept;
    return { kind, pipe, list, otherwise, position };
  }

  #else(kind: 'if' | 'with' | 'range', token: Token): ListNode {
    const next = this.#peek();
    if (kind !== 'range' && next.kind === 'keyword' && next.text === kind) {
      this.#next();
      // {{else if}} shares the {{end}} of the first
      this.#enter();
      const inner = this.#branch(kind, next.position);
      this.#depth--;
      return [inner];
    }
    const closing = this.#next();
    if (closing.kind !== 'right') this.#unexpected(closing, 'else');
    const { list } = this.#list(new Set<Ending>(['end']));
    void token;
    return list;
  }

  #templateName(context: string): string {
    const token = this.#next();
    if (token.kind !== 'string' && token.kind !== 'raw-string') this.#unexpected({ ...token }, context);
    return this.#string(token);
  }

  #string(token: Token): string {
    const value = unquote(token.text);
    if (value === null) this.#fail('invalid syntax', token.line);
    return value;
  }

  #define(): void {
    this.#next();
    const name = this.#templateName('define clause');
    this.#expect('right', 'define clause');
    this.#body(name);
  }

  #body(name: string): void {
    const [variables, rangeDepth] = [this.#variables, this.#rangeDepth];
    this.#variables = ['$'];
    this.#rangeDepth = 0;
    const { list } = this.#list(new Set<Ending>(['end']));
    this.#variables = variables;
    this.#rangeDepth = rangeDepth;
    const old = this.#defined.get(name);
    const isEmpty = list.every((one) => one.kind === 'text' && one.text.trim() === '');
    if (old === undefined || !isEmpty) this.#defined.set(name, list);
  }

  #block(position: number): Statement {
    const name = this.#templateName('block clause');
    const pipe = this.#pipeline('block clause', 'right');
    this.#body(name);
    return { kind: 'template', name, pipe, position };
  }

  #pipeline(context: string, end: 'right' | 'close'): PipeNode {
    this.#enter();
    const { position } = this.#peek();
    const { declared, isAssign } = this.#declarations(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#next();
      if (token.kind === end) {
        this.#check(commands, context);
        this.#depth--;
        if (!isAssign) this.#variables.push(...declared);
        return { kind: 'pipe', declared, isAssign, commands, position };
      }
      if (!STARTS.has(token.kind)) this.#unexpected(token, context);
      this.#at--;
      commands.push(this.#command());
    }
  }

  /** `$a :=`, `$a =`, and in a range `$a, $b :=`. */
  #declarations(context: string): { declared: string[]; isAssign: boolean } {
    const declared: string[] = [];
    for (;;) {
      if (this.#peek().kind !== 'variable') return { declared: [], isAssign: false };
      const start = this.#at;
      const name = this.#next();
      const next = this.#peek();
      if (next.kind === 'assign' || next.kind === 'declare') {
        this.#next();
        return { declared: [...declared, name.text], isAssign: next.kind === 'assign' };
      }
      if (next.kind === 'char' && next.text === ',') {
        this.#next();
        declared.push(name.text);
        if (context !== 'range' || declared.length > 1) this.#fail(`too many declarations in ${context}`);
        const after = this.#peek();
        if (after.kind === 'variable') continue;
        this.#fail('range can only initialize variables');
      }
      this.#at = start;
      return { declared: [], isAssign: false };
    }
  }

  #check(commands: readonly CommandNode[], context: string): void {
    if (commands.length === 0) this.#fail(`missing value for ${context}`);
    commands.slice(1).forEach((command, index) => {
      const first = command.args[0];
      if (first !== undefined && ['bool', 'dot', 'nil', 'number', 'string'].includes(first.kind))
        this.#fail(`non executable command in pipeline stage ${index + 2}`);
    });
  }

  #command(): CommandNode {
    const { position } = this.#peek();
    const args: Operand[] = [];
    for (;;) {
      const operand = this.#operand();
      if (operand !== null) args.push(operand);
      const token = this.#nextRaw();
      if (token.kind === 'space') continue;
      if (token.kind === 'right' || token.kind === 'close') this.#at--;
      else if (token.kind !== 'pipe') this.#unexpected(token, 'operand');
      break;
    }
    if (args.length === 0) this.#fail('empty command');
    return { kind: 'command', args, position };
  }

  #operand(): Operand | null {
    const node = this.#term();
    if (node === null) return null;
    const { position, kind } = this.#peekRaw();
    if (kind !== 'field') return node;
    const names: string[] = [];
    while (this.#peekRaw().kind === 'field') names.push(this.#nextRaw().text.slice(1));
    if (node.kind === 'field') return { kind: 'field', names: [...node.names, ...names], position };
    if (node.kind === 'variable') return { kind: 'variable', names: [...node.names, ...names], position };
    if (node.kind === 'chain' || node.kind === 'identifier' || node.kind === 'pipe')
      return { kind: 'chain', node, names, position };
    this.#fail(`unexpected . after term ${JSON.stringify(node.text)}`);
  }

  #term(): Operand | null {
    this.#skipSpace();
    const token = this.#nextRaw();
    const { position, text } = token;
    switch (token.kind) {
      case 'identifier':
        if (!this.#functions.has(text)) this.#fail(`function ${JSON.stringify(text)} not defined`, token.line);
        return { kind: 'identifier', name: text, position };
      case 'dot':
        return constant('dot', '.', null, position);
      case 'nil':
        return constant('nil', 'nil', null, position);
      case 'bool':
        return constant('bool', text, text === 'true', position);
      case 'variable':
        if (!this.#variables.includes(text)) this.#fail(`undefined variable ${JSON.stringify(text)}`, token.line);
        return { kind: 'variable', names: [text], position };
      case 'field':
        return { kind: 'field', names: [text.slice(1)], position };
      case 'char-constant':
      case 'number': {
        const value = parseNumber(text);
        if (value === null) this.#fail(`bad number syntax: ${JSON.stringify(text)}`, token.line);
        return constant('number', text, value, position);
      }
      case 'string':
      case 'raw-string':
        return constant('string', text, this.#string(token), position);
      case 'open':
        return this.#pipeline('parenthesized pipeline', 'close');
      default:
        this.#at--;
        return null;
    }
  }
}

const STARTS: ReadonlySet<Token['kind']> = new Set([
  'bool',
  'char-constant',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'raw-string',
  'string',
  'variable',
  'open',
]);

function constant(
  kind: ConstantNode['kind'],
  text: string,
  value: ConstantNode['value'],
  position: number,
): ConstantNode {
  return { kind, text, value, position };
}

function describe(token: Token): string {
  if (token.kind === 'eof') return 'EOF';
  if (token.kind === 'keyword') return `<${token.text}>`;
  return token.text.length > 10 ? `${JSON.stringify(token.text.slice(0, 10))}...` : JSON.stringify(token.text);
}
