import { BUILTINS, CallError, ROOM, type TemplateFunction } from './functions.js';
import {
  type BranchNode,
  type CommandNode,
  type ListNode,
  nodeText,
  type Operand,
  type PipeNode,
  type Statement,
  type TemplateNode,
} from './nodes.js';
import type { ParsedTemplate } from './parse.js';
import { show } from './print.js';
import { TemplateError } from './template-error.js';
import { GoList, GoMap, GoNil, GoStruct, isTrue, NO_VALUE, type Result, typeName, type Value } from './values.js';

export interface EvaluateOptions {
  readonly functions: ReadonlyMap<string, TemplateFunction>;
  /** A key that a map does not have is an error: Option("missingkey=error"). */
  readonly missingKeyIsError?: boolean;
}

/** How deep templates may call templates. Go allows 100,000, on a stack that grows. */
const DEEPEST = 1000;
/** How many nodes one execution may visit: some seconds. */
const STEPS = 20_000_000;

/** Run a template on a value: text/template/exec.go. */
export function evaluate(template: ParsedTemplate, data: Value, options: EvaluateOptions): string {
  return new Evaluation(template, options).run(data);
}

type Flow = 'go' | 'break' | 'continue';
type Node = Operand | CommandNode | TemplateNode;
/** A receiver for what is piped into the last command; absent: nothing is. */
type Final = { readonly value: Result } | null;

class Evaluation {
  readonly #template: ParsedTemplate;
  readonly #options: EvaluateOptions;
  readonly #out: string[] = [];
  #length = 0;
  #steps = 0;
  #name: string;
  #depth = 0;
  #variables: { readonly name: string; value: Result }[] = [];

  constructor(template: ParsedTemplate, options: EvaluateOptions) {
    this.#template = template;
    this.#options = options;
    this.#name = template.name;
  }

  run(data: Value): string {
    this.#variables = [{ name: '$', value: data }];
    this.#list(this.#template.main, data);
    return this.#out.join('');
  }

  #fail(node: Node, message: string): never {
    const before = this.#template.text.slice(0, node.position);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(lineStart));
    const where = `${this.#template.name}:${line}:${column}`;
    throw new TemplateError(
      `template: ${where}: executing ${JSON.stringify(this.#name)} at <${nodeText(node)}>: ${message}`,
    );
  }

  #put(text: string, node: Node | null): void {
    this.#length += text.length;
    if (this.#length > ROOM) {
      const message = `output is longer than ${ROOM} characters`;
      if (node === null) throw new TemplateError(`template: ${this.#template.name}: ${message}`);
      this.#fail(node, message);
    }
    this.#out.push(text);
  }

  #list(list: ListNode, dot: Result): Flow {
    for (const statement of list) {
      if (++this.#steps > STEPS)
        throw new TemplateError(`template: ${this.#template.name}: evaluated more than ${STEPS} nodes`);
      const flow = this.#statement(statement, dot);
      if (flow !== 'go') return flow;
    }
    return 'go';
  }

  #statement(node: Statement, dot: Result): Flow {
    switch (node.kind) {
      case 'text':
        this.#put(node.text, null);
        return 'go';
      case 'action': {
        const value = this.#pipeline(node.pipe, dot);
        if (node.pipe.declared.length === 0) this.#put(show(value), node.pipe);
        return 'go';
      }
      case 'if':
      case 'with': {
        const mark = this.#variables.length;
        const value = this.#pipeline(node.pipe, dot);
        const list = isTrue(value) ? node.list : node.otherwise;
        const flow = list === null ? 'go' : this.#list(list, node.kind === 'with' && list === node.list ? value : dot);
        this.#variables.length = mark;
        return flow;
      }
      case 'range':
        return this.#range(node, dot);
      case 'template':
        this.#call(node, dot);
        return 'go';
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  #range(node: BranchNode, dot: Result): Flow {
    const mark = this.#variables.length;
    const value = this.#pipeline(node.pipe, dot, true);
    const [first, second] = node.pipe.declared;
    let count = 0;
    for (const [key, item] of this.#elements(value, node.pipe)) {
      count++;
      if (first !== undefined) this.#bind(node.pipe, first, second === undefined ? item : key);
      if (second !== undefined) this.#bind(node.pipe, second, item);
      const inner = this.#variables.length;
      const flow = this.#list(node.list, item);
      this.#variables.length = inner;
      if (!node.pipe.isAssign) this.#variables.length = mark;
      if (flow === 'break') break;
    }
    let flow: Flow = 'go';
    if (count === 0 && node.otherwise !== null) flow = this.#list(node.otherwise, dot);
    this.#variables.length = mark;
    return flow;
  }

  #bind(pipe: PipeNode, name: string, value: Result): void {
    if (pipe.isAssign) this.#assign(pipe, name, value);
    else this.#variables.push({ name, value });
  }

  *#elements(value: Result, pipe: PipeNode): Generator<[Value, Value]> {
    if (value instanceof GoList) {
      for (const [index, item] of value.items.entries()) yield [BigInt(index), item];
    } else if (value instanceof GoMap) {
      yield* value.sorted();
    } else if (typeof value === 'bigint') {
      for (let index = 0n; index < value; index++) {
        if (++this.#steps > STEPS) this.#fail(pipe, `evaluated more than ${STEPS} nodes`);
        yield [index, index];
      }
    } else if (!(value === null || value === NO_VALUE || value instanceof GoNil)) {
      const last = pipe.commands.at(-1)?.args;
      this.#fail(
        last?.length === 1 && last[0] !== undefined ? last[0] : pipe,
        `range can't iterate over ${show(value)}`,
      );
    } else if (value === null || value === NO_VALUE) {
      return;
    }
  }

  #call(node: TemplateNode, dot: Result): void {
    const list = this.#template.defined.get(node.name);
    if (list === undefined) this.#fail(node, `template ${JSON.stringify(node.name)} not defined`);
    if (this.#depth === DEEPEST) this.#fail(node, `exceeded maximum template depth (${DEEPEST})`);
    const value = node.pipe === null ? NO_VALUE : this.#pipeline(node.pipe, dot);
    const [variables, name] = [this.#variables, this.#name];
    this.#variables = [{ name: '$', value }];
    this.#name = node.name;
    this.#depth++;
    this.#list(list, value);
    this.#depth--;
    this.#variables = variables;
    this.#name = name;
  }

  #pipeline(pipe: PipeNode, dot: Result, inRange = false): Result {
    let value: Result = NO_VALUE;
    let final: Final = null;
    for (const command of pipe.commands) {
      value = this.#command(command, dot, final);
      final = { value };
    }
    if (inRange) return value;
    for (const name of pipe.declared) {
      if (pipe.isAssign) this.#assign(pipe, name, value);
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #assign(pipe: PipeNode, name: string, value: Result): void {
    const found = this.#variables.findLast((variable) => variable.name === name);
    const last = pipe.commands.at(-1)?.args[0];
    if (found === undefined) this.#fail(last ?? pipe, `undefined variable: ${name}`);
    found.value = value;
  }

  #command(command: CommandNode, dot: Result, final: Final): Result {
    const [first, ...args] = command.args;
    if (first === undefined) return NO_VALUE;
    switch (first.kind) {
      case 'field':
        return this.#fields(dot, first, first.names, args, final, dot);
      case 'variable':
        return this.#variable(first, args, final, dot);
      case 'chain':
        return this.#fields(this.#operand(first.node, dot), first, first.names, args, final, dot);
      case 'identifier':
        return this.#function(first.name, first, command, args, final, dot);
      case 'pipe':
        this.#noArguments(first, args, final);
        return this.#pipeline(first, dot);
      case 'nil':
        this.#noArguments(first, args, final);
        this.#fail(first, 'nil is not a command');
        break;
      default:
        this.#noArguments(first, args, final);
        return first.kind === 'dot' ? dot : first.value;
    }
  }

  #noArguments(node: Operand, args: readonly Operand[], final: Final): void {
    if (args.length > 0 || final !== null) this.#fail(node, `can't give argument to non-function ${nodeText(node)}`);
  }

  #operand(node: Operand, dot: Result): Result {
    switch (node.kind) {
      case 'dot':
        return dot;
      case 'field':
        return this.#fields(dot, node, node.names, [], null, dot);
      case 'variable':
        return this.#variable(node, [], null, dot);
      case 'pipe':
        return this.#pipeline(node, dot);
      case 'identifier':
        return this.#function(node.name, node, node, [], null, dot);
      case 'chain':
        return this.#fields(this.#operand(node.node, dot), node, node.names, [], null, dot);
      default:
        return node.value;
    }
  }

  #variable(node: Extract<Operand, { kind: 'variable' }>, args: readonly Operand[], final: Final, dot: Result): Result {
    const [name, ...names] = node.names;
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (found === undefined) this.#fail(node, `undefined variable: ${name}`);
    if (names.length > 0) return this.#fields(found.value, node, names, args, final, dot);
    this.#noArguments(node, args, final);
    return found.value;
  }

  /** a.b.c: only the last may have arguments. */
  #fields(
    start: Result,
    node: Operand,
    names: readonly string[],
    args: readonly Operand[],
    final: Final,
    dot: Result,
  ): Result {
    let value = start;
    let isFromMap = false;
    names.forEach((name, index) => {
      const isLast = index === names.length - 1;
      const receiver = value;
      value = this.#field(receiver, node, name, isLast ? args : [], isLast ? final : null, dot, isFromMap);
      isFromMap = receiver instanceof GoMap && receiver.type.endsWith('interface {}');
    });
    return value;
  }

  /** `isFromMap`: the receiver is an element of a map of interfaces, whose type Go's errors name instead of its own. */
  #field(
    receiver: Result,
    node: Operand,
    name: string,
    args: readonly Operand[],
    final: Final,
    dot: Result,
    isFromMap: boolean,
  ): Result {
    if (receiver === NO_VALUE) {
      if (this.#options.missingKeyIsError === true)
        this.#fail(node, `nil data; no entry for key ${JSON.stringify(name)}`);
      return NO_VALUE;
    }
    const hasArguments = args.length > 0 || final !== null;
    if (receiver instanceof GoStruct) {
      const method = receiver.methods.get(name);
      if (method !== undefined) {
        const values = this.#arguments(
          name,
          { min: method.params.length, max: method.params.length, params: method.params },
          node,
          args,
          final,
          dot,
        );
        return method.call(values.map((value) => (value === NO_VALUE ? null : value)));
      }
      const value = receiver.field(name);
      if (value === undefined) this.#fail(node, `can't evaluate field ${name} in type ${receiver.type}`);
      if (hasArguments) this.#fail(node, `${name} has arguments but cannot be invoked as function`);
      return value;
    }
    if (receiver instanceof GoMap) {
      if (hasArguments) this.#fail(node, `${name} is not a method but has arguments`);
      const value = receiver.entries.get(name);
      if (value !== undefined) return value;
      if (this.#options.missingKeyIsError === true)
        this.#fail(node, `map has no entry for key ${JSON.stringify(name)}`);
      return NO_VALUE;
    }
    if (receiver instanceof GoNil) this.#fail(node, `nil pointer evaluating ${receiver.type}.${name}`);
    if (receiver === null) this.#fail(node, `nil pointer evaluating interface {}.${name}`);
    this.#fail(node, `can't evaluate field ${name} in type ${isFromMap ? 'interface {}' : typeName(receiver)}`);
  }

  #function(
    name: string,
    node: Operand,
    at: Operand | CommandNode,
    args: readonly Operand[],
    final: Final,
    dot: Result,
  ): Result {
    const called = this.#options.functions.get(name) ?? BUILTINS.get(name);
    if (called === undefined) this.#fail(node, `${JSON.stringify(name)} is not a defined function`);
    if ((name === 'and' || name === 'or') && args.length + (final === null ? 0 : 1) > 0) {
      // evaluated one by one, until the answer is known
      for (const arg of args) {
        const value = this.#operand(arg, dot);
        if (isTrue(value) === (name === 'or') || (arg === args.at(-1) && final === null)) return value;
      }
      return final?.value ?? null;
    }
    const values = this.#arguments(name, called, node, args, final, dot);
    try {
      const result = called.call(values);
      if (typeof result === 'string' && result.length > ROOM) throw new CallError('output is too long');
      return result;
    } catch (error) {
      if (error instanceof CallError || error instanceof RangeError) {
        const asked =
          name === 'call' && args[0] !== undefined ? `non-function ${nodeText(args[0])} of` : 'non-function of';
        this.#fail(at, `error calling ${name}: ${error.message.replace('non-function of', asked)}`);
      }
      throw error;
    }
  }

  #arguments(
    name: string,
    called: Pick<TemplateFunction, 'min' | 'max' | 'params'>,
    node: Operand,
    args: readonly Operand[],
    final: Final,
    dot: Result,
  ): Result[] {
    const count = args.length + (final === null ? 0 : 1);
    if (count < called.min || count > called.max) {
      const want = called.max === Number.POSITIVE_INFINITY ? `at least ${called.min}` : called.min;
      this.#fail(node, `wrong number of args for ${name}: want ${want} got ${count}`);
    }
    const values = args.map((arg, index) => {
      const value = this.#operand(arg, dot);
      this.#check(arg, value, called.params?.[index]);
      return value;
    });
    if (final !== null) {
      const type = called.params?.[args.length];
      if (type !== undefined && !fits(final.value, type)) this.#fail(args.at(-1) ?? node, wrongType(final.value, type));
      values.push(final.value);
    }
    return values;
  }

  #check(arg: Operand, value: Result, type: 'string' | 'int' | '[]string' | undefined): void {
    if (type === undefined || fits(value, type)) return;
    if (arg.kind === 'string' || arg.kind === 'number' || arg.kind === 'bool') {
      if (type === '[]string') this.#fail(arg, `can't handle ${nodeText(arg)} for arg of type []string`);
      this.#fail(arg, `expected ${type === 'int' ? 'integer' : type}; found ${nodeText(arg)}`);
    }
    if (arg.kind === 'nil') this.#fail(arg, `cannot assign nil to ${type}`);
    this.#fail(arg, wrongType(value, type));
  }
}

function fits(value: Result, type: 'string' | 'int' | '[]string'): boolean {
  if (type === 'string') return typeof value === 'string';
  if (type === 'int') return typeof value === 'bigint';
  return value instanceof GoList && value.items.every((item) => typeof item === 'string');
}

function wrongType(value: Result, type: string): string {
  if (value === NO_VALUE) return `invalid value; expected ${type}`;
  return `wrong type for value; expected ${type}; got ${typeName(value)}`;
}
