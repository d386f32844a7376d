import { EngineError } from '../../../kernel/errors.js';
import type { Story, StorySummary } from '../../types.js';
import { bad } from '../bodies/fields.js';
import type { Query } from '../bodies/query.js';
import { sendJson } from '../http/send.js';
import { type Endpoint, endpoint } from '../router.js';
import type { DockerServices } from '../services.js';

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 20;
/** Stories of one object that are told at once. */
const MAX_TOLD = 50;
const MAX_NAME = 256;

type Asked =
  | { readonly what: 'list'; readonly limit: number }
  | { readonly what: 'last' }
  | { readonly what: 'number'; readonly number: number }
  | { readonly what: 'object'; readonly name: string };

/** What requests made the engine do. Not Docker's: it has a name space of its own. */
export const EXPLAIN: readonly Endpoint[] = [
  endpoint(
    'GlassboxExplain GET /glassbox/v1/explain',
    'none',
    ({ query }) => parse(query),
    async (asked, { services, response }) => sendJson(response, 200, { stories: await answer(asked, services) }),
  ),
];

function parse(query: Query): Asked {
  const given = ['number', 'object', 'last'].filter((name) => query.has(name));
  if (given.length > 1) bad(`ask for one thing, not for ${given.join(' and ')}`);
  const [one] = given;
  if (one === 'last') return { what: 'last' };
  if (one === 'number') {
    const number = query.integer('number');
    return number === null || number < 1 ? bad('number must be a positive number') : { what: 'number', number };
  }
  if (one === 'object') {
    const name = query.text('object').replace(/^\//, '');
    return name === '' || name.length > MAX_NAME ? bad('object must be a name or an id') : { what: 'object', name };
  }
  const limit = query.integer('limit') ?? DEFAULT_LIMIT;
  return limit < 1 || limit > MAX_LIMIT ? bad(`limit must be between 1 and ${MAX_LIMIT}`) : { what: 'list', limit };
}

/** The words are loaded when the first asks for them. */
async function answer(asked: Asked, { journal }: DockerServices): Promise<readonly (Story | StorySummary)[]> {
  if (journal === undefined) throw new EngineError('NotImplemented', 'this engine keeps no journal');
  const { storiesAbout, storiesOf, summaryOf, tell } = await import('../explain/stories.js');
  const stories = storiesOf(journal);
  if (asked.what === 'list') return stories.slice(-asked.limit).map(summaryOf);
  if (asked.what === 'last')
    return stories
      .filter((calls) => calls[0]?.origin.by === 'request')
      .slice(-1)
      .map(tell);
  if (asked.what === 'object') {
    const told = storiesAbout(stories, asked.name);
    if (told.length === 0) throw new EngineError('NotFound', `nothing is known of ${asked.name}`);
    return told.slice(-MAX_TOLD).map(tell);
  }
  const story = stories.find((calls) => calls.some((call) => call.number === asked.number));
  if (story === undefined) throw new EngineError('NotFound', `there is no call ${asked.number}`);
  return [tell(story[0]?.number === asked.number ? story : story.filter((call) => call.number === asked.number))];
}
