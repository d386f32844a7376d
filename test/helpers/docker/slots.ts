import { chmodSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from './fences.js';
import { findProgram } from './programs.js';

export type Slot = 'reference' | 'subject' | 'planted';
/** Programs by the name under which dockerd knows them. */
export type Slots = Readonly<Record<Slot, string>>;

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OWN = join(ROOT, 'bin', 'glassbox-runtime.mjs');

/**
 * runc with faults: no CAP_KILL, another memory limit, other open files, SIGUSR1 lost, exec as another user. The checks
 * must see each of them.
 */
const PLANTED = (runc: string): string => `#!/bin/sh
edit() { sed -i 's/"CAP_KILL",//g; s/"limit":33554432/"limit":67108864/; s/"type":"RLIMIT_NOFILE","hard":200/"type":"RLIMIT_NOFILE","hard":201/; s/"uid":1000/"uid":1001/' "$1"; }
before=
for word do
  case $before in --bundle) edit "$word/config.json" ;; --process) edit "$word" ;; esac
  before=$word
done
case " $* " in *" kill "*" 10 "*) exit 0 ;; esac
exec ${runc} "$@"
`;

/** Another program to be tested than this tree's own: GLASSBOX_RUNTIME. */
export function givenRuntime(): string | null {
  const given = process.env['GLASSBOX_RUNTIME'] ?? '';
  return given === '' ? null : given;
}

/** Node and this tree at places where a user without rights reaches them, whoever's home they are in. */
function ownRuntime(place: string): string {
  if (!existsSync(OWN)) throw new Error(`there is no ${OWN} to test`);
  const [node, tree] = [join(place, 'node'), join(place, 'tree')];
  writeFileSync(node, '');
  mkdirSync(tree);
  must('mount', ['--bind', realpathSync(process.execPath), node]);
  must('mount', ['--bind', ROOT, tree]);
  return `${node} ${join(tree, 'bin', 'glassbox-runtime.mjs')}`;
}

/**
 * The reference is runc. The runtime under test is the program in GLASSBOX_RUNTIME, else this tree's own. Engines take
 * one path, so each is a script that becomes the program; its name is runc, because podman knows by the name that a runtime
 * writes its log as JSON.
 */
export function makeSlots(place: string): Slots {
  const runc = findProgram('runc');
  if (runc === null) throw new Error('runc is not installed');
  const subject = givenRuntime() ?? ownRuntime(place);
  const script = (name: string, text: string): string => {
    const path = join(place, name, 'runc');
    mkdirSync(join(place, name));
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  };
  return {
    reference: runc,
    subject: script('subject', `#!/bin/sh\nexec ${subject} "$@"\n`),
    planted: script('planted', PLANTED(runc)),
  };
}
