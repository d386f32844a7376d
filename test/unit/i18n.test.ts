import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { configPath, loadConfig, saveConfig } from '../../src/i18n/config.js';
import { chooseLanguage, parseLanguage } from '../../src/i18n/language.js';
import { pick } from '../../src/i18n/text.js';
import { findTexts } from '../helpers/bilingual.js';
import { projectFiles, readProjectFile } from '../helpers/source-tree.js';

describe('the language', () => {
  it('is read from locale names', () => {
    assert.deepEqual(['zh', 'zh_CN.UTF-8', 'zh-Hans', 'ZH', 'en_GB', 'C', 'POSIX', 'C.UTF-8'].map(parseLanguage), [
      'zh',
      'zh',
      'zh',
      'zh',
      'en',
      'en',
      'en',
      'en',
    ]);
    assert.deepEqual(['fr_FR', '', 'zhuang', undefined].map(parseLanguage), [null, null, null, null]);
  });

  it('goes by option, variable, saved choice, locale, in this order', () => {
    const env = { GLASSBOX_LANG: 'zh', LANG: 'en_US.UTF-8' };
    assert.equal(chooseLanguage({ option: 'en', saved: 'zh', env }), 'en');
    assert.equal(chooseLanguage({ saved: 'en', env }), 'zh');
    assert.equal(chooseLanguage({ saved: 'zh', env: { LANG: 'en_US' } }), 'zh');
    assert.equal(chooseLanguage({ env: { LC_ALL: 'zh_CN.UTF-8', LANG: 'en_US' } }), 'zh');
    assert.equal(chooseLanguage({ env: { LC_MESSAGES: 'zh_CN', LANG: 'en_US' } }), 'zh');
    assert.equal(chooseLanguage({ env: { LC_ALL: 'C', LANG: 'zh_CN' } }), 'en', 'LC_ALL=C is a choice');
    assert.equal(chooseLanguage({ env: { LC_ALL: '', LANG: 'zh_CN' } }), 'zh', 'an empty variable is none');
    assert.equal(chooseLanguage({ env: { LANG: 'fr_FR' } }), 'en');
    assert.equal(chooseLanguage({ env: {} }), 'en');
  });

  it('fills values in, once, and shows a forgotten one', () => {
    assert.equal(pick({ en: '{a} and {b}', zh: '{b}与{a}' }, 'zh', { a: '{b}', b: 2 }), '2与{b}');
    assert.equal(pick({ en: '{a}', zh: '' }, 'en'), '{a}');
  });
});

describe('the saved choice', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'glassbox-config-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('is where the XDG specification says; a relative XDG_CONFIG_HOME is ignored', () => {
    assert.equal(configPath({ XDG_CONFIG_HOME: '/x', HOME: '/h' }), '/x/glassbox/config.json');
    assert.equal(configPath({ XDG_CONFIG_HOME: 'x', HOME: '/h' }), '/h/.config/glassbox/config.json');
  });

  it('comes back, and keeps what it does not know', () => {
    const env = { HOME: home };
    mkdirSync(dirname(configPath(env)), { recursive: true });
    writeFileSync(configPath(env), '{"theme":"night"}');
    saveConfig(env, { language: 'zh' });
    assert.equal(loadConfig(env).config.language, 'zh');
    assert.deepEqual(JSON.parse(readFileSync(configPath(env), 'utf8')), { theme: 'night', language: 'zh' });
  });

  it('is no reason to fail when it is damaged: it is told, and a new choice mends it', () => {
    const env = { HOME: home };
    mkdirSync(dirname(configPath(env)), { recursive: true });
    for (const damaged of [
      '',
      '{"language":',
      '[]',
      'null',
      '"zh"',
      '{"language":"xx"}',
      '{"language":7}',
      '\u0000\u0001',
    ]) {
      writeFileSync(configPath(env), damaged);
      const { config, problem } = loadConfig(env);
      assert.equal(config.language, undefined, damaged);
      assert.match(problem?.en ?? '', /damaged/, damaged);
      assert.match(problem?.zh ?? '', /已损坏/, damaged);
    }
    saveConfig(env, { language: 'en' });
    assert.deepEqual(loadConfig(env), { config: { language: 'en' }, problem: null });
  });

  it('is none where there is no file, and told where there is no file to read', () => {
    assert.deepEqual(loadConfig({ HOME: home }), { config: {}, problem: null });
    mkdirSync(configPath({ HOME: home }), { recursive: true });
    assert.match(loadConfig({ HOME: home }).problem?.en ?? '', /cannot be read \(EISDIR\)/);
  });
});

describe('sentences in the sources', () => {
  const texts = projectFiles()
    .filter((path) => /^(src|engine|scripts)\/.*\.(ts|mjs)$/.test(path))
    .map((path) => findTexts(path, readProjectFile(path)));
  const all = texts.flatMap((one) => one.pairs);
  const where = (one: { path: string; line: number }) => `${one.path}:${one.line}`;

  it('has both languages wherever it has one', () => {
    assert.deepEqual(
      texts.flatMap((one) => one.halves).map((one) => `${where(one)}: only ${one.has}`),
      [],
    );
    assert.ok(all.length > 100, `only ${all.length} sentences were found`);
  });

  it('has Chinese in the Chinese and none in the English', () => {
    const wrong = all.filter(
      ({ en, zh }) =>
        (/[\u3400-\u9fff]/.test(en) && !/[A-Za-z] \/ [\u3400-\u9fff]/.test(en)) ||
        (isProse(en) && !/[\u3400-\u9fff]/.test(zh)),
    );
    assert.deepEqual(
      wrong.map((one) => `${where(one)}: ${one.en} / ${one.zh}`),
      [],
    );
  });

  it('has no half-translated sentence: no run of English prose within the Chinese', () => {
    const wrong = all.filter(({ zh }) => englishRun(zh));
    assert.deepEqual(
      wrong.map((one) => `${where(one)}: ${one.zh}`),
      [],
    );
  });

  it('fills the same values into both', () => {
    const names = (text: string) => [...new Set(text.match(/\{[a-zA-Z]+\}/g) ?? [])].sort().join();
    assert.deepEqual(all.filter(({ en, zh }) => names(en) !== names(zh)).map(where), []);
  });

  it('sets Chinese punctuation in Chinese', () => {
    const wrong = all.filter(({ zh }) => /[\u3400-\u9fff][,;:?!](\s|$|[\u3400-\u9fff])/.test(zh));
    assert.deepEqual(
      wrong.map((one) => `${where(one)}: ${one.zh}`),
      [],
    );
  });

  it('prints no bare English', () => {
    assert.deepEqual(
      texts
        .flatMap((one) => one.bare.filter(({ path }) => path.startsWith('src/')))
        .map((one) => `${where(one)}: ${one.text}`),
      [],
    );
  });

  it('would find each of these faults', () => {
    const found = findTexts(
      'x.ts',
      "const a = { en: 'one' }; process.stdout.write('Something went wrong here'); const b = { en: 'x {n}', zh: '有 {n}' }; say({ en: `a` + 'c', zh: `甲` });",
    );
    assert.deepEqual([found.halves.length, found.bare.length, found.pairs.length], [1, 1, 2]);
    assert.equal(englishRun('请先 run the command again later 再试'), true);
    assert.equal(englishRun('运行 ip link set veth1 up 即可'), false);
  });
});

/** Words of prose rather than a name, a command or a value. */
function isProse(text: string): boolean {
  return (
    (text.match(/\b(the|a|an|is|are|was|of|to|and|or|not|no|in|for|with|it|this|that|be|has|from|by)\b/gi)?.length ??
      0) >= 1 && /[a-z]{2,} [a-z]{2,}/i.test(text)
  );
}

/** Four English words in a row of which one is a function word: commands and names have none. */
function englishRun(text: string): boolean {
  const runs = text.match(/[A-Za-z']+(?: [A-Za-z']+){3,}/g) ?? [];
  return runs.some((run) => /\b(the|is|are|was|of|and|not|with|this|that|has|again)\b/.test(run));
}
