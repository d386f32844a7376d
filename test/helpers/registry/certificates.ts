import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
}

/** Certificates of an authority of our own, made with openssl(1). */
export class Authority {
  readonly #directory: string;
  readonly own: Certificate;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    this.own = this.selfSigned(
      'authority',
      [],
      ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign,digitalSignature'],
    );
  }

  /** @param names as `DNS:a.example`, `IP:10.0.0.1` */
  selfSigned(name: string, names: readonly string[], extensions: readonly string[] = []): Certificate {
    const all = [...(names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []), ...extensions];
    const { keyFile, certFile } = this.#files(name);
    openssl([
      ...'req -x509 -newkey rsa:2048 -nodes -days 30'.split(' '),
      ...['-keyout', keyFile, '-out', certFile, '-subj', `/CN=${name}`],
      ...all.flatMap((extension) => ['-addext', extension]),
    ]);
    return this.#read(name);
  }

  /** Signed by the authority; `expired`: its last day was in the year 2021. */
  signed(name: string, names: readonly string[], expired = false): Certificate {
    const { keyFile, certFile } = this.#files(name);
    const at = (suffix: string): string => join(this.#directory, `${name}${suffix}`);
    openssl([
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      keyFile,
      '-out',
      at('.csr'),
      '-subj',
      `/CN=${name}`,
    ]);
    writeFileSync(at('.index'), '');
    writeFileSync(at('.serial'), `${Buffer.from(name).toString('hex').slice(0, 16)}\n`);
    writeFileSync(
      at('.cnf'),
      `[ca]\ndefault_ca=one\n[one]\ndatabase=${at('.index')}\nserial=${at('.serial')}\nnew_certs_dir=${this.#directory}\ndefault_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=${names.join(',')}\n`,
    );
    openssl([
      ...'ca -batch -notext'.split(' '),
      ...['-config', at('.cnf'), '-in', at('.csr'), '-out', certFile],
      ...['-cert', this.own.certFile, '-keyfile', this.own.keyFile],
      ...(expired ? '-startdate 20200101000000Z -enddate 20210101000000Z' : '-days 30').split(' '),
    ]);
    return this.#read(name);
  }

  #files(name: string): { keyFile: string; certFile: string } {
    return { keyFile: join(this.#directory, `${name}.key`), certFile: join(this.#directory, `${name}.crt`) };
  }

  #read(name: string): Certificate {
    const files = this.#files(name);
    return { ...files, key: readFileSync(files.keyFile, 'utf8'), cert: readFileSync(files.certFile, 'utf8') };
  }
}

function openssl(args: readonly string[]): void {
  const done = spawnSync('openssl', args, { encoding: 'utf8', timeout: 600_000 });
  if (done.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${done.stderr}`);
}
