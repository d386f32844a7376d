import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/**
 * Whether node_modules holds exactly what package-lock.json asks for. npm writes node_modules/.package-lock.json as
 * the last act of an install and `npm ci` removes node_modules first, so that file is the stamp: an interrupted
 * install has none. Optional packages for other platforms may be absent.
 */
export function dependenciesAreCurrent(root) {
  const wanted = readLock(join(root, 'package-lock.json'));
  const have = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null || have === null) return false;
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '' || entry.link) continue;
    const installed = have.packages[path];
    if (installed === undefined) {
      if (entry.optional && !isForThisPlatform(entry)) continue;
      if (entry.optional && entry.libc) continue;
      return false;
    }
    if (installed.version !== entry.version || installed.integrity !== entry.integrity) return false;
    if (!existsSync(join(root, path))) return false;
  }
  return true;
}

/** npm's rule for `os` and `cpu`: names that are meant, or `!` names that are not. */
function isForThisPlatform({ os = [], cpu = [] }) {
  const fits = (names, ours) =>
    !names.includes(`!${ours}`) && (names.every((name) => name.startsWith('!')) || names.includes(ours));
  return fits(os, process.platform) && fits(cpu, process.arch);
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Install the packages of package-lock.json, without running any install script of theirs. */
export async function installDependencies(root, onStart) {
  say({
    en: 'Installing the packages of package-lock.json (once) …',
    zh: '正在安装 package-lock.json 中的依赖包（仅此一次）……',
  });
  const viaNode = /npm-cli\.c?js$/.test(process.env.npm_execpath ?? '');
  const [file, ...before] = viaNode ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const args = [...before, 'ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await run(file, args, { cwd: root, capture: true, onStart });
  if (code === 0) return;
  const [cause = output] = output.split(/\nnpm error\s*\nnpm error (?:Clean install a project|Usage:)/);
  process.stderr.write(`${cause.trimEnd()}\n`);
  throw new SetupError({
    en: `npm ci ended with ${code}: see the lines above, check the network, and start again`,
    zh: `npm ci 以 ${code} 结束：请查看上面的输出，检查网络后重新开始`,
  });
}
