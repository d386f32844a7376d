import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { EngineError } from '../client/engine.js';
import { type Context, type Handler, say, warn } from '../context.js';
import { CliError, EXIT_USAGE, messageOf } from '../errors.js';
import { familiar, parseReference, tagged } from '../format/reference.js';
import { type CreateBody, createBody } from '../opts/container.js';
import { checkPlatform } from '../opts/platform.js';
import { pullImage } from './pull.js';

/** Docker's help behind a failure of run and create. */
export const withHelp = (context: Context, message: string, exitCode: number): CliError =>
  new CliError(`docker: ${message}\n\nRun 'docker ${context.called} --help' for more information`, exitCode);

/** The flags as a configuration; a flag that makes no sense ends the command. */
export function bodyOf(context: Context): CreateBody {
  const { flags, args, env } = context;
  if (flags.changed('disable-content-trust') && !flags.bool('disable-content-trust'))
    throw withHelp(context, 'this command does not check signatures of images', EXIT_USAGE);
  try {
    const pull = flags.string('pull');
    if (!['always', 'missing', 'never'].includes(pull))
      throw new Error(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
    return createBody(flags, args, env);
  } catch (error) {
    throw withHelp(context, messageOf(error), EXIT_USAGE);
  }
}

/** Make the container, pulling its image when it is not there; answers its ID. */
export async function createContainer(context: Context, body: CreateBody): Promise<string> {
  const { flags, engine } = context;
  const cidfile = flags.string('cidfile');
  const file = cidfile === '' ? null : openCidFile(cidfile);
  let isKept = false;
  try {
    const platform = flags.string('platform') || (context.env['DOCKER_DEFAULT_PLATFORM'] ?? '');
    if (platform !== '') checkPlatform(platform);
    const image = nameOf(body.Image);
    if (flags.string('pull') === 'always') await pullFor(context, body.Image);
    const query = { name: flags.string('name') || undefined, platform: platform || undefined };
    const make = (): Promise<{ Id: string; Warnings?: readonly string[] | null }> =>
      engine.json('POST', '/containers/create', { query, body });
    let made: Awaited<ReturnType<typeof make>>;
    try {
      made = await make();
    } catch (error) {
      const isImage = error instanceof EngineError && error.status === 404 && /no such image/i.test(error.said);
      if (!isImage || image === null || flags.string('pull') !== 'missing') throw error;
      if (!flags.bool('quiet')) await warn(context, `Unable to find image '${image}' locally`);
      await pullFor(context, body.Image);
      made = await make();
    }
    for (const warning of made.Warnings ?? []) await warn(context, `WARNING: ${warning}`);
    if (file !== null) {
      writeSync(file, made.Id);
      isKept = true;
    }
    return made.Id;
  } finally {
    if (file !== null) {
      closeSync(file);
      if (!isKept) rmSync(cidfile, { force: true });
    }
  }
}

/** The image's name with its tag; null for an ID. */
function nameOf(image: string): string | null {
  if (/^(?:sha256:)?[a-f0-9]{64}$/.test(image)) return null;
  return familiar(tagged(parseReference(image)));
}

async function pullFor(context: Context, image: string): Promise<void> {
  const { flags } = context;
  const platform = flags.string('platform') || (context.env['DOCKER_DEFAULT_PLATFORM'] ?? '');
  await pullImage(context, tagged(parseReference(image)), {
    platform,
    isQuiet: flags.bool('quiet'),
    out: context.stderr,
  });
}

function openCidFile(path: string): number {
  if (existsSync(path))
    throw new CliError(`container ID file found, make sure the other container isn't running or delete ${path}`);
  try {
    return openSync(path, 'wx', 0o666);
  } catch (error) {
    throw new CliError(`failed to create the container ID file: ${messageOf(error)}`, 1, { cause: error });
  }
}

/** docker create. */
export const createCommand: Handler = async (context) => {
  await say(context, await createContainer(context, bodyOf(context)));
  return 0;
};
