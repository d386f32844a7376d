import { noteSubject } from '../kernel/journal/journal.js';
import { now } from './time.js';
import type { EngineEvent, EventOptions } from './types.js';

/** As many as Docker keeps. */
const KEPT = 256;
/** A reader that is this far behind is cut off. */
const BACKLOG = 16_384;

type EventType = EngineEvent['Type'];

/** What happened, for those who listen now and for those who ask what it was. */
export class EventLog {
  #recent: EngineEvent[] = [];
  #listeners = new Set<(event: EngineEvent) => void>();
  #lastTime = 0n;

  /** Tell. `from` is the image of a container. */
  emit(Type: EventType, Action: string, ID: string, Attributes: Readonly<Record<string, string>>): void {
    noteSubject(Type, ID, Attributes['name'] ?? '');
    const time = now();
    // two events never have one time: who asks `since` the one that was seen last gets the next
    this.#lastTime = time > this.#lastTime ? time : this.#lastTime + 1n;
    const old =
      Type === 'container'
        ? { status: Action, id: ID, ...(Attributes['image'] === undefined ? {} : { from: Attributes['image'] }) }
        : Type === 'image'
          ? { status: Action, id: ID }
          : {};
    const event: EngineEvent = {
      ...old,
      Type,
      Action,
      Actor: { ID, Attributes },
      scope: 'local',
      time: Number(this.#lastTime / 1_000_000_000n),
      timeNano: this.#lastTime,
    };
    this.#recent.push(event);
    if (this.#recent.length > KEPT) this.#recent.shift();
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Call for each event from now on. Returns the function that ends it. */
  listen(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async *events({ since, until, filters, signal }: EventOptions): AsyncGenerator<EngineEvent> {
    const matches = eventFilter(filters);
    const queue: EngineEvent[] =
      since === null && until === null ? [] : this.#recent.filter(between(since ?? 0, until));
    let wake: () => void = () => undefined;
    let lost = false;
    const stop = this.listen((event) => {
      if (queue.length < BACKLOG) queue.push(event);
      else lost = true;
      wake();
    });
    const abort = (): void => wake();
    signal.addEventListener('abort', abort);
    const end = until === null ? null : Math.max(0, until * 1000 - Date.now());
    let over = end === 0;
    const timer =
      end === null || over
        ? undefined
        : setTimeout(
            () => {
              over = true;
              wake();
            },
            Math.min(end, 0x7fffffff),
          );
    try {
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          if (signal.aborted) return;
          if (matches(event)) yield event;
        }
        if (over || lost || signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || over || signal.aborted) resolve();
        });
      }
    } finally {
      stop();
      signal.removeEventListener('abort', abort);
      clearTimeout(timer);
    }
  }
}

function between(since: number, until: number | null): (event: EngineEvent) => boolean {
  const from = BigInt(Math.round(since * 1e6)) * 1000n;
  const to = until === null ? null : BigInt(Math.round(until * 1e6)) * 1000n;
  return ({ timeNano }) => timeNano >= from && (to === null || timeNano <= to);
}

/** Docker's filters of events: any of a key's values, all of the keys. */
export function eventFilter(filters: EventOptions['filters']): (event: EngineEvent) => boolean {
  const asked = (key: string): readonly string[] => filters[key] ?? [];
  const any = (key: string, test: (value: string) => boolean): boolean => {
    const values = asked(key);
    return values.length === 0 || values.some(test);
  };
  const named = (event: EngineEvent, type: EventType, value: string): boolean =>
    event.Type === type &&
    (event.Actor.ID === value || event.Actor.ID.startsWith(value) || event.Actor.Attributes['name'] === value);
  return (event) => {
    const { Attributes } = event.Actor;
    // `exec_create: sh -c …` is an event of the action `exec_create`; health_status of both words
    const action = event.Action.split(':')[0] as string;
    return (
      any('event', (value) => value === event.Action || value === action) &&
      any('type', (value) => value === event.Type) &&
      any('scope', (value) => value === event.scope) &&
      any('container', (value) => named(event, 'container', value)) &&
      any('network', (value) => named(event, 'network', value)) &&
      any('volume', (value) => named(event, 'volume', value)) &&
      any('daemon', (value) => named(event, 'daemon', value)) &&
      any(
        'image',
        (value) =>
          named(event, 'image', value) ||
          (event.Type === 'container' && stripTag(Attributes['image'] ?? '') === stripTag(value)) ||
          Attributes['image'] === value,
      ) &&
      asked('label').every((label) => {
        const [key = '', wanted] = label.split(/=(.*)/s);
        return key in Attributes && (wanted === undefined || Attributes[key] === wanted);
      })
    );
  };
}

function stripTag(name: string): string {
  return name.replace(/:[^:/]*$/, '');
}
