import { DOCKER_FUNCTIONS } from './docker-functions.js';
import { evaluate } from './evaluate.js';
import { BUILTINS, type TemplateFunction } from './functions.js';
import { type ParsedTemplate, parseTemplate } from './parse.js';
import type { Value } from './values.js';

export type { TemplateFunction } from './functions.js';
export { TemplateError } from './template-error.js';
export * from './values.js';

/** A template that was parsed, ready to be run on values. */
export class Template {
  readonly #parsed: ParsedTemplate;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;

  constructor(text: string, options: { name?: string; functions?: ReadonlyMap<string, TemplateFunction> } = {}) {
    const own = options.functions;
    this.#functions = own === undefined ? DOCKER_FUNCTIONS : new Map([...DOCKER_FUNCTIONS, ...own]);
    const known = { has: (name: string) => this.#functions.has(name) || BUILTINS.has(name) };
    this.#parsed = parseTemplate(options.name ?? '', text, known);
  }

  run(data: Value, options: { readonly missingKeyIsError?: boolean } = {}): string {
    return evaluate(this.#parsed, data, { functions: this.#functions, ...options });
  }
}
