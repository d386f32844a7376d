import './tellers.js';
import type { Call } from '../../../kernel/journal/call.js';
import type { Deed } from '../../../kernel/journal/deed.js';
import type { Journal } from '../../../kernel/journal/journal.js';
import type { Bilingual, Story, StoryCall, StoryEntry, StorySummary } from '../../types.js';

/** A command's requests follow each other closely; one whose pid is somebody else's by now does not go on with it. */
const TOGETHER_MS = 10 * 60_000;
/** Names of programs that run one command and end. */
const COMMAND = /^docker /;

/** Calls of the journal as stories, oldest first: those of one command are one. */
export function storiesOf(journal: Journal): readonly (readonly Call[])[] {
  const stories: Call[][] = [];
  const open = new Map<string, Call[]>();
  for (const call of journal.calls) {
    const key = commandKey(call);
    const known = key === null ? undefined : open.get(key);
    if (known !== undefined && call.at - (known.at(-1) as Call).at < TOGETHER_MS) {
      known.push(call);
      continue;
    }
    const story = [call];
    stories.push(story);
    if (key !== null) open.set(key, story);
  }
  return stories;
}

/** What requests of the same run of a docker command have in common; null: it stands alone. */
function commandKey({ origin }: Call): string | null {
  if (origin.by !== 'request') return null;
  const { pid, command } = origin.caller;
  return pid === null || pid === 0 || command === null || !COMMAND.test(command) ? null : `${pid} ${command}`;
}

export function summaryOf(calls: readonly Call[]): StorySummary {
  const first = calls[0] as Call;
  return { number: first.number, title: titleOf(first), calls: calls.map(callOf) };
}

function titleOf({ origin }: Call): Bilingual {
  if (origin.by === 'engine') return origin.text;
  const { command } = origin.caller;
  const text = command !== null && COMMAND.test(command) ? command : `${origin.method} ${origin.path}`;
  return { en: text, zh: text };
}

function callOf(call: Call): StoryCall {
  return {
    number: call.number,
    at: call.at,
    durationMs: call.endedAt === null ? null : call.endedAt - call.at,
    origin: call.origin,
    status: call.end.status,
    failure: call.end.failure,
    subjects: call.subjects,
    deeds: call.deeds.length,
    forgotten: call.forgotten,
  };
}

/** Put every deed into words. */
export function tell(calls: readonly Call[]): Story {
  let seq = 0;
  const entries = calls.flatMap((call) =>
    call.deeds.flatMap((deed) =>
      deed.tell().map((note): StoryEntry => {
        seq += 1;
        return { ...entryOf(call, deed), ...note, place: note.place ?? null, seq };
      }),
    ),
  );
  return { ...summaryOf(calls), entries };
}

function entryOf(
  call: Call,
  { at, phase, undo, late }: Deed,
): Pick<StoryEntry, 'at' | 'actor' | 'subject' | 'call' | 'phase' | 'undo' | 'late'> {
  const { subjects } = call;
  return { at, actor: 'engine', subject: subjects[0]?.name ?? '', call: call.number, phase, undo, late };
}

/** The stories that are about an object of this name, id or beginning of an id; by the ids, too, that had the name in any of them. */
export function storiesAbout(stories: readonly (readonly Call[])[], name: string): readonly (readonly Call[])[] {
  const all = stories.flat().flatMap(({ subjects }) => subjects);
  const ids = new Set(all.filter((one) => one.name === name).map(({ id }) => id));
  return stories.filter((calls) => calls.some((call) => concerns(call, name, ids)));
}

function concerns(call: Call, name: string, ids: ReadonlySet<string>): boolean {
  const { origin } = call;
  const isIt = (id: string): boolean => id !== '' && (ids.has(id) || isNamed(id, name));
  if (origin.by === 'engine' && isIt(origin.object)) return true;
  if (call.subjects.some((one) => one.name === name || isIt(one.id))) return true;
  if (origin.by !== 'request') return false;
  return (
    origin.path.split('/').includes(name) || (origin.operation === 'ContainerCreate' && origin.query['name'] === name)
  );
}

/** A beginning of an id as `docker ps` shows it, or longer. */
function isNamed(id: string, name: string): boolean {
  const bare = id.replace(/^sha256:/, '');
  return id === name || (name.length >= 4 && /^[0-9a-f]+$/.test(name) && bare.startsWith(name));
}
