import type { Story } from '../../engine/api/types.js';
import { CliError } from '../docker/errors.js';
import { type Bilingual, pick } from '../i18n/text.js';
import { type Context, complain } from './context.js';
import { type ExplainingEngine, findEngine, type NoEngine } from './explaining-engine.js';
import { isOfRuntime } from './runtime-command.js';
import { type Invocation, UsageError } from './spec.js';
import { listText, storyText } from './story-text.js';

const SAID = {
  none: { en: 'there is no engine at {address}: {message}', zh: '{address} 处没有引擎：{message}' },
  other: {
    en: 'the engine at {address} does not tell what it does (only that of Glassbox does): {message}',
    zh: '{address} 处的引擎不会说明自己做了什么（只有 Glassbox 的引擎会）：{message}',
  },
  unknown: {
    en: "the engine at {address} knows nothing of {what}; 'glassbox explain' lists what it did",
    zh: '{address} 处的引擎没有关于 {what} 的记录；“glassbox explain”会列出它做过的事',
  },
  nothing: { en: 'nothing has been asked of the engine at {address} yet', zh: '{address} 处的引擎还没有收到过请求' },
} as const satisfies Record<string, Bilingual>;

/**
 * `glassbox explain [N | NAME | --last]` of an engine. Null: there is none of ours, or the name is of a container that the runtime
 * alone knows, and nobody said that the engine is meant: then something else is explained.
 */
export async function explainCalls(invocation: Invocation, context: Context): Promise<number | null> {
  const { options, command } = invocation;
  const host = typeof options['host'] === 'string' ? options['host'] : undefined;
  let engine: ExplainingEngine | NoEngine;
  try {
    engine = await findEngine(host, context.env);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new UsageError({ en: error.message, zh: error.message }, command);
  }
  const limit = options['limit'];
  if (typeof limit === 'string' && !/^[1-9]\d{0,2}$/.test(limit))
    throw new UsageError({ en: '--limit takes a number from 1 to 999', zh: '--limit 的取值为 1 到 999' }, command);
  const isMeant = host !== undefined || options['last'] !== undefined || options['limit'] !== undefined;
  if ('why' in engine) {
    if (!isMeant) return null;
    complain(context, SAID[engine.why], { address: engine.address, message: pick(engine.message, context.language) });
    return 1;
  }
  return answer(engine, isMeant || engine.asked, invocation, context);
}

async function answer(
  engine: ExplainingEngine,
  isMeant: boolean,
  { options, words }: Invocation,
  context: Context,
): Promise<number | null> {
  const [word] = words;
  const json = options['json'] !== undefined;
  const { address } = engine;
  if (word === undefined && options['last'] === undefined) {
    const stories = await engine.list(typeof options['limit'] === 'string' ? Number(options['limit']) : null);
    context.stdout.write(json ? `${JSON.stringify(stories, null, 2)}\n` : listText(stories, context.language));
    return 0;
  }
  const asked = word === undefined ? { last: 1 } : /^\d+$/.test(word) ? { number: word } : { object: word };
  const stories = await engine.tell(asked);
  if (stories === null || stories.length === 0) {
    const isNumber = 'number' in asked || word === undefined;
    if (!isMeant && !isNumber && (await isOfRuntime(word))) return null;
    complain(context, word === undefined ? SAID.nothing : SAID.unknown, { address, what: word ?? '' });
    return 1;
  }
  context.stdout.write(json ? `${JSON.stringify(stories, null, 2)}\n` : toldText(stories, context));
  return 0;
}

const toldText = (stories: readonly Story[], { language }: Context): string =>
  stories.map((story) => storyText(story, language)).join('\n');
