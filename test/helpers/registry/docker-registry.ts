import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RegistrySetup {
  readonly address?: string;
  readonly port: number;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** bcrypt's lines of an htpasswd file. */
  readonly htpasswd?: string;
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certFile: string;
  };
}

/** Debian's docker-registry, in the sandbox's network namespace. */
export class DockerRegistry {
  readonly host: string;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(host: string, directory: string, child: ChildProcess) {
    this.host = host;
    this.#directory = directory;
    this.#child = child;
  }

  static async start(directory: string, setup: RegistrySetup): Promise<DockerRegistry> {
    mkdirSync(directory, { recursive: true });
    const address = setup.address ?? '127.0.0.1';
    const file = join(directory, 'config.yml');
    writeFileSync(file, configOf(directory, `${address}:${setup.port}`, setup));
    const log = openSync(join(directory, 'log'), 'a');
    const child = spawn('docker-registry', ['serve', file], { stdio: ['ignore', log, log] });
    closeSync(log);
    const registry = new DockerRegistry(`${address}:${setup.port}`, directory, child);
    const deadline = performance.now() + 60_000;
    while (!(await answers(address, setup.port))) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`docker-registry does not start: ${registry.log().slice(-2000)}`);
      await sleep(20);
    }
    return registry;
  }

  log(): string {
    return readFileSync(join(this.#directory, 'log'), 'utf8');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** https://distribution.github.io/distribution/about/configuration/ */
function configOf(directory: string, address: string, setup: RegistrySetup): string {
  const { tls, htpasswd, token } = setup;
  const lines = [
    'version: 0.1',
    'log: {level: warn}',
    `storage: {filesystem: {rootdirectory: ${directory}/data}, delete: {enabled: true}}`,
    'http:',
    `  addr: ${address}`,
    '  secret: of-a-test',
    ...(tls === undefined ? [] : [`  tls: {certificate: ${tls.certFile}, key: ${tls.keyFile}}`]),
  ];
  if (htpasswd !== undefined) {
    writeFileSync(join(directory, 'htpasswd'), htpasswd);
    lines.push('auth:', `  htpasswd: {realm: test, path: ${directory}/htpasswd}`);
  }
  if (token !== undefined)
    lines.push(
      'auth:',
      `  token: {realm: '${token.realm}', service: ${token.service}, issuer: ${token.issuer}, rootcertbundle: ${token.certFile}}`,
    );
  return `${lines.join('\n')}\n`;
}
