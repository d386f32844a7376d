import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { holdServices } from './hold-services.mjs';
import { findProgram, run } from './run.mjs';
import { pick, say } from './say.mjs';

/** The packages of which a program is missing, each with the names of what is missing. */
export function missingPackages(packages, host = realHost) {
  return packages.flatMap((entry) => {
    const absent = entry.programs.filter((name) => {
      const path = host.find(name);
      return path === null || (entry.static === true && !host.isStatic(path));
    });
    return absent.length === 0 ? [] : [{ ...entry, absent }];
  });
}

/** Whether an ELF program has no interpreter (elf(5): no program header of type PT_INTERP). */
export function isStatic(path) {
  const fd = openSync(path, 'r');
  const head = Buffer.alloc(4096);
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return false;
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  for (let index = 0; index < count && offset + index * size + 4 <= head.length; index++) {
    if (head.readUInt32LE(offset + index * size) === 3) return false;
  }
  return true;
}

const names = (packages) => packages.map((entry) => entry.name).join(' ');

/** The command that a person runs to get these packages. */
export const installCommand = (packages) => `apt-get install --no-install-recommends ${names(packages)}`;

/** The machine as the offer sees it; tests give another. */
export const realHost = {
  find: findProgram,
  isRoot: () => process.getuid?.() === 0,
  isStatic,
  run,
  ask,
  hasPackageIndex,
  holdServices,
};

/**
 * Offer the packages that are missing. Says which and why; asks once (the answer "no" is remembered for exactly these
 * packages in `memory`); `yes` does not ask. Without root, apt or a terminal it says what to do and goes on: the lab
 * runs with what there is and `glassbox doctor` names what is weaker.
 * @returns {Promise<'complete' | 'installed' | 'declined' | 'cannot' | 'failed'>}
 */
export async function offerPackages(packages, { memory, yes, host = realHost }) {
  const missing = missingPackages(packages, host);
  if (missing.length === 0) return 'complete';
  const wanted = names(missing);
  if (!yes && remembered(memory) === wanted) return 'declined';
  say({ en: 'These Debian packages are missing:', zh: '缺少以下 Debian 软件包：' });
  for (const entry of missing) process.stderr.write(`  ${entry.name.padEnd(16)} ${pick(entry.why)}\n`);
  if (host.find('apt-get') === null) {
    remember(memory, wanted);
    say({
      en: 'This machine has no apt-get: install the programs with its own package manager. Going on with what there is.',
      zh: '本机没有 apt-get：请用系统自带的包管理器安装上述程序。先以现有条件继续。',
    });
    return 'cannot';
  }
  if (!host.isRoot()) {
    remember(memory, wanted);
    const command = `sudo ${installCommand(missing)}`;
    say({ en: `Installing needs root: ${command}`, zh: `安装需要 root 权限：${command}` });
    say({ en: 'Going on with what there is.', zh: '先以现有条件继续。' });
    return 'cannot';
  }
  if (!yes && !(await host.ask(missing))) {
    remember(memory, wanted);
    const command = installCommand(missing);
    say({ en: `Not installed; later: ${command}`, zh: `未安装；以后可运行：${command}` });
    return 'declined';
  }
  return install(missing, host);
}

/** Ask on the terminal; without one the answer is no, since nobody can say yes. */
async function ask(missing) {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    say({
      en: 'There is no terminal to ask on; --yes installs without asking.',
      zh: '没有可供询问的终端；加 --yes 可不经询问直接安装。',
    });
    return false;
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  prompt.on('SIGINT', () => process.exit(130));
  try {
    const count = missing.length;
    const question = {
      en: `Install them now with apt-get (${count})? [Y/n] `,
      zh: `现在用 apt-get 安装这 ${count} 个软件包吗？[Y/n] `,
    };
    const answer = (await prompt.question(pick(question))).trim();
    return answer === '' || /^(y|yes|是|好)$/i.test(answer);
  } finally {
    prompt.close();
  }
}

/**
 * No service is started, now or at a later boot: systemd's and System V's way to start are both refused while apt runs
 * (RUNLEVEL=1 is single-user mode for invoke-rc.d, where there is no policy), and what the packages enable is disabled.
 * A first failure is taken for a stale package index: it is fetched, and the install tried once more.
 */
async function install(missing, host) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { env, capture: true };
  say({ en: `Installing ${names(missing)} …`, zh: `正在安装 ${names(missing)}……` });
  const args = ['install', '-y', '-q', '--no-install-recommends', ...missing.map((entry) => entry.name)];
  const result = await host.holdServices(async () => {
    const first = host.hasPackageIndex() ? await host.run('apt-get', args, options) : { code: 1, output: '' };
    if (first.code === 0) return first;
    const update = await host.run('apt-get', ['update', '-q'], options);
    const second = await host.run('apt-get', args, options);
    return { code: second.code, output: update.output + second.output };
  });
  // of packages that are new here only: what a person enabled stays enabled
  const fresh = missing.filter((entry) => entry.absent.length === entry.programs.length);
  const services = fresh.flatMap((entry) => entry.services ?? []);
  if (result.code === 0 && services.length > 0 && host.find('systemctl') !== null)
    await host.run('systemctl', ['disable', '--quiet', ...services], options);
  const still = missingPackages(missing, host);
  if (result.code === 0 && still.length === 0) return 'installed';
  process.stderr.write(result.output);
  const failed = names(still.length > 0 ? still : missing);
  say({
    en: `apt-get could not install ${failed} (see above). Going on with what there is.`,
    zh: `apt-get 未能安装 ${failed}（见上）。先以现有条件继续。`,
  });
  return 'failed';
}

function hasPackageIndex(dir = '/var/lib/apt/lists') {
  try {
    return readdirSync(dir).some((name) => name.includes('Packages'));
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return false;
    throw error;
  }
}

function remembered(memory) {
  try {
    return readFileSync(memory, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Where the answer cannot be written (a clone of somebody else) it is asked again next time; nothing fails for it. */
function remember(memory, wanted) {
  try {
    mkdirSync(dirname(memory), { recursive: true });
    writeFileSync(memory, wanted);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
  }
}

export const memoryPath = (root) => join(root, '.glassbox', 'packages-declined');
