import type { ServerResponse } from 'node:http';

export type StepAnswer = 'next' | 'run' | 'stop';

/** Conversations that wait for an answer, by the number that POST steps/:id names. */
export type OpenSteps = Map<string, (answer: StepAnswer) => void>;

/**
 * An answer of JSON lines, some of which are questions: the first line names the conversation, POST steps/:id answers the
 * question that was asked last. Whoever goes away has said `stop`.
 */
export class Conversation {
  readonly #steps: OpenSteps;
  readonly #id: string;
  readonly #response: ServerResponse;
  #gone = false;
  #answer: ((answer: StepAnswer) => void) | null = null;

  constructor(steps: OpenSteps, id: string, response: ServerResponse) {
    this.#steps = steps;
    this.#id = id;
    this.#response = response;
    response.on('close', () => {
      if (response.writableFinished) return;
      this.#gone = true;
      this.#answer?.('stop');
    });
    steps.set(id, (answer) => this.#answer?.(answer));
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    this.say({ id });
  }

  say(value: unknown): void {
    if (!this.#gone) this.#response.write(`${JSON.stringify(value)}\n`);
  }

  ask(question: unknown): Promise<StepAnswer> {
    if (this.#gone) return Promise.resolve('stop');
    return new Promise((resolve) => {
      this.#answer = (answer) => {
        this.#answer = null;
        resolve(answer);
      };
      this.say(question);
    });
  }

  end(): void {
    this.#steps.delete(this.#id);
    this.#response.end();
  }
}
