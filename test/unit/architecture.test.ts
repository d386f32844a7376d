import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { type ImportLine, importsOf, projectFiles, readProjectFile } from '../helpers/source-tree.js';

const files = projectFiles();
const sources = files.filter((path) => /^(engine|src)\/.*\.ts$/.test(path));

/**
 * The engine's folders from the bottom up: a file may import from its own folder and from any lower floor.
 * docs/architecture.md draws it.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['kernel'],
  ['cgroup', 'image', 'network', 'volume'],
  ['runtime'],
  ['observe', 'policy'],
  ['container', 'labhost'],
  ['build', 'compose'],
  ['api'],
];

/** Types that cross the engine's socket: the one file that everyone may import. */
const PUBLIC_TYPES = 'engine/api/types.ts';

/** Parts of src that open a terminal or know the command line. What works without a screen imports none of them. */
const SCREENS = /^src\/(cli|sandbox|tui\/(app|screen|terminal-pane|overlay|run-app\.ts))(\/|$)/;
const SCREENLESS = /^src\/(i18n|lesson|plain|doctor|engine-client|tui\/viewmodels|tui\/text)\//;
/** The one file of src/cli that says where this installation is. */
const PACKAGE_ROOT = 'src/cli/package-root.ts';

/** Packages that belong to one part. */
const HOMES: readonly { readonly name: RegExp; readonly home: RegExp; readonly why: string }[] = [
  { name: /^koffi(\/|$)/, home: /^engine\/kernel\//, why: 'koffi belongs to engine/kernel alone' },
  { name: /^(blessed|blessed-contrib)(\/|$)/, home: /^src\/tui\//, why: 'blessed belongs to src/tui' },
  {
    name: /^inquirer(\/|$)/,
    home: /^src\/cli\//,
    why: 'inquirer belongs to src/cli: it is never open beside the full screen',
  },
];

const floorOf = (folder: string): number => FLOORS.findIndex((floor) => floor.includes(folder));

/** Why an import may not be, or null. */
function forbidden({ from, to, isPackage }: ImportLine): string | null {
  if (isPackage) return HOMES.find(({ name, home }) => name.test(to) && !home.test(from))?.why ?? null;
  if (to === PUBLIC_TYPES) return null;
  if (from.startsWith('src/')) return forbiddenInSrc(from, to);
  if (!to.startsWith('engine/')) return 'the engine knows nothing outside of itself';
  const [, fromFolder = '', fromRest] = from.split('/');
  const [, toFolder = '', toRest] = to.split('/');
  if (fromRest === undefined) return null;
  if (toRest === undefined) return 'engine/*.ts wires the parts together: no part imports it';
  if (fromFolder === toFolder) return null;
  const [fromFloor, toFloor] = [floorOf(fromFolder), floorOf(toFolder)];
  if (fromFloor < 0 || toFloor < 0) return `folder engine/${fromFloor < 0 ? fromFolder : toFolder} has no floor`;
  return toFloor < fromFloor ? null : `engine/${fromFolder} may not import engine/${toFolder}`;
}

function forbiddenInSrc(from: string, to: string): string | null {
  if (!to.startsWith('src/')) return 'src reaches the engine over its socket: only engine/api/types.ts may be imported';
  if (from.startsWith('src/i18n/') && !to.startsWith('src/i18n/'))
    return 'src/i18n is imported by all and imports nothing';
  if (SCREENLESS.test(from) && SCREENS.test(to) && to !== PACKAGE_ROOT)
    return 'what works without a screen imports none';
  return null;
}

const line = (from: string, to: string, isPackage = false): ImportLine => ({ from, to, isPackage });

describe('who imports whom', () => {
  it('follows the arrows of the architecture', () => {
    const wrong = sources.flatMap((path) =>
      importsOf(path).flatMap((one) => {
        const why = forbidden(one);
        return why === null ? [] : [`${one.from} -> ${one.to}: ${why}`];
      }),
    );
    assert.deepEqual(wrong, []);
    assert.ok(sources.length > 100, 'the tree was not read');
  });

  it('refuses the arrows that are not there', () => {
    for (const wrong of [
      line('engine/kernel/a.ts', 'engine/observe/b.ts'),
      line('engine/observe/a.ts', 'engine/labhost/b.ts'),
      line('engine/cgroup/a.ts', 'engine/network/b.ts'),
      line('engine/runtime/a.ts', 'engine/policy/b.ts'),
      line('engine/labhost/a.ts', 'engine/daemon.ts'),
      line('engine/kernel/a.ts', 'src/i18n/text.ts'),
      line('engine/new/a.ts', 'engine/kernel/b.ts'),
      line('src/tui/a.ts', 'engine/kernel/kernel.ts'),
      line('src/tui/a.ts', 'koffi', true),
      line('engine/observe/a.ts', 'koffi', true),
      line('src/i18n/a.ts', 'src/cli/b.ts'),
      line('src/lesson/a.ts', 'src/tui/app/run.ts'),
      line('src/plain/a.ts', 'src/cli/context.ts'),
      line('src/lesson/a.ts', 'inquirer', true),
      line('src/plain/a.ts', 'blessed', true),
    ]) {
      assert.notEqual(forbidden(wrong), null, `${wrong.from} -> ${wrong.to}`);
    }
    for (const right of [
      line('engine/observe/a.ts', 'engine/kernel/b.ts'),
      line('engine/policy/a.ts', 'engine/runtime/b.ts'),
      line('engine/daemon.ts', 'engine/labhost/b.ts'),
      line('engine/kernel/a.ts', 'koffi', true),
      line('src/tui/a.ts', PUBLIC_TYPES),
      line('src/cli/a.ts', 'src/tui/app.ts'),
      line('src/lesson/a.ts', 'src/i18n/text.ts'),
    ]) {
      assert.equal(forbidden(right), null, `${right.from} -> ${right.to}`);
    }
  });

  it('reads every form of import', () => {
    const text =
      "import a from './a.js';\nimport type { B } from './b.js';\nexport * from './c.js';\nconst d = await import('./d.js');\nimport 'koffi';";
    assert.deepEqual(
      importsOf('src/x/y.ts', text).map((one) => one.to),
      ['src/x/a.ts', 'src/x/b.ts', 'src/x/c.ts', 'src/x/d.ts', 'koffi'],
    );
  });

  it('has no code among the lessons', () => {
    assert.deepEqual(
      files.filter((path) => path.startsWith('lessons/') && /\.(ts|js|mjs|cjs)$/.test(path)),
      [],
    );
  });
});

describe('the tree', () => {
  it('has a README of at most 15 lines in every folder of code', () => {
    const folders = new Set(
      [...sources, ...files.filter((path) => /^(bin|scripts|test)\/.*\.(ts|mjs)$/.test(path))].map((path) =>
        dirname(path),
      ),
    );
    const charters = [...folders].filter((folder) => !/^(engine|src|scripts\/lib|test)$/.test(folder));
    const wrong = charters.flatMap((folder) => {
      const path = `${folder}/README.md`;
      if (!files.includes(path)) return [`${path} is missing`];
      const lines = readProjectFile(path).trimEnd().split('\n').length;
      return lines > 15 ? [`${path} has ${lines} lines`] : [];
    });
    assert.deepEqual(wrong, []);
  });

  it('uses kebab-case names', () => {
    const wrong = sources.filter(
      (path) => !path.split('/').every((part) => /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*$/.test(part)),
    );
    assert.deepEqual(wrong, []);
  });

  it('names each package of package.json in README with its why, and imports no other', () => {
    const { dependencies } = JSON.parse(readProjectFile('package.json')) as { dependencies: Record<string, string> };
    const readme = readProjectFile('README.md');
    assert.deepEqual(
      Object.keys(dependencies).filter((name) => !new RegExp(`^\\| \`${name}\` \\| .{20,}`, 'm').test(readme)),
      [],
    );
    const used = new Set(
      sources
        .flatMap((path) => importsOf(path))
        .filter((one) => one.isPackage && !one.to.startsWith('node:'))
        .map(({ to }) =>
          to
            .split('/')
            .slice(0, to.startsWith('@') ? 2 : 1)
            .join('/'),
        ),
    );
    assert.deepEqual(
      [...used].filter((name) => dependencies[name] === undefined),
      [],
    );
    assert.deepEqual(
      Object.keys(dependencies).filter((name) => !used.has(name)),
      [],
      'a dependency that nothing imports',
    );
  });
});

/** What must not be in a file, with the reason. The words are put together here so that this file does not hold them. */
const WORDS: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  {
    pattern: new RegExp(`(?<!\`)\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['HA', 'CK'].join('')})\\b`),
    why: 'unfinished work',
  },
  {
    pattern: new RegExp(`(^|[\\s'"\`(=])/(${'work'}|${'home'}/[a-z]+|${'Users'}/[A-Za-z]+)/`),
    why: "a path of somebody's machine",
  },
  { pattern: new RegExp(`@ts-${'ignore'}|\\bas ${'any'}\\b`), why: 'a type that was silenced' },
  { pattern: new RegExp(`\\.${'only'}\\(`), why: 'a test that hides the others' },
];

describe('the text of the sources', () => {
  it('holds no unfinished work, no path of a machine, nothing silenced', () => {
    const read = files.filter((path) => /\.(ts|mjs|yaml|md|sh|S)$/.test(path) || path === '.ci/run');
    const wrong = read.flatMap((path) =>
      readProjectFile(path)
        .split('\n')
        .flatMap((text, index) =>
          WORDS.filter(({ pattern }) => pattern.test(text)).map(
            ({ why }) => `${path}:${index + 1}: ${why}: ${text.trim()}`,
          ),
        ),
    );
    assert.deepEqual(wrong, []);
  });

  it('has no catch that hides a failure', () => {
    const wrong = files
      .filter((path) => /^(engine|src|test|scripts|bin)\/.*\.(ts|mjs)$/.test(path))
      .flatMap((path) => emptyCatches(path, readProjectFile(path)));
    assert.deepEqual(wrong, []);
    assert.equal(emptyCatches('x.ts', 'try { f(); } catch { /* nothing */ }').length, 1);
    assert.equal(emptyCatches('x.ts', 'p.catch(() => {})').length, 1);
    assert.equal(emptyCatches('x.ts', 'try { f(); } catch (error) { report(error); }').length, 0);
  });
});

/** `catch { }` and `.catch(() => {})`, with or without a comment inside. */
function emptyCatches(path: string, text: string): readonly string[] {
  const found: string[] = [];
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    const empty =
      (ts.isCatchClause(node) && node.block.statements.length === 0) ||
      (ts.isCallExpression(node) &&
        ts.isPropertyAccessExpression(node.expression) &&
        node.expression.name.text === 'catch' &&
        node.arguments.some(
          (argument) =>
            (ts.isArrowFunction(argument) || ts.isFunctionExpression(argument)) &&
            ts.isBlock(argument.body) &&
            argument.body.statements.length === 0,
        ));
    if (empty) found.push(`${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
