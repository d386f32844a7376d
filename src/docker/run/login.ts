import { createInterface } from 'node:readline';
import { type StoredAuth, saveAuths } from '../client/config-file.js';
import { type Credentials, credentialsFor, HUB } from '../client/credentials.js';
import { readBounded } from '../client/engine.js';
import { type Context, type Handler, say, warn } from '../context.js';
import { CliError } from '../errors.js';
import { printable } from '../format/formatter.js';
import { write } from '../io.js';

const hostOf = (server: string): string => server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
const keyOf = (server: string): string =>
  server === '' ||
  server === 'docker.io' ||
  hostOf(server) === 'index.docker.io' ||
  hostOf(server) === 'registry-1.docker.io'
    ? HUB
    : hostOf(server);

/** docker login: the engine tries the credentials, this file keeps them. */
export const login: Handler = async (context) => {
  const { args, config, engine } = context;
  const key = keyOf(args[0] ?? '');
  if (config.credsStore !== '' || config.credHelpers[key] !== undefined)
    throw new CliError(
      'docker login: this command reads credential helpers but does not write to them; use a config file without credsStore',
    );
  const credentials = await ask(context, key);
  const answer = await engine.json<{ Status?: string; IdentityToken?: string }>('POST', '/auth', { body: credentials });
  const token = answer.IdentityToken ?? '';
  const stored: StoredAuth =
    token === ''
      ? { auth: Buffer.from(`${credentials.username ?? ''}:${credentials.password ?? ''}`).toString('base64') }
      : { auth: Buffer.from(`${credentials.username ?? ''}:`).toString('base64'), identitytoken: token };
  await warn(
    context,
    `\nWARNING! Your credentials are stored unencrypted in '${config.path}'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n`,
  );
  saveAuths(config, { ...config.auths, [key]: stored });
  if (answer.Status !== undefined && answer.Status !== '') await say(context, printable(answer.Status));
  return 0;
};

async function ask(context: Context, key: string): Promise<Credentials> {
  const { flags, config } = context;
  const isPiped = flags.bool('password-stdin');
  if (flags.changed('password')) {
    if (isPiped) throw new CliError('conflicting options: cannot specify both --password and --password-stdin');
    await warn(context, 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
  }
  if (isPiped && flags.string('username') === '')
    throw new CliError('the --password-stdin option requires --username to be set');
  if (flags.changed('password') && flags.string('username') === '')
    throw new CliError('the --password option requires --username to be set');
  let username = flags.string('username');
  let password = flags.string('password');
  if (isPiped)
    password = (await readBounded(context.stdin, 1 << 16, 'a password')).toString('utf8').replace(/\r?\n$/, '');
  if (username === '' && password === '') {
    const known = credentialsFor(config, key);
    if ((known.username ?? '') !== '' || known.identitytoken !== undefined) {
      await say(context, 'Authenticating with existing credentials...');
      return { ...known, serveraddress: key };
    }
  }
  if ((username === '' || password === '') && !context.stdin.isTTY)
    throw new CliError('Error: Cannot perform an interactive login from a non TTY device');
  if (username === '') username = await line(context, 'Username: ', true);
  if (username === '') throw new CliError('username is required');
  if (password === '') password = await line(context, 'Password: ', false);
  if (password === '') throw new CliError('password is required');
  return { username, password, serveraddress: key };
}

/** One line from the terminal; a password is not echoed. */
async function line(context: Context, question: string, isEchoed: boolean): Promise<string> {
  await write(context.stdout, question);
  if (isEchoed) {
    const lines = createInterface({ input: context.stdin });
    try {
      for await (const text of lines) return text.trim();
      return '';
    } finally {
      lines.close();
    }
  }
  const { stdin } = context;
  stdin.setRawMode(true);
  try {
    let typed = '';
    for await (const chunk of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      for (const byte of chunk.toString('utf8')) {
        if (byte === '\r' || byte === '\n') return typed;
        if (byte === '\x03') throw new CliError('', 130);
        if (byte === '\x04') return typed;
        typed = byte === '\x7f' || byte === '\b' ? typed.slice(0, -1) : typed + byte;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    await write(context.stdout, '\n');
  }
}

/** docker logout. */
export const logout: Handler = async (context) => {
  const { args, config } = context;
  const key = keyOf(args[0] ?? '');
  const names = Object.keys(config.auths).filter((name) => name === key || hostOf(name) === hostOf(key));
  if (config.credsStore !== '' || config.credHelpers[key] !== undefined)
    throw new CliError('docker logout: this command reads credential helpers but does not write to them');
  await say(context, `Removing login credentials for ${key}`);
  if (names.length === 0) return 0;
  saveAuths(config, Object.fromEntries(Object.entries(config.auths).filter(([name]) => !names.includes(name))));
  return 0;
};
