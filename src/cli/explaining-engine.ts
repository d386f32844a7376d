import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Bilingual, Story, StorySummary } from '../../engine/api/types.js';
import { ConnectionError, Engine, EngineError, type Query } from '../docker/client/engine.js';
import { resolveHost } from '../docker/client/host.js';
import { Flags } from '../docker/command/flags.js';

const DEFAULT_SOCKET = '/var/run/docker.sock';
const PATH = '/glassbox/v1/explain';
const NO_SOCKET: Bilingual = { en: 'there is no such socket', zh: '没有这个套接字' };

/** An engine of ours that tells what requests made it do. */
export interface ExplainingEngine {
  /** As it was given: `unix:///var/run/docker.sock`. */
  readonly address: string;
  /** Somebody named it: what it does not know is an error. */
  readonly asked: boolean;
  list(limit: number | null): Promise<readonly StorySummary[]>;
  /** Null: it knows of none. */
  tell(query: Query): Promise<readonly Story[] | null>;
}

/** What is there instead of such an engine. */
export type NoEngine = { readonly why: 'none' | 'other'; readonly address: string; readonly message: Bilingual };

/**
 * The engine at `--host`, else of DOCKER_HOST, else of the usual socket where there is one: in a lab that is ours. `none`:
 * nobody answers; `other`: one answers that is not ours.
 */
export async function findEngine(
  host: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  usual = DEFAULT_SOCKET,
): Promise<ExplainingEngine | NoEngine> {
  const asked = host !== undefined || (env['DOCKER_HOST'] ?? '') !== '';
  if (!asked && !isSocket(usual)) return { why: 'none', address: `unix://${usual}`, message: NO_SOCKET };
  const flags = new Flags([]);
  if (host !== undefined) flags.set('host', host);
  const where = resolveHost(flags, env, env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'));
  const engine = new Engine(where);
  const ask = async <T>(query: Query): Promise<readonly T[]> =>
    (await engine.json<{ stories: readonly T[] }>('GET', PATH, { query })).stories;
  try {
    await ask({ limit: 1 });
  } catch (error) {
    if (error instanceof ConnectionError) return { why: 'none', address: where.text, message: asSaid(error.message) };
    if (error instanceof EngineError) return { why: 'other', address: where.text, message: asSaid(error.said) };
    throw error;
  }
  return {
    address: where.text,
    asked,
    list: (limit) => ask<StorySummary>(limit === null ? {} : { limit }),
    tell: async (query) => {
      try {
        return await ask<Story>(query);
      } catch (error) {
        if (error instanceof EngineError && error.status === 404) return null;
        throw error;
      }
    },
  };
}

/** Words of Docker's, which has one language. */
function asSaid(text: string): Bilingual {
  return { en: text, zh: text };
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}
