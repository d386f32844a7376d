import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { Dockerd } from '../../helpers/docker/dockerd.js';
import { PLACE } from '../../helpers/docker/fences.js';
import { findProgram } from '../../helpers/docker/programs.js';

const SAVED = join(PLACE, 'saved');

/** Keeps the config of each container that is to be created, and refuses to create it. */
const SCRIPT = `#!/bin/sh
id= bundle= before= create=
for word do
  case $before in --bundle) bundle=$word ;; esac
  case $word in create) create=1 ;; esac
  before=$word id=$word
done
[ -z "$create" ] || { cp "$bundle/config.json" ${SAVED}/$id.json; echo "kept" >&2; exit 1; }
exit 0
`;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A dockerd in the sandbox that starts nothing, and its API. */
export class Saver {
  readonly daemon: Dockerd;

  constructor(group: string) {
    const runc = findProgram('runc');
    if (runc === null) throw new Error('runc is not installed');
    mkdirSync(SAVED, { recursive: true });
    const script = join(PLACE, 'keep-config');
    writeFileSync(script, SCRIPT);
    chmodSync(script, 0o755);
    const flags = ['--bridge', 'none', '--iptables=false', '--ip6tables=false'];
    this.daemon = new Dockerd('saver', group, { reference: runc, subject: script, planted: script }, flags);
  }

  /** The config that dockerd gave to the runtime for a container, as text. */
  saved(id: string): string {
    return readFileSync(join(SAVED, `${id}.json`), 'utf8');
  }

  async api(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await this.raw(method, path, body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
    return {
      status: answer.status,
      body: answer.body.length === 0 ? null : (JSON.parse(answer.body.toString()) as unknown),
    };
  }

  raw(method: string, path: string, body?: Buffer): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: join(this.daemon.directory, 'sock'),
          method,
          path: `/v1.41${path}`,
          headers: { 'Content-Type': 'application/json' },
          timeout: 600_000,
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (piece: Buffer) => parts.push(piece));
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
          );
          answer.on('error', reject);
        },
      );
      sent.on('error', reject).on('timeout', () => sent.destroy(new Error(`${method} ${path} took longer than 30 s`)));
      sent.end(body);
    });
  }
}
