import ts from 'typescript';

interface Place {
  readonly path: string;
  readonly line: number;
}

export interface FoundTexts {
  /** Object literals with `en` and `zh`, each as text; `‹…›` stands for an inserted value. */
  readonly pairs: readonly (Place & { readonly en: string; readonly zh: string })[];
  /** Object literals with one language only. */
  readonly halves: readonly (Place & { readonly has: string })[];
  /** English sentences given directly to a stream or the console. */
  readonly bare: readonly (Place & { readonly text: string })[];
}

/** Every sentence of a source file, as far as its syntax shows it. */
export function findTexts(path: string, text: string): FoundTexts {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const found = {
    pairs: [] as FoundTexts['pairs'][number][],
    halves: [] as FoundTexts['halves'][number][],
    bare: [] as FoundTexts['bare'][number][],
  };
  const place = (node: ts.Node): Place => ({
    path,
    line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1,
  });
  const visit = (node: ts.Node): void => {
    if (ts.isObjectLiteralExpression(node)) {
      const [en, zh] = [property(node, 'en'), property(node, 'zh')];
      const spread = node.properties.some(ts.isSpreadAssignment);
      if (en !== undefined && zh !== undefined) {
        const [enText, zhText] = [literal(en), literal(zh)];
        if (enText !== null && zhText !== null) found.pairs.push({ ...place(node), en: enText, zh: zhText });
      } else if (!spread && (en !== undefined || zh !== undefined)) {
        found.halves.push({ ...place(node), has: en === undefined ? 'zh' : 'en' });
      }
    }
    if (ts.isCallExpression(node) && /(stdout|stderr)\.write$|^console\.\w+$/.test(node.expression.getText())) {
      const [first] = node.arguments;
      const said = first === undefined ? null : literal(first);
      if (
        said !== null &&
        /[A-Za-z]{2,}( [a-z]{2,}){2,}/.test(said.replaceAll('‹…›', '')) &&
        !/[\u3400-\u9fff]/.test(said)
      )
        found.bare.push({ ...place(node), text: said });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function property(node: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const one = node.properties.find(
    (member) => member.name !== undefined && ts.isIdentifier(member.name) && member.name.text === name,
  );
  if (one === undefined) return undefined;
  if (ts.isPropertyAssignment(one)) return one.initializer;
  return ts.isShorthandPropertyAssignment(one) ? one.name : undefined;
}

/** Text of a string or template, `‹…›` for what is inserted; null for any other expression. */
function literal(node: ts.Expression): string | null {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => `‹…›${span.literal.text}`).join('');
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [literal(node.left), literal(node.right)];
    return left === null || right === null ? null : left + right;
  }
  return null;
}
