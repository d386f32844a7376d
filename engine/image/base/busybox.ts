import { EngineError } from '../../kernel/errors.js';
import { addAssets } from './assets.js';
import { addProgram, firstFile, librariesOf, outputOf } from './libraries.js';
import { ImageTree } from './tree.js';

const PLACES = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox', '/usr/local/bin/busybox', '/bin/busybox.static'];

export interface Busybox {
  /** The machine's program. */
  readonly program: string;
  /** `BusyBox v1.35.0 (Debian 1:1.35.0-4+b3)`. */
  readonly version: string;
  readonly isStatic: boolean;
}

/** The machine's busybox. FailedPrecondition, with what to do, when there is none. */
export async function findBusybox(places: readonly string[] = PLACES): Promise<Busybox> {
  const program = await firstFile(places);
  if (program === null)
    throw new EngineError(
      'FailedPrecondition',
      'this machine has no busybox to make the image of; install it with: apt-get install busybox-static',
    );
  const [first = ''] = (await outputOf(program, ['--help'])).split('\n');
  const version = /^BusyBox v\S+(?: \([^)]*\))?/.exec(first)?.[0];
  if (version === undefined) throw new EngineError('FailedPrecondition', `${program} does not say that it is BusyBox`);
  return { program, version, isStatic: (await librariesOf(program)).length === 0 };
}

/**
 * The tree of `busybox:latest`: every applet as a hard link in /bin, accounts, the directories that programs expect. Laid out as
 * Docker's official image. https://github.com/docker-library/busybox
 */
export async function busyboxTree({ program }: Busybox): Promise<ImageTree> {
  const tree = new ImageTree();
  await addProgram(tree, program, 'bin/busybox');
  const applets = (await outputOf(program, ['--list'])).split('\n').filter((name) => /^[\w.[-]+$/.test(name));
  if (!applets.includes('sh')) throw new EngineError('FailedPrecondition', `${program} has no shell`);
  for (const applet of applets) if (applet !== 'busybox') tree.hardlink(`bin/${applet}`, 'bin/busybox', 0o755);
  addAssets(tree, 'busybox');
  tree.directory('dev').directory('home', 0o755, { uid: 65534, gid: 65534 }).directory('root', 0o700);
  tree.directory('tmp', 0o1777).directory('usr/sbin').directory('usr/bin').symlink('usr/bin/env', '../../bin/env');
  tree.directory('var/spool/mail', 0o755, { uid: 8, gid: 8 }).directory('var/www', 0o755, { uid: 33, gid: 33 });
  return tree;
}
