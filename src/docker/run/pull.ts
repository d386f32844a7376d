import { authHeader, credentialsFor, HUB } from '../client/credentials.js';
import { type Context, say } from '../context.js';
import { showProgress } from '../format/progress.js';
import { familiar, familiarName, type Reference } from '../format/reference.js';

/** The registry's key in the config file. */
export const registryKey = (domain: string): string => (domain === 'docker.io' ? HUB : domain);

/** The header with what is stored for a registry. */
export function registryAuth(context: Context, domain: string): string {
  return authHeader(credentialsFor(context.config, registryKey(domain)));
}

export interface PullOptions {
  readonly platform: string;
  readonly isQuiet: boolean;
  readonly out: NodeJS.WriteStream;
  readonly isAll?: boolean;
}

/** Have the engine pull an image, and show how. */
export async function pullImage(context: Context, reference: Reference, options: PullOptions): Promise<void> {
  const answer = await context.engine.request('POST', '/images/create', {
    query: {
      fromImage: familiarName(reference),
      tag: options.isAll === true ? undefined : (reference.digest ?? reference.tag ?? undefined),
      platform: options.platform || undefined,
    },
    headers: { 'x-registry-auth': registryAuth(context, reference.domain) },
  });
  await showProgress(answer, options.out, { isQuiet: options.isQuiet });
  if (options.isQuiet && options.out === context.stdout) await say(context, fullName(reference));
}

/** With the registry, as docker pull ends. */
export const fullName = (reference: Reference): string =>
  familiar({ ...reference, path: reference.path }).replace(
    /^/,
    reference.domain === 'docker.io'
      ? reference.path.startsWith('library/')
        ? 'docker.io/library/'
        : 'docker.io/'
      : '',
  );
